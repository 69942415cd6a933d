"""The events of SIP over TLS: our certificate, and connections that do not come about."""

from __future__ import annotations

from sipua.events.event import Event, Level


class TlsCertificate(Event, tag="tls.certificate"):
    """SIP over TLS: new connections begin with this certificate of ours."""

    names: list[str]
    """Empty: there is none, we connect only."""
    expires: str | None
    days_left: float | None
    anew: bool
    """After a reload; connections that were up keep the one before."""


class TlsNotReloaded(Event, tag="tls.not_reloaded"):
    """The files of `sip.tls` were read again and cannot be used: those before stay in use."""

    LEVEL = "error"
    cause: str
    fix: str


class TlsCertificateExpires(Event, tag="tls.certificate_expires"):
    """Told 30, 7 and 1 day before, and when it has expired."""

    names: list[str]
    expires: str
    days_left: float
    """Below 0: it has expired, and peers refuse it."""
    fix: str = "renew it, then `sipua reload`: calls that are up go on"

    @property
    def level(self) -> Level:
        return "error" if self.days_left < 1 else "warning"


class TlsRefused(Event, tag="tls.refused"):
    """A connection by TLS did not come about, or the certificate of a peer is not believed."""

    LEVEL = "warning"
    peer: str
    outgoing: bool
    """We have connected to it."""
    cause: str
    kept_back: int | None = None
    """Others that were not told since the last one."""
