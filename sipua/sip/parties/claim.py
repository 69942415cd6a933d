"""What an INVITE claims of its caller's number: Identity headers (RFC 8224), and the parties that
they must be about.

    caller that we show ──▶ origs ─┐
    To, request URI ───────▶ dests ┴▶ Claim ──▶ `sipua.stir` verifies it, beside the ringing
    verstat of the trunk ──▶ told, where the trunk is believed
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sipua.sip.parties import name_addr
from sipua.sip.parties.name_addr import NameAddr
from sipua.sip.parties.numbers import NumberFormat, plain
from sipua.sip.wire.caller_id import Parties
from sipua.sip.wire.texts import Message
from sipua.sip.wire.verdict import (
    FAILED,
    NOT_ASKED,
    NOT_VALIDATED,
    PASSED,
    Attestation,
    Checking,
    Claim,
    Verdict,
)

MOST: Final = 4
"""Identity headers of an INVITE."""
LONGEST: Final = 8192
"""Characters of one; most have 600."""
_ASSERTED: Final = "P-Asserted-Identity"
_MOST_VALUES: Final = 4
_VERSTAT: Final = re.compile(
    rf";verstat=({PASSED}|{FAILED}|{NOT_VALIDATED})(?:-([ABC]))?(?=;|$)", re.IGNORECASE
)
_WORDS: Final = {word.lower(): word for word in (PASSED, FAILED, NOT_VALIDATED)}
_ORIGID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class StirPolicy:
    mode: Checking = "off"
    least: Attestation = "C"
    trusts_verstat: bool = False


OFF: Final = StirPolicy()


def canonical_tn(number: str) -> str | None:
    """The digits of a number, without what makes it easier to read (RFC 8224 8.3); None: it is no
    number."""
    return (plain(number) or "").removeprefix("+") or None


def canonical(user: str, host: str) -> str:
    """Of a URI: the digits of its number, or the URI; empty: it is none."""
    if number := canonical_tn(user):
        return number
    return f"sip:{user}@{host}".lower() if user and host else ""


def read(
    message: Message, policy: StirPolicy, parties: Parties, form: NumberFormat
) -> Claim | None:
    """None: nothing is asked."""
    told = _told(message, parties, form) if policy.trusts_verstat else NOT_ASKED
    if policy.mode == "off":
        return Claim("off", policy.least, told=told) if told.verstat else None
    values = message.headers("Identity", MOST + 1, longest=LONGEST)
    fault = f"has more than {MOST} Identity headers" if len(values) > MOST else ""
    if message.is_cut("Identity"):
        fault = f"has an Identity header of more than {LONGEST} characters"
    identities = [one for value in values for one in name_addr.listed(value, MOST)]
    return Claim(
        policy.mode,
        policy.least,
        () if fault else tuple(identities[:MOST]),
        _distinct(_origs(message, parties, form)),
        _distinct(_of(message.request_uri, form) + _of(message.header("To") or "", form)),
        message.header("Date") or "",
        fault,
        told,
    )


def _origs(message: Message, parties: Parties, form: NumberFormat) -> list[str]:
    """The number that we show, and no other one is to be proved; of an anonymous caller, each."""
    caller = parties.caller
    if not caller.anonymous:
        return [canonical(caller.number, caller.host)]
    values = [*message.headers(_ASSERTED, _MOST_VALUES), message.header("From") or ""]
    listed = (one for value in values for one in name_addr.listed(value, _MOST_VALUES))
    return [found for value in listed for found in _of(value, form)]


def _of(text: str, form: NumberFormat) -> list[str]:
    party = name_addr.parse(text)
    return [canonical(form.of(party.user), party.host)]


def _distinct(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in found if one))


def _told(message: Message, parties: Parties, form: NumberFormat) -> Verdict:
    """What the trunk has found out: a parameter of the number (3GPP TS 24.229 7.2A.20), and the
    headers beside it. About the number that we show, in its own header; of an anonymous caller in
    what the network asserts."""
    caller = parties.caller
    header = _ASSERTED if caller.anonymous else caller.header
    shown = canonical(caller.number, caller.host)
    for value in message.headers(header, _MOST_VALUES) if header else ():
        for one in name_addr.listed(value, _MOST_VALUES):
            if not caller.anonymous and _of(one, form) != [shown]:
                continue
            if found := _VERSTAT.search(_parameters(name_addr.parse(one))):
                said = found[2] or message.header("Attestation-Info") or ""
                attest = said or message.header("P-Attestation-Indicator") or ""
                origid = message.header("Origination-Id") or message.header("P-Origination-ID")
                return Verdict(
                    _WORDS[found[1].lower()],
                    attest.upper() if attest.upper() in ("A", "B", "C") else "",
                    origid if origid and _ORIGID.fullmatch(origid) else "",
                    by="trunk",
                )
    return NOT_ASKED


def _parameters(party: NameAddr) -> str:
    verstat = party.parameters.get("verstat", "")
    return f";{party.uri_parameters}" + (f";verstat={verstat}" if verstat else "")
