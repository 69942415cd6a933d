"""The schema: every key with its type, default and meaning. docs/configuration.md is made
from it, and so are the names of the environment variables.

A required key has an example; the check uses it in place of a wrong value, so that
one mistake does not hide the next.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sipua.config.sections.admission import AdmissionSection
from sipua.config.sections.agent import AgentSection
from sipua.config.sections.api import ApiSection
from sipua.config.sections.audit import AuditSection
from sipua.config.sections.barge_in import BargeInSection, SoundsSection
from sipua.config.sections.calls import CallsSection
from sipua.config.sections.capture import CaptureSection
from sipua.config.sections.cdr import CdrSection
from sipua.config.sections.edge import EdgeSection
from sipua.config.sections.engine import EngineSection
from sipua.config.sections.hep import HepSection
from sipua.config.sections.hours import HoursSection
from sipua.config.sections.menus import MenuSection
from sipua.config.sections.metrics import MetricsSection
from sipua.config.sections.outbound import OutboundSection
from sipua.config.sections.outbound_routes import (
    NumberPoolSection,
    NumberUsesSection,
    OutboundRouteSection,
)
from sipua.config.sections.park import ParkSection
from sipua.config.sections.queues import QueueMembersSection, QueueSection
from sipua.config.sections.record import PriceSection, RecordSection
from sipua.config.sections.recording import RecordingSection
from sipua.config.sections.recovery import RecoverySection
from sipua.config.sections.routes import RouteSection
from sipua.config.sections.sip_tls import SipTlsSection
from sipua.config.sections.stir import StirSection
from sipua.config.sections.supervise import SuperviseSection
from sipua.config.sections.tools import ToolsSection
from sipua.config.sections.traces import TracesSection
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.config.sections.twilio import TwilioSection
from sipua.config.sections.webhooks import EventWebhookSection, WebhookSpoolSection
from sipua.config.values.addresses import (
    OptionalOwnAddresses,
    OwnAddresses,
    PublicAddresses,
    SomeNetworks,
    StunServers,
    ToldAddress,
)
from sipua.config.values.fields import (
    AS_TUPLE,
    Codecs,
    EvenPort,
    Nameservers,
    OneLine,
    Port,
    Ptime,
    Seconds,
    Transports,
)
from sipua.config.values.section import Section


class SipNetworkSection(Section):
    """Which address of ours the peers of some networks are told. The first table that names a
    peer's network counts. docs/nat.md.
    """

    networks: SomeNetworks = Field(
        description="The peers: addresses and networks.", examples=[["10.0.0.0/8"]]
    )
    address: ToldAddress = Field(
        default="",
        description="What they are told, in Contact and SDP. Empty: our own address on the way to "
        "them.",
    )


class SipSection(Section):
    """Signalling: where we listen, and who may call."""

    host: OwnAddresses = Field(
        default=("127.0.0.1",),
        description="Address to listen on, as a text, or a list of one IPv4 and one IPv6 "
        "address. `0.0.0.0` listens on all of IPv4, `::` on all of IPv6, "
        '`["0.0.0.0", "::"]` on both. `127.0.0.1` can be reached from this machine '
        "only.",
    )
    port: Port = Field(
        default=5060, description="Port to listen on, UDP and TCP. 0 takes a free one."
    )
    transports: Transports = Field(
        default=("udp", "tcp"),
        description="Transports: `udp`, `tcp`, and `tls` with the keys of `sip.tls`.",
    )
    public_address: PublicAddresses = Field(
        default=(),
        description="Address under which other hosts reach us, when it differs from our own "
        "(NAT); or a list of one of each family. Empty: the address of the "
        "interface that leads to the other host.",
    )
    stun_servers: StunServers = Field(
        default=(),
        description="Servers that are asked for that address instead (STUN, RFC 5389): "
        '`"stun.example.com"`, `"192.0.2.40:3478"`; the next one when one does not answer. IPv4 '
        "only. Another address is followed: accounts register anew, new calls name it.",
    )
    stun_refresh_s: int = Field(
        default=30,
        ge=5,
        le=3600,
        description="How often they are asked: another address is noticed within this time.",
    )
    networks: Annotated[tuple[SipNetworkSection, ...], AS_TUPLE] = ()
    user_agent: OneLine = Field(default="sipua", description="The User-Agent header that we send.")
    nameservers: Nameservers = Field(
        default=(),
        description="DNS servers that are asked for the names of trunks, registrars and proxies: "
        '`"192.0.2.53"`, `"127.0.0.1:5353"`. Empty: those of /etc/resolv.conf.',
    )
    max_calls: int = Field(
        default=0,
        ge=0,
        description="Calls at once; a further one gets 486. 0: as many as this build of pjsua2 "
        "holds.",
    )
    session_expires_s: int = Field(
        default=1800,
        ge=90,
        description="Session timer (RFC 4028): after it the loss of a peer is noticed.",
    )
    min_session_expires_s: int = Field(
        default=90,
        ge=90,
        description="Shortest session timer that we accept; a shorter one gets 422.",
    )
    accept: Literal["trunks", "any"] = Field(
        default="trunks",
        description="Which peers may call. `trunks`: only hosts of `trunks`, peers with one of "
        "their `certificate_names`, and registrars of `accounts`. `any`: every peer; for demos "
        "on a closed network.",
    )
    tls: SipTlsSection = SipTlsSection()


class RtpSection(Section):
    """Audio on the phone side."""

    host: OptionalOwnAddresses = Field(
        default=(),
        description="Address for RTP sockets, as a text, or a list of one IPv4 and one IPv6 "
        "address. Empty: the same as `sip.host`. The caller's SDP chooses the "
        "family; an offer of a family without an address here gets 488.",
    )
    public_address: PublicAddresses = Field(
        default=(),
        description="Address written into SDP, or a list of one of each family. Empty: "
        "`sip.public_address`, or our own.",
    )
    port_min: EvenPort = Field(
        default=16384,
        description="First port of the range; even. Keep the range outside the system's "
        "ephemeral one (`sysctl net.ipv4.ip_local_port_range`).",
    )
    port_max: int = Field(
        default=24575,
        ge=1025,
        le=65535,
        description="Last port of the range. A call takes two ports.",
    )
    ptime_ms: Ptime = Field(default=20, description="Length of the packets that we send: 10 to 60.")
    codecs: Codecs = Field(
        default=("PCMU", "PCMA"),
        description="Codecs in order of preference: `PCMU` (µ-law), `PCMA` (A-law).",
    )
    latch: Literal["auto", "sdp", "any"] = Field(
        default="auto",
        description="Which source of RTP we believe. `auto`: the best match with SDP and "
        "signalling, also behind a NAT. `sdp`: exactly the address in the SDP. "
        "`any`: the first one that sends; unsafe on the internet.",
    )
    hold_ms: int = Field(
        default=60,
        ge=20,
        le=500,
        description="How long packets behind a gap may wait for the missing one. Packets in "
        "order never wait.",
    )
    max_hold_ms: int = Field(
        default=200,
        ge=20,
        le=1000,
        description="Longest such wait, when the jitter of the network asks for more than "
        "`hold_ms`.",
    )
    timeout_s: Seconds = Field(default=20, description="A call is ended after so long without RTP.")
    hold_timeout_s: Seconds = Field(default=300, description="The same while the call is on hold.")
    keepalive_s: int = Field(
        default=15,
        ge=0,
        le=600,
        description="On hold, and whenever we send no audio: an RTP packet without audio so often, "
        "so that a NAT in between keeps its mapping (RFC 6263). 0: none is sent. docs/nat.md.",
    )
    rtcp_xr: Literal["auto", "always", "off"] = Field(
        default="auto",
        description="Extended reports (RTCP XR, RFC 3611): R factor, MOS and bursts of what we "
        "hear. `auto`: in calls whose offer asks for them. `always`: in all, and our SDP asks for "
        "the other side's. They are read in any case.",
    )
    port_rest_s: float = Field(
        default=30,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="How long a used pair of ports stays unused, so that late packets of the "
        "old call do not reach a new one.",
    )


class LogSection(Section):
    """What is written to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lowest level that is written."
    )
    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="`auto`: readable text on a terminal, JSON lines otherwise."
    )
    sip: bool = Field(
        default=False,
        description="Write every SIP message, at level debug; credentials are masked.",
    )
    state_s: int = Field(
        default=60,
        ge=0,
        le=86_400,
        description="Seconds between two lines `edge.state`, which tell how many calls, ports and "
        "tasks there are; written when that has changed. 0: never.",
    )


class Config(Section):
    """Everything. Made by `load`, which checks more than the types can."""

    sip: SipSection = SipSection()
    admission: AdmissionSection = AdmissionSection()
    rtp: RtpSection = RtpSection()
    accounts: tuple[AccountSection, ...] = ()
    trunks: tuple[TrunkSection, ...] = ()
    stir: StirSection = StirSection()
    engine: EngineSection = EngineSection()
    engines: dict[str, EngineSection] = Field(default={})
    agent: AgentSection = AgentSection()
    recovery: RecoverySection = RecoverySection()
    calls: CallsSection = CallsSection()
    routes: tuple[RouteSection, ...] = ()
    menus: tuple[MenuSection, ...] = ()
    queues: tuple[QueueSection, ...] = ()
    queue_members: QueueMembersSection = QueueMembersSection()
    hours: dict[str, HoursSection] = Field(default={})
    outbound: OutboundSection = OutboundSection()
    outbound_routes: tuple[OutboundRouteSection, ...] = ()
    number_pools: tuple[NumberPoolSection, ...] = ()
    number_uses: NumberUsesSection = NumberUsesSection()
    barge_in: BargeInSection = BargeInSection()
    sounds: SoundsSection = SoundsSection()
    edge: EdgeSection = EdgeSection()
    api: ApiSection = ApiSection()
    twilio: TwilioSection = TwilioSection()
    metrics: MetricsSection = MetricsSection()
    traces: TracesSection = TracesSection()
    hep: HepSection = HepSection()
    log: LogSection = LogSection()
    capture: CaptureSection = CaptureSection()
    record: RecordSection = RecordSection()
    recording: RecordingSection = RecordingSection()
    cdr: CdrSection = CdrSection()
    audit: AuditSection = AuditSection()
    webhooks: tuple[EventWebhookSection, ...] = ()
    webhook_spool: WebhookSpoolSection = WebhookSpoolSection()
    prices: dict[str, PriceSection] = Field(default={})
    supervise: SuperviseSection = SuperviseSection()
    park: ParkSection = ParkSection()
    tools: ToolsSection = ToolsSection()
