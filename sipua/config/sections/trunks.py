"""Whom calls come from and go to: registrations at a PBX or provider, and trunks without one."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from sipua.config.values.addresses import Hosts
from sipua.config.values.fields import (
    NO_SECRET,
    Name,
    OneLine,
    OptionalServerUri,
    OptionalSipUser,
    Realm,
    Secret,
    ServerUriText,
    SipUser,
)
from sipua.config.values.section import Section

DtmfKind = Literal["auto", "rfc4733", "inband"]
_DTMF: Final = (
    "How keys travel. `auto`: as telephone events (RFC 4733) where both sides have them, else as "
    "tones in the audio. `rfc4733`: the same, but tones are never listened for. `inband`: ours are "
    "tones, and tones are listened for beside events. SIP INFO of the other side is always read. "
    "docs/menus.md."
)


class AccountSection(Section):
    """A registration: we log in at a PBX or provider like a phone."""

    name: Name = Field(description="Name in logs and routes; unique.", examples=["office-pbx"])
    registrar: ServerUriText = Field(
        description="The registrar: `sip:host:port;transport=udp`. A name without a port is looked "
        "up by its SRV records first.",
        examples=["sip:192.0.2.10:5060;transport=udp"],
    )
    user: SipUser = Field(description="The extension or user to register.", examples=["100"])
    password: Secret = Field(
        default=NO_SECRET, description="Password of the account. Better: `password_file`."
    )
    password_file: str = Field(
        default="", description="File that holds the password and nothing else."
    )
    auth_user: OneLine = Field(
        default="", description="User of the digest. Empty: the same as `user`."
    )
    realm: Realm = Field(
        default="",
        description="Realm that gets our digest. Empty: learnt from the first challenge of the "
        "registrar; a challenge from another host is never answered.",
    )
    refresh_s: int = Field(
        default=25,
        ge=5,
        le=86400,
        description="Longest time between two registrations. A registrar that has restarted "
        "knows us again after it, and a NAT keeps its mapping.",
    )
    expires_s: int = Field(
        default=300, ge=30, le=86400, description="Lifetime of the registration; refreshed before."
    )
    proxy: OptionalServerUri = Field(
        default="", description="Outbound proxy, as `sip:host:port`, when it is not the registrar."
    )
    dtmf: DtmfKind = Field(default="auto", description=_DTMF)


class TrunkSection(Section):
    """A peer that needs no registration: it is known by its addresses."""

    name: Name = Field(description="Name in logs and routes; unique.", examples=["carrier"])
    hosts: Hosts = Field(
        default=(),
        description="Addresses from which its calls come: addresses, networks "
        "(`203.0.113.0/28`), names. A name stands for its present entries in DNS: "
        "A, AAAA, and the SRV records `_sip._udp` and `_sip._tcp`.",
    )
    proxy: OptionalServerUri = Field(
        default="",
        description="Where our calls to it go: `sip:host:port`. Empty: no outgoing calls.",
    )
    user: OptionalSipUser = Field(
        default="", description="User in the From header of outgoing calls."
    )
    password: Secret = Field(
        default=NO_SECRET, description="Password when it challenges our calls."
    )
    password_file: str = Field(
        default="", description="File that holds the password and nothing else."
    )
    auth_user: OneLine = Field(
        default="", description="User of the digest. Empty: the same as `user`."
    )
    realm: Realm = Field(
        default="", description="Realm that gets our digest; needed with a password."
    )
    traceparent: bool = Field(
        default=False,
        description="Let its INVITEs say which trace the call is part of (`traceparent`, "
        "`X-Traceparent`). docs/traces.md.",
    )
    dtmf: DtmfKind = Field(default="auto", description=_DTMF)
