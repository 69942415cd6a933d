"""The settings of signalling, from the configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sipua.rtp.events import Address
from sipua.sip.nat.told_address import Towards
from sipua.sip.wire.sdp import ExtendedRtcp
from sipua.sip.wire.srtp.policy import SrtpKeying, SrtpPolicy
from sipua.sip.wire.tls import TlsSettings

Sign: TypeAlias = Callable[[str, str], dict[str, str]]
"""Who calls, and who is called: the headers of a signed INVITE; none where one is no number."""
SessionTimers: TypeAlias = Literal["off", "optional", "required"]
Prack: TypeAlias = Literal["off", "accepted", "preferred", "required"]


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One identity. Without a registrar it only places calls (a trunk) or takes them.

    A trunk has one for each of its servers, and an account of the configuration one for each of its
    registrars: pjsip knows the way of a call by its account. The first has the name of the trunk or
    account, the others `NAME/2` and so on: no name of the configuration has a slash.
    """

    name: str
    id_uri: str
    registrar: str = ""
    user: str = ""
    password: str = ""
    realm: str = ""
    proxy: str = ""
    expires_s: int = 300
    refresh_s: int = 25
    keepalive_s: int = 15
    """Between two blank lines to the registrar by UDP; 0: none are sent."""
    registers: bool = True
    trunk: str = ""
    """The trunk that `proxy` is a server of; empty: it is of no trunk."""
    priority: int = 1
    """Among the servers of its trunk, as `weight`: RFC 2782. Of an account: the place of the
    registrar."""
    weight: int = 100
    outbound_proxy: str = ""
    """What comes before `proxy` on the way."""
    answer_within_s: float = 3.0
    """A server that has said nothing by then is left for the next one."""
    rest_s: float = 30.0
    """A server that takes no calls is left out so long."""
    options_s: int = 0
    """Between two OPTIONS; 0: none are sent."""
    codecs: tuple[str, ...] = ()
    """In our order; empty: those of all calls, in that of the other side."""
    ptime_ms: int = 0
    """0: that of all calls; so are the next ones."""
    session_expires_s: int = 0
    min_session_expires_s: int = 0
    session_timers: SessionTimers = "optional"
    prack: Prack = "accepted"
    early_media: bool = False
    """Its calls hear us before the answer: a 183 that their worker asks for, and no 180."""
    srtp: SrtpPolicy = "off"
    srtp_keys: SrtpKeying = "sdes"
    sign: Sign | None = field(default=None, repr=False, compare=False)
    """None: our calls to it are not signed."""

    @property
    def peer(self) -> str:
        """Its trunk or account in the configuration."""
        return self.name.partition("/")[0]

    @property
    def home(self) -> str:
        """The server that knows its numbers; empty: there is none."""
        return self.proxy if self.trunk else self.registrar

    @property
    def first_hop(self) -> str:
        """Where its requests go; empty: to the host of their URI."""
        return self.outbound_proxy or self.proxy


@dataclass(frozen=True, slots=True)
class SipSettings:
    hosts: tuple[str, ...]
    """The addresses that we listen on, one of a family."""
    port: int
    transports: tuple[str, ...]
    public_addresses: tuple[str, ...]
    """For Contact, one of a family; those of `media_public` for SDP."""
    user_agent: str
    max_calls: int
    session_expires_s: int
    min_session_expires_s: int
    media_hosts: tuple[str, ...]
    """The addresses that RTP is bound to, one of a family."""
    ptime_ms: int
    rtcp_xr: ExtendedRtcp
    codecs: tuple[str, ...]
    accounts: tuple[AccountSettings, ...]
    nameservers: tuple[str, ...]
    log_messages: bool
    tls: TlsSettings | None = None
    """None: no TLS."""
    media_public: tuple[str, ...] = ()
    towards: tuple[Towards, ...] = ()
    stun_servers: tuple[Address, ...] = ()
    stun_refresh_s: float = 30.0
