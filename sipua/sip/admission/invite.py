"""The fields of an INVITE, as texts that are safe to write anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipua.rtp.events import Address
from sipua.sip.admission.admission import Refusal
from sipua.sip.messages import CallRefused
from sipua.sip.parties import caller, name_addr
from sipua.sip.wire.addresses import address
from sipua.sip.wire.caller_id import ANONYMOUS
from sipua.sip.wire.texts import Message


@dataclass(frozen=True, slots=True)
class Invite:
    sip_call_id: str
    from_uri: str
    to_uri: str
    request_uri: str
    source: Address
    message: Message = field(repr=False, compare=False)

    @property
    def altered(self) -> tuple[str, ...]:
        """Which of the header fields that were read were cut or cleaned, and why."""
        return self.message.altered

    @property
    def traceparent(self) -> str:
        """Empty: there is none, or more than one, of which none is to be believed."""
        for name in ("traceparent", "X-Traceparent"):
            if (text := self.message.header(name)) is not None:
                return text if self.message.count(name) == 1 else ""
        return ""

    def refused(self, refusal: Refusal, origin: str | None = None) -> CallRefused:
        withheld = caller.withheld(self.message, name_addr.parse(self.from_uri))
        return CallRefused(
            self.sip_call_id,
            ANONYMOUS if withheld else self.from_uri,
            self.to_uri,
            self.source,
            refusal.status,
            refusal.reason,
            cause=refusal.cause or refusal.because,
            altered=self.altered,
            origin=origin or "",
            rule=refusal.rule,
        )


def read(raw: str, source: str) -> Invite:
    message = Message(raw)
    return Invite(
        sip_call_id=message.header("Call-ID") or "",
        from_uri=message.header("From") or "",
        to_uri=message.header("To") or "",
        request_uri=message.request_uri,
        source=address(source),
        message=message,
    )
