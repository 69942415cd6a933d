"""Whom calls come from and go to: registrations at a PBX or provider, and trunks without one."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from sipua.config.sections.caller import (
    CALLER_HEADERS,
    COUNTRY,
    DIALOG_SOURCE,
    HEADERS_IN,
    NUMBER_IN,
    REFER,
    REFER_TARGETS,
    REPLACES,
    STIR,
    STIR_ATTEST,
    STIR_MIN_ATTEST,
    TRUST_IDENTITY,
    TRUST_VERSTAT,
    Allow,
    CallerHeaders,
    MinAttest,
    OptionalAttest,
    Stir,
)
from sipua.config.sections.digest import ALGORITHMS, DigestAlgorithms, UserSection
from sipua.config.sections.protocol import (
    CODECS,
    EARLY_MEDIA,
    EARLY_MEDIA_SOUND,
    MIN_SESSION_EXPIRES_S,
    PRACK,
    PTIME_MS,
    RINGING_TONE,
    SESSION_EXPIRES_S,
    SESSION_TIMERS,
    SRTP,
    SRTP_KEYS,
    Prack,
    RingingTone,
    SessionTimers,
    Srtp,
    SrtpKeys,
)
from sipua.config.sections.sip_tls import (
    TLS_CA_FILE,
    TLS_CERTIFICATE,
    TLS_KEY,
    TLS_VERIFY,
    Verify,
)
from sipua.config.values.addresses import Hosts
from sipua.config.values.fields import (
    AS_TUPLE,
    NO_SECRET,
    CertificateNames,
    Name,
    OneLine,
    OptionalCodecs,
    OptionalPtime,
    OptionalServerUri,
    OptionalSessionTime,
    OptionalSipUser,
    Realm,
    Secret,
    ServerUriText,
    SipUser,
    SoundFile,
)
from sipua.config.values.parties import (
    CallerId,
    CallerName,
    Country,
    HeaderNames,
    NumberPatterns,
    Prefixes,
    ReferTargets,
    SetHeaders,
)
from sipua.config.values.section import Section

DialogSource = Literal["known", "any"]
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
    backup_registrars: Annotated[tuple[ServerUriText, ...], AS_TUPLE] = Field(
        default=(),
        description="Registrars that have the account, in this order, while those before them do "
        "not answer. docs/trunks.md.",
        examples=[["sip:192.0.2.11:5060;transport=udp"]],
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
    keepalive_s: int = Field(
        default=15,
        ge=0,
        le=3600,
        description="Between two keep-alives (a blank line) to the registrar, by UDP, so that a "
        "NAT in between keeps its mapping; sometimes a fifth less. 0: none are sent. docs/nat.md.",
    )
    expires_s: int = Field(
        default=300, ge=30, le=86400, description="Lifetime of the registration; refreshed before."
    )
    proxy: OptionalServerUri = Field(
        default="", description="Outbound proxy, as `sip:host:port`, when it is not the registrar."
    )
    dtmf: DtmfKind = Field(default="auto", description=_DTMF)
    codecs: OptionalCodecs = CODECS
    ptime_ms: OptionalPtime = PTIME_MS
    session_timers: SessionTimers = SESSION_TIMERS
    session_expires_s: OptionalSessionTime = SESSION_EXPIRES_S
    min_session_expires_s: OptionalSessionTime = MIN_SESSION_EXPIRES_S
    prack: Prack = PRACK
    early_media: bool = EARLY_MEDIA
    ringing_tone: RingingTone = RINGING_TONE
    early_media_sound: SoundFile = EARLY_MEDIA_SOUND
    srtp: Srtp = SRTP
    srtp_keys: SrtpKeys = SRTP_KEYS
    tls_certificate: OneLine = TLS_CERTIFICATE
    tls_key: OneLine = TLS_KEY
    tls_ca_file: OneLine = TLS_CA_FILE
    tls_verify: Verify = TLS_VERIFY
    trust_identity: bool = TRUST_IDENTITY
    caller_headers: CallerHeaders = CALLER_HEADERS
    stir: Stir = STIR
    stir_min_attest: MinAttest = STIR_MIN_ATTEST
    trust_verstat: bool = TRUST_VERSTAT
    stir_attest: OptionalAttest = STIR_ATTEST
    country: Country = COUNTRY
    number_in: Prefixes = NUMBER_IN
    headers_in: HeaderNames = HEADERS_IN
    refer: Allow = REFER
    refer_targets: ReferTargets = REFER_TARGETS
    replaces: Allow = REPLACES
    dialog_source: DialogSource = DIALOG_SOURCE

    @property
    def registrars(self) -> tuple[str, ...]:
        """All, in the order in which they are asked."""
        return (self.registrar, *self.backup_registrars)


class ServerSection(Section):
    """One of the servers that our calls to a trunk may go to."""

    uri: ServerUriText = Field(
        description="`sip:host:port;transport=udp`. A name without a port is looked up by its SRV "
        "records first; their targets are tried one after the other, too.",
        examples=["sip:sbc1.example.com"],
    )
    priority: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="The lowest is tried first. 0: its place in the list, from 1 on.",
    )
    weight: int = Field(
        default=100,
        ge=0,
        le=65535,
        description="Its share of the calls among servers of the same priority (RFC 2782).",
    )


class TrunkSection(Section):
    """A peer that needs no registration: it is known by its addresses, or by its certificate."""

    name: Name = Field(description="Name in logs and routes; unique.", examples=["carrier"])
    hosts: Hosts = Field(
        default=(),
        description="Addresses from which its calls come: addresses, networks "
        "(`203.0.113.0/28`), names. A name stands for its present entries in DNS: "
        "A, AAAA, and the SRV records `_sip._udp`, `_sip._tcp` and `_sips._tcp`.",
    )
    certificate_names: CertificateNames = Field(
        default=(),
        description="Names in the certificate by which it is known (SIP over TLS): one of them is "
        "enough. With `hosts`, its calls must have both. docs/tls.md.",
        examples=[["sbc.example.com"]],
    )
    users: Annotated[tuple[UserSection, ...], AS_TUPLE] = Field(
        default=(),
        description="With any, each of its INVITEs must be from one of them: it is challenged with "
        "401 (digest), beside `hosts` or `certificate_names`. docs/trunks.md.",
    )
    digest_algorithms: DigestAlgorithms = Field(
        default=ALGORITHMS,
        description="What it is challenged with, in this order (RFC 8760). Old phones know MD5 "
        "alone, and some give up when another one comes first.",
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
    codecs: OptionalCodecs = CODECS
    ptime_ms: OptionalPtime = PTIME_MS
    session_timers: SessionTimers = SESSION_TIMERS
    session_expires_s: OptionalSessionTime = SESSION_EXPIRES_S
    min_session_expires_s: OptionalSessionTime = MIN_SESSION_EXPIRES_S
    prack: Prack = PRACK
    early_media: bool = EARLY_MEDIA
    ringing_tone: RingingTone = RINGING_TONE
    early_media_sound: SoundFile = EARLY_MEDIA_SOUND
    srtp: Srtp = SRTP
    srtp_keys: SrtpKeys = SRTP_KEYS
    tls_certificate: OneLine = TLS_CERTIFICATE
    tls_key: OneLine = TLS_KEY
    tls_ca_file: OneLine = TLS_CA_FILE
    tls_verify: Verify = TLS_VERIFY
    trust_identity: bool = TRUST_IDENTITY
    caller_headers: CallerHeaders = CALLER_HEADERS
    stir: Stir = STIR
    stir_min_attest: MinAttest = STIR_MIN_ATTEST
    trust_verstat: bool = TRUST_VERSTAT
    stir_attest: OptionalAttest = STIR_ATTEST
    country: Country = COUNTRY
    number_in: Prefixes = NUMBER_IN
    number_out: Prefixes = Field(
        default={},
        description="The same for our calls to it, after `country`: for the number that we call, "
        "and our own.",
    )
    allowed_numbers: NumberPatterns = Field(
        default=(),
        description="Numbers that its calls may be for, with `*` and `?`; a pattern with `!` in "
        "front forbids. Others get 404. Empty: all.",
        examples=[["+4930123*", "!+49301239*"]],
    )
    allowed_destinations: NumberPatterns = Field(
        default=(),
        description="The same for numbers that we call through it.",
        examples=[["+49*", "!+49900*"]],
    )
    headers_in: HeaderNames = HEADERS_IN
    refer: Allow = REFER
    refer_targets: ReferTargets = REFER_TARGETS
    replaces: Allow = REPLACES
    dialog_source: DialogSource = DIALOG_SOURCE
    headers_out: SetHeaders = Field(
        default={},
        description="Headers of the INVITEs that we send it: `X-…`, Subject, User-to-User and "
        "such.",
    )
    caller_id: CallerId = Field(
        default="",
        description="Our number in calls that we place. Empty: `user`.",
        examples=["+4930123456"],
    )
    caller_name: CallerName = Field(
        default="", description="Our name in calls that we place. Empty: none."
    )
    allowed_caller_ids: NumberPatterns = Field(
        default=(),
        description="Numbers that the API may call with (`caller_id`) beside `caller_id`. "
        "Empty: none.",
        examples=[["+4930123*"]],
    )
    number_pool: OneLine = Field(
        default="",
        description="Name of one of `number_pools`: our number in calls that we place is one of "
        "these, in the place of `caller_id`. docs/numbers.md.",
    )
    assert_identity: bool = Field(
        default=False,
        description="Say our number in P-Asserted-Identity, too, as providers ask for it.",
    )
    hide_caller_id: bool = Field(
        default=False,
        description="Ask it to withhold our number: an anonymous From, and `Privacy: id`.",
    )

    # Several servers, and how much they carry: docs/trunks.md.
    servers: Annotated[tuple[ServerSection, ...], AS_TUPLE] = Field(
        default=(),
        description="Where our calls to it go, when there are several servers; instead of `proxy`. "
        "A call that one does not take goes to the next.",
    )
    outbound_proxy: OptionalServerUri = Field(
        default="",
        description="Proxy that our calls pass before they reach the server: `sip:host:port`.",
    )
    answer_within_s: float = Field(
        default=3.0,
        ge=0.5,
        le=32.0,
        allow_inf_nan=False,
        description="A server that has said nothing by then, not even 100 Trying, is left for the "
        "next one.",
    )
    rest_s: float = Field(
        default=30.0,
        ge=1.0,
        le=3600.0,
        allow_inf_nan=False,
        description="A server that did not answer, or answered 408 or 503, is left out so long, "
        "while another one takes calls. Its own Retry-After counts more.",
    )

    options_s: int = Field(
        default=0,
        ge=0,
        le=3600,
        description="Ask each server with an OPTIONS so often whether it is there; calls leave out "
        "one that is not. 0: calls find out.",
    )

    max_calls: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="Calls at once, in both directions together. A call more that comes in gets "
        "486. 0: as many as the edge takes.",
    )
    calls_per_second: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Calls that begin within a second, in each direction. A call more that comes "
        "in gets 503. 0: any number.",
    )

    @property
    def calls_in(self) -> bool:
        """Whether its calls are known by something, and so may come in."""
        return bool(self.hosts or self.certificate_names)

    @property
    def every_server(self) -> tuple[ServerSection, ...]:
        """Where our calls go, each with a priority; empty: nowhere."""
        if not self.servers:
            return (ServerSection(uri=self.proxy, priority=1),) if self.proxy else ()
        return tuple(
            one if one.priority else one.model_copy(update={"priority": place})
            for place, one in enumerate(self.servers, 1)
        )
