"""The settings of signalling, from the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from sipua.sip.sdp import ExtendedRtcp


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One identity. Without a registrar it only places calls (a trunk) or takes them."""

    name: str
    id_uri: str
    registrar: str = ""
    user: str = ""
    password: str = ""
    realm: str = ""
    proxy: str = ""
    expires_s: int = 300
    refresh_s: int = 25
    registers: bool = True


@dataclass(frozen=True, slots=True)
class SipSettings:
    hosts: tuple[str, ...]
    """The addresses that we listen on, one of a family."""
    port: int
    transports: tuple[str, ...]
    public_addresses: tuple[str, ...]
    user_agent: str
    max_calls: int
    session_expires_s: int
    min_session_expires_s: int
    media_hosts: tuple[str, ...]
    """The addresses in our SDP, one of a family: public, or those that RTP is bound to."""
    ptime_ms: int
    rtcp_xr: ExtendedRtcp
    codecs: tuple[str, ...]
    accounts: tuple[AccountSettings, ...]
    nameservers: tuple[str, ...]
    log_messages: bool
