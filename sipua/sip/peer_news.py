"""What signalling tells of trunks and accounts: their names, registrations and servers.

Plain data, as in `sipua.sip.messages`; none of it is of a call.
"""

from __future__ import annotations

from dataclasses import dataclass

from sipua.sip.wire.tls import TlsNews


@dataclass(frozen=True, slots=True)
class PeerResolved:
    """The host name of a trunk or an account stands for these addresses now."""

    peer: str
    name: str
    addresses: tuple[str, ...]
    next_in_s: float


@dataclass(frozen=True, slots=True)
class PeerUnresolved:
    """A look-up of such a name failed; the addresses that were found before hold."""

    peer: str
    name: str
    cause: str
    addresses: tuple[str, ...]
    next_in_s: float


@dataclass(frozen=True, slots=True)
class RequestsDropped:
    """Requests that got no answer, since the last time that some were told."""

    counts: dict[str, int]
    """By the reason: `rate`, `rate_of_all`, `scanner`, `stranger`."""
    source: str
    """Of one of them."""


@dataclass(frozen=True, slots=True)
class ConnectionsRefused:
    """Connections by TCP and TLS that we have closed, since the last time that some were told."""

    counts: dict[str, int]
    """By the reason: `per_source`, `connections`, `peers`, `rate`, `rate_of_all` when they came;
    `first_request`, `idle` when their time was over."""
    source: str
    """Of one of them."""


@dataclass(frozen=True, slots=True)
class CertificatesNotFetched:
    """Certificates of signers that were not asked for, since the last time that some were told."""

    counts: dict[str, int]
    """By the reason: those of `stir.fetch_limits`."""
    source: str
    """The host, or the address, of one of them."""


@dataclass(frozen=True, slots=True)
class Registered:
    account: str
    registrar: str
    expires_s: int


@dataclass(frozen=True, slots=True)
class RegistrationFailed:
    account: str
    registrar: str
    status: int
    reason: str
    retry_in_s: float | None
    fix: str
    meanwhile: str = ""
    """Another registrar, which has the account."""


@dataclass(frozen=True, slots=True)
class RegistrarSilent:
    """A REGISTER was sent and is not answered yet; its outcome is reported later."""

    account: str
    registrar: str
    waited_s: float
    meanwhile: str = ""


@dataclass(frozen=True, slots=True)
class Unregistered:
    account: str
    registrar: str
    meanwhile: str = ""


@dataclass(frozen=True, slots=True)
class ServerUp:
    """A server of a trunk answers: for the first time, or again."""

    trunk: str
    server: str
    round_trip_s: float | None
    """Of an OPTIONS; None: it has answered a call."""
    down_s: float | None
    """None: it was not down."""


@dataclass(frozen=True, slots=True)
class ServerDown:
    """A server of a trunk does not answer, or takes no calls."""

    trunk: str
    server: str
    cause: str
    again_in_s: float | None
    """Calls leave it out so long; None: until it answers."""


@dataclass(frozen=True, slots=True)
class ServerProbed:
    """A server of a trunk has answered an OPTIONS, as it did the last time."""

    trunk: str
    server: str
    round_trip_s: float


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """A STUN server says under which address we are reached."""

    address: str
    before: str
    """Another one, until now; empty: none was known."""
    server: str


@dataclass(frozen=True, slots=True)
class PublicAddressUnknown:
    """No STUN server has said it; what was known before holds."""

    address: str
    """Empty: none was known."""
    cause: str
    servers: tuple[str, ...]


RegistrationNews = Registered | RegistrationFailed | RegistrarSilent | Unregistered
NameNews = PeerResolved | PeerUnresolved
ServerNews = ServerUp | ServerDown | ServerProbed
FloodNews = RequestsDropped | ConnectionsRefused | CertificatesNotFetched
AddressNews = PublicAddress | PublicAddressUnknown
PeerNews = RegistrationNews | NameNews | ServerNews | TlsNews | FloodNews | AddressNews
