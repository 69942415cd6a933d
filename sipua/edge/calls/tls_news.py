"""From what signalling says of TLS to events."""

from __future__ import annotations

from datetime import UTC, datetime

from sipua.events import tls_events
from sipua.events.event import Event
from sipua.sip.wire.tls import CertificateExpires, TlsNotReady, TlsReady, TlsRefused


def told(news: TlsReady | TlsNotReady | CertificateExpires) -> Event:
    match news:
        case TlsReady():
            return tls_events.TlsCertificate(
                names=list(news.names),
                expires=None if news.ends_at is None else _time(news.ends_at),
                days_left=None if news.days_left is None else round(news.days_left, 1),
                anew=news.anew,
            )
        case TlsNotReady():
            return tls_events.TlsNotReloaded(cause=news.cause, fix=news.fix)
        case _:
            return tls_events.TlsCertificateExpires(
                names=list(news.names),
                expires=_time(news.ends_at),
                days_left=round(news.days_left, 1),
            )


def refused(news: TlsRefused, kept_back: int) -> Event:
    return tls_events.TlsRefused(
        peer=news.peer, outgoing=news.outgoing, cause=news.cause, kept_back=kept_back or None
    )


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
