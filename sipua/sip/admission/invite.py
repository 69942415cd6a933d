"""The fields of an INVITE, as texts that are safe to write anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from sipua.rtp.events import Address
from sipua.sip.addresses import address
from sipua.sip.admission.admission import Refusal
from sipua.sip.messages import CallRefused
from sipua.sip.texts import Message


@dataclass(frozen=True, slots=True)
class Invite:
    sip_call_id: str
    from_uri: str
    to_uri: str
    request_uri: str
    source: Address
    altered: tuple[str, ...]
    """Which header fields were cut or cleaned, and why."""

    def refused(self, refusal: Refusal, origin: str | None = None) -> CallRefused:
        return CallRefused(
            self.sip_call_id,
            self.from_uri,
            self.to_uri,
            self.source,
            refusal.status,
            refusal.reason,
            cause=refusal.cause or refusal.because,
            altered=self.altered,
            origin=origin or "",
        )


def traceparent(raw: str) -> str:
    """Empty: there is none, or more than one, of which none is to be believed."""
    message = Message(raw)
    for name in ("traceparent", "X-Traceparent"):
        if (text := message.header(name)) is not None:
            return text if message.count(name) == 1 else ""
    return ""


def read(raw: str, source: str) -> Invite:
    message = Message(raw)
    return Invite(
        sip_call_id=message.header("Call-ID") or "",
        from_uri=message.header("From") or "",
        to_uri=message.header("To") or "",
        request_uri=message.request_uri,
        source=address(source),
        altered=message.altered,
    )
