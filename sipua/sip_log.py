"""Signalling news that are no single call's business, or only for the record, as log lines."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from sipua.rtp.hostport import join
from sipua.sip.messages import (
    CallProgress,
    CallRefused,
    LibraryMessage,
    Registered,
    RegistrationFailed,
    SignallingFault,
    SipEvent,
    SipMessage,
    TransferRefused,
    Unregistered,
)


def tell(log: FilteringBoundLogger, event: SipEvent) -> None:
    match event:
        case Registered():
            log.info(
                "registration.ok",
                account=event.account,
                registrar=event.registrar,
                expires_s=event.expires_s,
            )
        case RegistrationFailed():
            log.error(
                "registration.failed",
                account=event.account,
                registrar=event.registrar,
                status=event.status,
                reason=event.reason,
                retry_in_s=event.retry_in_s and round(event.retry_in_s, 1),
                fix=event.fix,
            )
        case Unregistered():
            log.info("registration.removed", account=event.account, registrar=event.registrar)
        case CallRefused():
            log.warning(
                "call.rejected",
                status=event.status,
                reason=event.reason,
                sip_call_id=event.sip_call_id,
                **{"from": event.from_uri},
                to=event.to_uri,
                source=join(*event.source),
            )
        case TransferRefused():
            log.warning(
                "call.transfer_refused",
                call_id=event.call_id,
                target=event.target,
                status=event.status,
            )
        case SipMessage():
            log.debug("sip.message", direction=event.direction, peer=event.peer, text=event.text)
        case LibraryMessage():
            log.warning("sip.library", text=event.text)
        case SignallingFault():
            extra = {"call_id": event.call_id} if event.call_id else {}
            log.error("sip.fault", where=event.where, error=event.error, **extra)
        case CallProgress():
            log.info("call.progress", call_id=event.call_id, status=event.status)
        case _:
            """A call's own."""
