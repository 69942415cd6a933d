"""The caller of an INVITE: which header is believed, and whether the number may be known.

    P-Asserted-Identity (RFC 3325), Remote-Party-ID ─┐ of a peer that is trusted
    From ────────────────────────────────────────────┴▶ the first in the peer's order that has one
    Privacy, an anonymous From, privacy= ─────────────▶ anonymous: no number, no name, for nobody
    Diversion (RFC 5806), History-Info (RFC 7044) ────▶ whom it was for before it came to us

A wish for privacy is granted to every peer; the rest beside From is read only of a peer that is
trusted, because every telephone can write these headers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from sipua.sip.parties import name_addr
from sipua.sip.parties.name_addr import NameAddr
from sipua.sip.parties.numbers import AS_IT_IS, NumberFormat, is_number
from sipua.sip.wire.caller_id import Caller
from sipua.sip.wire.texts import Message

CallerHeader: TypeAlias = Literal["P-Asserted-Identity", "Remote-Party-ID", "From"]
TRUSTED_ORDER: Final[tuple[CallerHeader, ...]] = ("P-Asserted-Identity", "Remote-Party-ID", "From")
UNTRUSTED_ORDER: Final[tuple[CallerHeader, ...]] = ("From",)

_ANONYMOUS_USERS: Final = frozenset(("anonymous", "restricted", "private", "withheld"))
_PRIVATE: Final = frozenset(("id", "user", "header"))
"""Of Privacy: each of them hides who calls (RFC 3323 4.2, RFC 3325 9.3)."""
_PRIVATE_PARTY: Final = frozenset(("full", "uri"))
MOST_DIVERSIONS: Final = 5
_MOST_VALUES: Final = 4
_MOST_HEADERS: Final = 8


def read(
    message: Message, *, order: Sequence[CallerHeader], trusted: bool, form: NumberFormat = AS_IT_IS
) -> Caller:
    """`trusted`: whether headers beside From and Privacy are read."""
    sent = name_addr.parse(message.header("From") or "")
    diverted = _diverted(message, form) if trusted else ()
    if withheld(message, sent):
        return Caller(header="From", anonymous=True, diverted=diverted)
    for header in order if trusted else UNTRUSTED_ORDER:
        found = sent if header == "From" else _asserted(message, header)
        if found is None or not found.user:
            continue
        if found.parameters.get("privacy") in _PRIVATE_PARTY or _is_anonymous(found):
            return Caller(header=header, anonymous=True, diverted=diverted)
        if found.parameters.get("privacy") == "name":
            found, sent = replace(found, name=""), NameAddr()
        number = form.of(found.user)
        received = "" if number == found.user else found.user
        name = found.name or sent.name
        return Caller(number, received, name, found.host, header, diverted=diverted)
    return Caller(name=sent.name, host=sent.host, diverted=diverted)


def withheld(message: Message, sent: NameAddr) -> bool:
    """Whether the INVITE says that its caller is not to be known; `sent`: its From."""
    return _is_anonymous(sent) or bool(_privacy(message) & _PRIVATE)


def _privacy(message: Message) -> set[str]:
    wishes = ";".join(message.headers("Privacy", _MOST_HEADERS))
    return {wish.strip().lower() for wish in wishes.replace(",", ";").split(";")}


def _is_anonymous(party: NameAddr) -> bool:
    return party.host == "anonymous.invalid" or party.user.lower() in _ANONYMOUS_USERS


def _asserted(message: Message, header: str) -> NameAddr | None:
    """The caller in it, a number before a name. Of a header that was cut nothing is taken: the rest
    of it could have been another one."""
    found = [
        party
        for value in message.headers(header, _MOST_VALUES)
        for party in map(name_addr.parse, name_addr.listed(value, _MOST_VALUES))
        if party.user and party.parameters.get("party", "calling") == "calling"
    ]
    if not found or message.is_cut(header):
        return None
    numbers = (party for party in found if is_number(party.user))
    return next(numbers, found[0])


def _diverted(message: Message, form: NumberFormat) -> tuple[str, ...]:
    found = [
        party
        for value in message.headers("Diversion", _MOST_HEADERS)
        for party in map(name_addr.parse, name_addr.listed(value, _MOST_HEADERS))
    ]
    if not found and "history" not in _privacy(message):
        passed = [
            party
            for value in message.headers("History-Info", _MOST_HEADERS)
            for party in map(name_addr.parse, name_addr.listed(value, _MOST_HEADERS))
        ]
        found = passed[-2::-1]  # the last entry is whom this INVITE is for
    numbers = [form.of(party.user) for party in found if party.user and not _is_hidden(party)]
    return tuple(dict.fromkeys(numbers))[:MOST_DIVERSIONS]


def _is_hidden(party: NameAddr) -> bool:
    private = party.parameters.get("privacy", "off") in _PRIVATE_PARTY
    return private or _is_anonymous(party) or "privacy=" in party.uri_headers.lower()
