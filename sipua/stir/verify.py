"""What is verified of an INVITE (RFC 8224 6.2, RFC 8588, RFC 8946 5), without a socket or a clock.

    Reading(claim, now)    ──▶ urls: certificates that are needed; none where all is wrong without
    Reading.verdict(found) ──▶ the verdict, and the status that a trunk which requires one gets

What can be refused without a certificate is: an INVITE that is wrong in itself asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from sipua.sip.wire.verdict import FAILED, NOT_VALIDATED, PASSED, Claim, Verdict
from sipua.stir.certificate import Signer
from sipua.stir.faults import (
    BAD_INFO,
    FORBIDDEN,
    INVALID_IDENTITY,
    STALE,
    TOO_WEAK,
    UNSUPPORTED_CREDENTIAL,
    USE_IDENTITY,
    IdentityError,
)
from sipua.stir.passport import Compact, Passport, read

Found = Mapping[str, Signer | IdentityError]
"""By the URL of its certificate."""


@dataclass(frozen=True, slots=True)
class Outcome:
    verdict: Verdict
    status: int = 0
    """Of a refusal, where the trunk requires one that is passed. 0: it is taken."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Proof:
    """A PASSporT about the caller, and those that lead from whom it was for to whom we are."""

    base: Passport
    diverted: tuple[Passport, ...] = ()

    @property
    def all(self) -> tuple[Passport, ...]:
        return (self.base, *self.diverted)


class Reading:
    def __init__(self, claim: Claim, now: float, max_age_s: float) -> None:
        """`now`: the wall clock."""
        self._claim = claim
        self._now = now
        self._max_age_s = max_age_s
        self._error: IdentityError | None = None
        """The first, as what is wrong with the header that counts most."""
        passports = self._passports()
        self._proofs = self._proven(passports)

    @property
    def urls(self) -> tuple[str, ...]:
        every = (one.url for proof in self._proofs for one in proof.all)
        return tuple(dict.fromkeys(every))

    def verdict(self, found: Found) -> Outcome:
        """`found`: for each of `urls`."""
        for proof in self._proofs:
            try:
                for one in proof.all:
                    self._check(one, found[one.url])
            except IdentityError as error:
                self._wrong(error)
            else:
                return self._passed(proof.base)
        return self._not_passed(self._error or IdentityError(USE_IDENTITY, _NONE))

    # --- before there are certificates --------------------------------------------------------

    def _passports(self) -> list[Passport]:
        found: list[Passport] = []
        if self._claim.fault:
            self._wrong(IdentityError(INVALID_IDENTITY, self._claim.fault))
        for value in self._claim.identities:
            try:
                one = read(value)
                found += self._rebuilt(one) if isinstance(one, Compact) else [one] if one else []
            except IdentityError as error:
                self._wrong(error)
        return found

    def _rebuilt(self, one: Compact) -> list[Passport]:
        """Which of the numbers that the INVITE has were signed is found out by trying."""
        try:
            made = int(parsedate_to_datetime(self._claim.date[:64]).timestamp())
        except (ValueError, OverflowError):
            raise _stale("has no Date that says when it was signed") from None
        return [
            one.passport(orig, dest, made)
            for orig in self._claim.origs[:2]
            for dest in self._claim.dests[:2]
        ]

    def _proven(self, passports: list[Passport]) -> list[_Proof]:
        """Those about this call; SHAKEN first, as it attests something."""
        proofs = []
        for base in sorted(passports, key=lambda one: one.ppt != "shaken"):
            if base.ppt == "div":
                continue
            try:
                diverted = self._way(base, [one for one in passports if one.ppt == "div"])
                for one in (base, *diverted):
                    self._check_age(one)
                if base.orig not in self._claim.origs:
                    raise _invalid("it was signed for another caller")
            except IdentityError as error:
                self._wrong(error)
            else:
                proofs.append(_Proof(base, diverted))
        if passports and not any(one.ppt != "div" for one in passports):
            self._wrong(_invalid("says where the call was diverted, and not who calls"))
        return proofs

    def _way(self, base: Passport, diversions: list[Passport]) -> tuple[Passport, ...]:
        """The diversions from whom the caller has called to whom we are (RFC 8946 5)."""
        at, way = set(self._claim.dests), []
        while not at & set(base.dests):
            fitting = (one for one in diversions if one.orig == base.orig and at & set(one.dests))
            if (step := next(fitting, None)) is None:
                raise _invalid("it was signed for a call to another number")
            diversions = [one for one in diversions if one is not step]
            way.append(step)
            at = {step.diverted}
        return tuple(way)

    def _check_age(self, one: Passport) -> None:
        age_s = self._now - one.iat
        if abs(age_s) > self._max_age_s:
            when = f"{age_s:.0f} s ago" if age_s > 0 else f"{-age_s:.0f} s from now"
            raise _stale(f"it was signed {when}: too old, or a clock is wrong")

    # --- with them ----------------------------------------------------------------------------

    def _check(self, one: Passport, signer: Signer | IdentityError) -> None:
        if isinstance(signer, IdentityError):
            raise signer
        signer.check_time(self._now)
        signer.verify(one.signed, one.signature)
        if signer.numbers is None:
            raise IdentityError(
                UNSUPPORTED_CREDENTIAL,
                "its certificate does not say for which numbers it is (TNAuthList)",
            )
        if not signer.numbers.covers(one.diverted or one.orig):
            raise IdentityError(
                UNSUPPORTED_CREDENTIAL, "its certificate is not for the caller's number"
            )

    def _wrong(self, error: IdentityError) -> None:
        self._error = self._error or error

    def _passed(self, base: Passport) -> Outcome:
        verdict = Verdict(PASSED, base.attest, base.origid, by="edge")
        return self._by_policy(verdict, 0, "")

    def _not_passed(self, error: IdentityError) -> Outcome:
        """Without a header, or without its certificate, nothing is known to be wrong."""
        told = self._claim.told
        if error.status == USE_IDENTITY and told.verstat:
            return self._by_policy(told, FORBIDDEN, "Caller Not Verified")
        unknown = error.status in (USE_IDENTITY, BAD_INFO)
        verdict = Verdict(NOT_VALIDATED if unknown else FAILED, cause=error.cause, by="edge")
        return self._by_policy(verdict, error.status, error.reason)

    def _by_policy(self, verdict: Verdict, status: int, reason: str) -> Outcome:
        if self._claim.mode != "require":
            return Outcome(verdict)
        if not verdict.passed:
            return Outcome(verdict, status, reason)
        if (verdict.attest or "Z") > self._claim.least:
            return Outcome(verdict, FORBIDDEN, TOO_WEAK)
        return Outcome(verdict)


_NONE: Final = "there is no Identity header"


def _invalid(cause: str) -> IdentityError:
    return IdentityError(INVALID_IDENTITY, cause)


def _stale(cause: str) -> IdentityError:
    return IdentityError(FORBIDDEN, cause, STALE)
