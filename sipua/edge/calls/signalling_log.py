"""Signalling outside calls, and what of a call needs telling only: as events, and as log lines.

What a peer can cause without end is told at most some times a second; the rest is counted, and the
count is told.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from structlog.typing import FilteringBoundLogger

from sipua.capture.mask import hide_keys
from sipua.edge.calls import refer_news, tls_news
from sipua.events import call_events, edge_events, refer_events
from sipua.events.event import Event
from sipua.events.teller import Teller
from sipua.log.throttle import Throttle
from sipua.record.settings import Numbers
from sipua.record.transcript_redaction import number
from sipua.rtp.hostport import join
from sipua.sip.leg_ids import call_of
from sipua.sip.messages import (
    CallProgress,
    CallRefused,
    LibraryMessage,
    OfferRefused,
    RequestRefused,
    SignallingFault,
    SipEvent,
    SipMessage,
    TransferRefused,
)
from sipua.sip.peer_news import (
    AddressNews,
    CertificatesNotFetched,
    ConnectionsRefused,
    FloodNews,
    NameNews,
    PeerResolved,
    PeerUnresolved,
    PublicAddress,
    PublicAddressUnknown,
    Registered,
    RegistrarSilent,
    RegistrationFailed,
    RequestsDropped,
    ServerDown,
    ServerNews,
    ServerProbed,
    ServerUp,
    Unregistered,
)
from sipua.sip.wire.refer_messages import ReferNews
from sipua.sip.wire.tls import CertificateExpires, TlsNews, TlsNotReady, TlsReady, TlsRefused

REFUSALS_A_SECOND = 20
"""Lines a second from all sources together."""
OF_ONE_SOURCE, OF_ONE_SOURCE_S = 10, 10.0
"""Lines about one source, in so many seconds: three wrong tries of a peer get a line each."""
SOURCES = 1024
ANOTHER_SOURCE = (
    "if it is the other side, which moved within the call: its address into `hosts` of its trunk, "
    'or there `dialog_source = "any"`; else somebody has read the Call-ID and tags of the call'
)
FLUSH_S = 10.0


class SignallingLog:
    """The log of signalling; the loop calls it."""

    def __init__(
        self, log: FilteringBoundLogger, teller: Callable[[str], Teller], numbers: Numbers
    ) -> None:
        """`teller`: of a call; of the edge for an empty id."""
        self._log = log
        self._teller = teller
        self._tell = teller("").tell
        self.numbers = numbers
        self._sources = Throttle(OF_ONE_SOURCE_S, SOURCES, burst=OF_ONE_SOURCE)
        self._refusals = Throttle(burst=REFUSALS_A_SECOND)
        self._others = Throttle()
        self._kept_back: Counter[str] = Counter()
        """By status."""
        self._flush: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Log the counts of suppressed lines that were not logged yet."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self._kept_back:
            kept_back = dict(self._kept_back)
            self._kept_back.clear()
            count = sum(kept_back.values())
            self._tell(edge_events.RejectionsKeptBack(count=count, statuses=kept_back))

    def log_event(self, event: SipEvent, now: float) -> None:
        log = self._log
        match event:
            case Registered() | RegistrationFailed() | RegistrarSilent() | Unregistered():
                self._registration(event)
            case PeerResolved() | PeerUnresolved() | ServerUp() | ServerDown() | ServerProbed():
                self._peer(event)
            case PublicAddress() | PublicAddressUnknown():
                self._public_address(event)
            case TlsReady() | TlsNotReady() | CertificateExpires() | TlsRefused():
                self._tls(event, now)
            case RequestsDropped() | ConnectionsRefused() | CertificatesNotFetched():
                self._flood(event)
            case CallRefused():
                self._refused(event, now)
            case TransferRefused(call_id=""):
                self._refer_refused(event, now)
            case (
                OfferRefused() | RequestRefused() | TransferRefused() | CallProgress() | ReferNews()
            ):
                self._of_call(event, now)
            case SipMessage():
                log.debug(
                    "sip.message",
                    direction=event.direction,
                    peer=event.peer,
                    text=hide_keys(event.text),
                )
            case LibraryMessage():
                self._write(log.warning, "sip.library", event.text[:16], now, text=event.text)
            case SignallingFault():
                self._fault(event, now)
            case _:
                """Handled by the call itself."""

    def _flood(self, event: FloodNews) -> None:
        counts, source = event.counts, event.source
        match event:
            case RequestsDropped():
                self._tell(edge_events.RequestsDropped(counts=counts, source=source))
            case ConnectionsRefused():
                self._tell(edge_events.ConnectionsRefused(counts=counts, source=source))
            case CertificatesNotFetched():
                self._tell(edge_events.CertificatesNotFetched(counts=counts, source=source))

    def _of_call(
        self,
        event: OfferRefused | RequestRefused | TransferRefused | CallProgress | ReferNews,
        now: float,
    ) -> None:
        told: Event
        match event:
            case OfferRefused():
                told = call_events.OfferRefused(status=event.status, cause=event.cause)
            case RequestRefused():
                told = call_events.RequestRefused(
                    method=event.method,
                    source=join(*event.source),
                    fix=ANOTHER_SOURCE,
                    kept_back=event.kept_back or None,
                )
            case TransferRefused():
                if self._others.ask(f"transfer {event.call_id}", now) is None:
                    return
                told = refer_events.TransferRefused(
                    target=event.target, status=event.status, rule=event.rule
                )
            case ReferNews():
                told = refer_news.told(event)
            case _:
                told = call_events.Progress(status=event.status, reason=event.reason)
        self._teller(call_of(event.call_id)).tell(told)

    def _refer_refused(self, event: TransferRefused, now: float) -> None:
        host = event.source[0]
        if self._sources.ask(host, now) is None or self._refusals.ask("", now) is None:
            self._keep_back(event.status)
            return
        self._tell(
            edge_events.ReferRefused(
                target=event.target,
                status=event.status,
                rule=event.rule,
                source=join(*event.source),
            )
        )

    def _fault(self, event: SignallingFault, now: float) -> None:
        fields = {"where": event.where, "error": event.error}
        if event.call_id:  # one that ends a call
            self._log.error("sip.fault", **fields, call_id=call_of(event.call_id))
        else:
            self._write(self._log.error, "sip.fault", event.where, now, **fields)

    def _registration(
        self, event: Registered | RegistrationFailed | RegistrarSilent | Unregistered
    ) -> None:
        account, registrar = event.account, event.registrar
        meanwhile = None if isinstance(event, Registered) else event.meanwhile or None
        told: Event
        match event:
            case Registered():
                told = edge_events.RegistrationOk(
                    account=account, registrar=registrar, expires_s=event.expires_s
                )
            case RegistrationFailed():
                told = edge_events.RegistrationFailed(
                    account=account,
                    registrar=registrar,
                    status=event.status,
                    reason=event.reason,
                    retry_in_s=event.retry_in_s and round(event.retry_in_s, 1),
                    fix=event.fix,
                    meanwhile=meanwhile,
                )
            case RegistrarSilent():
                told = edge_events.RegistrationWaiting(
                    account=account,
                    registrar=registrar,
                    waited_s=event.waited_s,
                    meanwhile=meanwhile,
                )
            case _:
                told = edge_events.RegistrationRemoved(
                    account=account, registrar=registrar, meanwhile=meanwhile
                )
        self._tell(told)

    def _peer(self, event: NameNews | ServerNews) -> None:
        if isinstance(event, PeerResolved | PeerUnresolved):
            self._name(event)
        else:
            self._server(event)

    def _tls(self, event: TlsNews, now: float) -> None:
        if not isinstance(event, TlsRefused):
            self._tell(tls_news.told(event))
        elif (kept_back := self._others.ask(f"tls {event.outgoing}", now)) is not None:
            self._tell(tls_news.refused(event, kept_back))

    def _name(self, event: PeerResolved | PeerUnresolved) -> None:
        facts: dict[str, Any] = {
            "origin": event.peer,
            "name": event.name,
            "addresses": list(event.addresses),
            "next_in_s": round(event.next_in_s),
        }
        if isinstance(event, PeerResolved):
            self._tell(edge_events.TrunkResolved(**facts))
        else:
            fix = f"`getent hosts {event.name}`; `sip.nameservers` or /etc/resolv.conf"
            self._tell(edge_events.TrunkUnresolved(**facts, cause=event.cause, fix=fix))

    def _public_address(self, event: AddressNews) -> None:
        if isinstance(event, PublicAddress):
            found, before = event.address, event.before or None
            told = edge_events.PublicAddress(address=found, before=before, server=event.server)
            self._tell(told)
            return
        self._tell(
            edge_events.PublicAddressUnknown(
                address=event.address or None, cause=event.cause, servers=list(event.servers)
            )
        )

    def _server(self, event: ServerNews) -> None:
        told: Event
        match event:
            case ServerUp():
                told = edge_events.TrunkUp(
                    trunk=event.trunk,
                    server=event.server,
                    round_trip_ms=event.round_trip_s and round(event.round_trip_s * 1000, 1),
                    down_s=event.down_s and round(event.down_s, 1),
                )
            case ServerDown():
                told = edge_events.TrunkDown(
                    trunk=event.trunk,
                    server=event.server,
                    cause=event.cause,
                    again_in_s=event.again_in_s and round(event.again_in_s, 1),
                )
            case _:
                told = edge_events.TrunkProbed(
                    trunk=event.trunk,
                    server=event.server,
                    round_trip_ms=round(event.round_trip_s * 1000, 1),
                )
        self._tell(told)

    def _write(
        self, write: Callable[..., None], name: str, about: str, now: float, **fields: object
    ) -> None:
        kept_back = self._others.ask(f"{name} {about}", now)
        if kept_back is not None:
            write(name, **fields, **({"kept_back": kept_back} if kept_back else {}))

    def _keep_back(self, status: int) -> None:
        self._kept_back[str(status)] += 1
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_S, self.close)

    def _refused(self, event: CallRefused, now: float) -> None:
        if self._sources.ask(event.source[0], now) is None or self._refusals.ask("", now) is None:
            self._keep_back(event.status)
            return
        kept_back = dict(self._kept_back)
        self._kept_back.clear()
        self._tell(
            edge_events.CallRejected(
                status=event.status,
                reason=event.reason,
                sip_call_id=event.sip_call_id,
                from_=number(event.from_uri, self.numbers),
                to=event.to_uri,
                source=join(*event.source),
                cause=event.cause or None,
                origin=event.origin or None,
                rule=event.rule or None,
                altered=list(event.altered) or None,
                kept_back=sum(kept_back.values()) or None,
                kept_back_statuses=kept_back or None,
            )
        )
