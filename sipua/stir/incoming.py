"""Calls that come in, between signalling and the edge: each waits here for its verdict, while it
rings. One that nothing is asked of passes at once.

    signalling ──events──▶ IncomingChecks ──events──▶ the edge
               ◀──Hangup──  (428, 436, 437, 438, 403: where its trunk requires one that is passed)

The order of what is told of a call stays: a caller that hangs up meanwhile has a call that ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sipua.bridge.fault_owner import FaultOwner
from sipua.sip.admission.flood import Dropped
from sipua.sip.messages import CallEnded, CallRefused, Hangup, IncomingCall, SipEvent
from sipua.sip.peer_news import CertificatesNotFetched
from sipua.sip.wire.caller_id import ANONYMOUS
from sipua.sip.wire.verdict import NOT_VALIDATED, Claim, Verdict

if TYPE_CHECKING:  # they need an extra, which an edge without verification has not
    from sipua.stir.verifier import Verifier
    from sipua.stir.verify import Outcome, Reading


class IncomingChecks:
    """On the edge's loop."""

    def __init__(
        self,
        verifier: Verifier | None,
        *,
        then: Callable[[SipEvent], None],
        release: Callable[[IncomingCall], None],
    ) -> None:
        """`verifier`: None where no trunk asks for it. `release`: gives the port of a call back."""
        self._then = then
        self._not_fetched = Dropped(
            lambda counts, host: then(CertificatesNotFetched(counts, host)), _later
        )
        self._verifier = self._heard(verifier)
        self.send: Callable[[Hangup], None] = _not_yet
        """To signalling, which comes after this."""
        self._release = release
        self._waiting: dict[str, IncomingCall] = {}

    @property
    def verifier(self) -> Verifier | None:
        return self._verifier

    def use(self, verifier: Verifier | None) -> None:
        """After a reload. Calls that wait do so with the one before."""
        before, self._verifier = self._verifier, self._heard(verifier)
        if before is not None and before is not verifier:
            _faults().task(before.close(), "closing a verifier")

    async def stop(self) -> None:
        self._waiting.clear()
        if self._verifier is not None:
            await self._verifier.close()

    def on_event(self, event: SipEvent) -> None:
        if isinstance(event, IncomingCall) and event.claim is not None:
            self._check(event, event.claim)
            return
        if self._waiting and isinstance(event, CallEnded):
            call = self._waiting.pop(event.call_id, None)
            if call is not None:
                self._then(_with(call, _unknown("the caller has hung up before")))
        self._then(event)

    def _heard(self, verifier: Verifier | None) -> Verifier | None:
        """It tells what it does not fetch."""
        if verifier is not None:
            verifier.not_fetched = self._not_fetched.add
        return verifier

    def _check(self, call: IncomingCall, claim: Claim) -> None:
        if claim.mode == "off":
            self._then(_with(call, claim.told))
            return
        if self._verifier is None:  # its trunk asked for one a moment ago, or is about to
            if claim.mode == "require":
                self._refuse(call, 500, "Internal Error", "there is nothing that verifies")
            else:
                self._then(_with(call, claim.told))
            return
        try:
            reading = self._verifier.read(claim)
            outcome = self._verifier.known(reading)
        except Exception as error:  # noqa: BLE001 (the caller waits for an answer)
            _faults().failed("verifying a caller", error)
            self._refuse(call, 500, "Internal Error", _FAILED)
            return
        if outcome is not None:
            self._decide(call, outcome)
            return
        self._waiting[call.call_id] = call
        _faults().task(self._wait(call, self._verifier, reading), "verifying a caller")

    async def _wait(self, call: IncomingCall, verifier: Verifier, reading: Reading) -> None:
        try:
            outcome = await verifier.outcome(reading)
        except BaseException:
            if self._waiting.pop(call.call_id, None) is not None:
                self._refuse(call, 500, "Internal Error", _FAILED)
            raise
        if self._waiting.pop(call.call_id, None) is not None:
            self._decide(call, outcome)

    def _decide(self, call: IncomingCall, outcome: Outcome) -> None:
        if outcome.status:
            cause = outcome.verdict.cause or f"attested: {outcome.verdict.attest or 'nothing'}"
            self._refuse(call, outcome.status, outcome.reason, cause)
        else:
            self._then(_with(call, outcome.verdict))

    def _refuse(self, call: IncomingCall, status: int, reason: str, cause: str) -> None:
        self.send(Hangup(call.call_id, status, reason))
        self._release(call)
        self._then(
            CallRefused(
                call.sip_call_id,
                ANONYMOUS if call.parties.caller.anonymous else call.from_uri,
                call.to_uri,
                call.source,
                status,
                reason,
                cause=cause,
                altered=call.altered,
                origin=call.origin,
                rule="stir",
            )
        )


def _faults() -> FaultOwner:
    return FaultOwner().harmless("stir.failed")


def _later(after_s: float, action: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(after_s, action)


def _not_yet(_: Hangup) -> None:
    raise AssertionError("no call comes before signalling is there")


_FAILED: Final = "the verification has failed"


def _with(call: IncomingCall, verdict: Verdict) -> IncomingCall:
    caller = replace(call.parties.caller, verdict=verdict)
    return replace(call, parties=replace(call.parties, caller=caller), claim=None)


def _unknown(cause: str) -> Verdict:
    return Verdict(NOT_VALIDATED, cause=cause, by="edge")
