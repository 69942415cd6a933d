"""What offer and answer settle for a handshake. No I/O, and not the library."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate of ours and its key, as DER. The key is never in a log: `repr` leaves it out.

    Both sides make their own, and trust what signalling says of the other's.
    """

    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of the peer's certificate (RFC 8122); `hash`: a name of hashlib."""

    hash: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class DtlsAgreement:
    """One association. Another one in a later offer or answer is another handshake; the same is
    none (RFC 8842 3.1)."""

    identity: Identity
    fingerprints: tuple[Fingerprint, ...]
    """The peer's certificate has one of these."""
    active: bool
    """We begin: it is the peer that is the server."""
    peer_id: str = ""
    """Its `tls-id`; empty: it has none."""
    number: int = 0
    """How often it has asked for another one without a `tls-id`, as Asterisk does after a hold."""
