"""What is read of the INVITEs of one trunk, which numbers they may be for, what it may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sipua.sip.parties import allowed, caller, claim, headers, name_addr
from sipua.sip.parties.caller import TRUSTED_ORDER, CallerHeader
from sipua.sip.parties.claim import StirPolicy
from sipua.sip.parties.numbers import AS_IT_IS, NumberFormat
from sipua.sip.parties.refer import DENY, ReferPolicy
from sipua.sip.wire.caller_id import Parties
from sipua.sip.wire.digest import DigestUsers
from sipua.sip.wire.srtp.policy import SrtpKeying, SrtpPolicy
from sipua.sip.wire.texts import Message
from sipua.sip.wire.verdict import Claim


@dataclass(frozen=True, slots=True)
class PeerPolicy:
    trusted: bool = False
    order: tuple[CallerHeader, ...] = TRUSTED_ORDER
    form: NumberFormat = AS_IT_IS
    allowed_numbers: tuple[str, ...] = ()
    headers_in: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ()
    """Of its calls; empty: those of all."""
    srtp: SrtpPolicy = "off"
    srtp_keys: SrtpKeying = "sdes"
    refer: ReferPolicy = DENY
    """Whether it may put another party in its place."""
    users: DigestUsers | None = None
    """One of them must prove itself in each of its INVITEs."""
    dialog_source: Literal["known", "any"] = "known"
    """Where requests within its calls may come from: `sipua.sip.admission.dialog_source`."""
    stir: StirPolicy = claim.OFF
    """Whether it is to be proved who calls."""

    def read(self, message: Message) -> Parties:
        return Parties(
            caller.read(message, order=self.order, trusted=self.trusted, form=self.form),
            self.called(message),
            tuple(map(self.formatted, (message.request_uri, message.header("To") or ""))),
            headers.chosen(message, self.headers_in),
        )

    def claim(self, message: Message, parties: Parties) -> Claim | None:
        """What is to be verified of it; None: nothing."""
        off = self.stir.mode == "off" and not self.stir.trusts_verstat
        return None if off else claim.read(message, self.stir, parties, self.form)

    def called(self, message: Message) -> str:
        return self.form.of(name_addr.parse(message.request_uri).user)

    def formatted(self, text: str) -> str:
        """A URI, or a header with one, with its number in the trunk's format."""
        party = name_addr.parse(text)
        number = self.form.of(party.user)
        if number == party.user:
            return text
        return f"sip:{number}@{party.host}" if party.host else f"tel:{number}"

    def refused_by(self, message: Message) -> str:
        """Why this number may not be called; empty: it may."""
        called = self.called(message)
        if rule := allowed.refused_by(called, self.allowed_numbers):
            return f"allowed_numbers: {called or 'no number'}: {rule}"
        return ""


STRANGER = PeerPolicy()
"""Of a peer without one: only From and Privacy are read."""
