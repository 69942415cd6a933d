"""What signalling and the rest of the edge tell each other of TLS: plain data, as in
`sipua.sip.messages`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsKeys:
    """In the place of the edge's own, when we connect to the hosts of one trunk or account."""

    where: str
    """In the configuration, as `trunks.carrier.tls_`."""
    hosts: tuple[str, ...]
    """Of its servers, in small letters."""
    certificate: str
    """Its file; empty: none is shown."""
    key: str
    ca_file: str
    verify: bool


@dataclass(frozen=True, slots=True)
class TlsSettings:
    port: int
    certificate: str
    """Its file; empty: we connect only."""
    key: str
    verify: bool
    ca_file: str
    """Of the servers that we connect to."""
    client_ca_file: str
    """Of the peers that connect to us; empty: no certificate of theirs counts."""
    clients_need_one: bool
    own: tuple[TlsKeys, ...] = ()
    """Of trunks and accounts that have keys of their own."""


@dataclass(frozen=True, slots=True)
class SetTls:
    """A command: new connections begin with these files, and what is in them now."""

    tls: TlsSettings


@dataclass(frozen=True, slots=True)
class TlsReady:
    """Connections begin with these files from now on."""

    names: tuple[str, ...]
    """Of our certificate; empty: we have none."""
    ends_at: float | None
    """When it expires, in Unix time."""
    days_left: float | None
    anew: bool
    """False: at the start."""


@dataclass(frozen=True, slots=True)
class TlsNotReady:
    """The files were read again and cannot be used; those before stay in use."""

    cause: str
    fix: str


@dataclass(frozen=True, slots=True)
class CertificateExpires:
    """Our certificate has so many days left; below 0: it has expired."""

    names: tuple[str, ...]
    ends_at: float
    days_left: float


@dataclass(frozen=True, slots=True)
class TlsRefused:
    """A connection did not come about, or the certificate of a peer does not count."""

    peer: str
    """Its address."""
    outgoing: bool
    cause: str


TlsNews = TlsReady | TlsNotReady | CertificateExpires | TlsRefused
