"""The log lines of signalling events outside calls, and of those that only need a line.

Lines that a peer can cause without end are written at most some times a second; the others are
counted, and the count is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from sipua.log.throttle import Throttle
from sipua.record.settings import Numbers
from sipua.record.transcript_redaction import number
from sipua.rtp.hostport import join
from sipua.sip.messages import (
    CallProgress,
    CallRefused,
    LibraryMessage,
    OfferRefused,
    PeerResolved,
    PeerUnresolved,
    Registered,
    RegistrarSilent,
    RegistrationFailed,
    SignallingFault,
    SipEvent,
    SipMessage,
    TransferRefused,
    Unregistered,
)

REFUSALS_A_SECOND = 20
"""Lines a second from all sources together."""
OF_ONE_SOURCE, OF_ONE_SOURCE_S = 10, 10.0
"""Lines about one source, in so many seconds: three wrong tries of a peer get a line each."""
SOURCES = 1024
FLUSH_S = 10.0


class SignallingLog:
    """The log of signalling; the loop calls it."""

    def __init__(self, log: FilteringBoundLogger, numbers: Numbers) -> None:
        self._log = log
        self._numbers = numbers
        self._sources = Throttle(OF_ONE_SOURCE_S, SOURCES, burst=OF_ONE_SOURCE)
        self._refusals = Throttle(burst=REFUSALS_A_SECOND)
        self._others = Throttle()
        self._kept_back = 0
        self._flush: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Log the counts of suppressed lines that were not logged yet."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self._kept_back:
            self._log.warning("call.rejections_not_logged", count=self._kept_back)
            self._kept_back = 0

    def log_event(self, event: SipEvent, now: float) -> None:
        log = self._log
        match event:
            case Registered() | RegistrationFailed() | RegistrarSilent() | Unregistered():
                self._registration(event)
            case PeerResolved() | PeerUnresolved():
                self._name(event)
            case CallRefused():
                self._refused(event, now)
            case OfferRefused():
                log.warning(
                    "call.offer_refused",
                    call_id=event.call_id,
                    status=event.status,
                    cause=event.cause,
                )
            case TransferRefused():
                self._write(
                    log.warning,
                    "call.transfer_refused",
                    event.call_id,
                    now,
                    call_id=event.call_id,
                    target=event.target,
                    status=event.status,
                )
            case SipMessage():
                log.debug(
                    "sip.message", direction=event.direction, peer=event.peer, text=event.text
                )
            case LibraryMessage():
                self._write(log.warning, "sip.library", event.text[:16], now, text=event.text)
            case SignallingFault():
                fields = {"where": event.where, "error": event.error}
                if event.call_id:  # one that ends a call
                    log.error("sip.fault", **fields, call_id=event.call_id)
                else:
                    self._write(log.error, "sip.fault", event.where, now, **fields)
            case CallProgress():
                log.info("call.progress", call_id=event.call_id, status=event.status)
            case _:
                """Handled by the call itself."""

    def _registration(
        self, event: Registered | RegistrationFailed | RegistrarSilent | Unregistered
    ) -> None:
        log = self._log
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
            case RegistrarSilent():
                log.warning(
                    "registration.waiting",
                    account=event.account,
                    registrar=event.registrar,
                    waited_s=event.waited_s,
                    fix="nothing to do yet: the attempt is repeated; if it keeps failing, check "
                    "that the registrar is up, and its address and port",
                )
            case Unregistered():
                log.info("registration.removed", account=event.account, registrar=event.registrar)

    def _name(self, event: PeerResolved | PeerUnresolved) -> None:
        fields = {
            "origin": event.peer,
            "name": event.name,
            "addresses": list(event.addresses),
            "next_in_s": round(event.next_in_s),
        }
        if isinstance(event, PeerResolved):
            self._log.info("trunk.resolved", **fields)
        else:
            self._log.warning(
                "trunk.unresolved",
                **fields,
                cause=event.cause,
                fix=f"`getent hosts {event.name}`; `sip.nameservers` or /etc/resolv.conf",
            )

    def _write(
        self, write: Callable[..., None], name: str, about: str, now: float, **fields: object
    ) -> None:
        kept_back = self._others.ask(f"{name} {about}", now)
        if kept_back is not None:
            write(name, **fields, **({"kept_back": kept_back} if kept_back else {}))

    def _refused(self, event: CallRefused, now: float) -> None:
        if self._sources.ask(event.source[0], now) is None or self._refusals.ask("", now) is None:
            self._kept_back += 1
            if self._flush is None:
                self._flush = asyncio.get_running_loop().call_later(FLUSH_S, self.close)
            return
        kept_back, self._kept_back = self._kept_back, 0
        self._log.warning(
            "call.rejected",
            status=event.status,
            reason=event.reason,
            sip_call_id=event.sip_call_id,
            **{"from": number(event.from_uri, self._numbers)},
            to=event.to_uri,
            source=join(*event.source),
            **({"cause": event.cause} if event.cause else {}),
            **({"altered": list(event.altered)} if event.altered else {}),
            **({"kept_back": kept_back} if kept_back else {}),
        )
