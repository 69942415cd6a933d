"""All endpoints: adding a resource is a file in `resources` or `calls`, and a line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sipua.config import Config
from sipua.config.change.in_force import InForce
from sipua.control.calls.calls import CallsResource
from sipua.control.calls.ladder import LadderResource
from sipua.control.calls.live import LiveResource
from sipua.control.calls.park import ParkResource
from sipua.control.calls.place import PlaceResource
from sipua.control.calls.placer import Placer
from sipua.control.calls.queues import QueuesResource
from sipua.control.calls.record import RecordResource
from sipua.control.calls.recording import RecordingResource
from sipua.control.calls.stats import Watching
from sipua.control.calls.steer import SteerResource
from sipua.control.calls.supervise import SuperviseResource
from sipua.control.http.dialect import Dialect
from sipua.control.http.endpoint import Endpoint
from sipua.control.http.tokens import Tokens
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.link.state import State
from sipua.control.outbound.campaigns import CampaignsResource
from sipua.control.outbound.do_not_call import DoNotCallResource
from sipua.control.resources.config import ConfigResource
from sipua.control.resources.document import DocumentResource
from sipua.control.resources.drain import DrainResource
from sipua.control.resources.edge import EdgeResource
from sipua.control.resources.events import EventsResource
from sipua.control.resources.health import HealthResource
from sipua.control.resources.log import LogResource
from sipua.control.resources.metrics import MetricsPage, MetricsResource
from sipua.control.resources.page import PageResource
from sipua.control.resources.routes import RoutesResource
from sipua.control.resources.token import TokenResource
from sipua.control.resources.webhooks import WebhooksResource
from sipua.control.twilio.callbacks import StatusCallbacks
from sipua.control.twilio.calls import TwilioCalls
from sipua.control.twilio.dialect import TwilioDialect
from sipua.control.twilio.recordings import TwilioRecordings
from sipua.twilio import configured


@dataclass(frozen=True, slots=True)
class Parts:
    """What resources are made of."""

    in_force: InForce
    state: State
    link: EdgeLink
    edge: EdgePort
    tokens: Tokens
    node: str
    metrics: MetricsPage | None = None
    callbacks: StatusCallbacks | None = None
    """Of Twilio's REST; None: it is not served."""

    @property
    def config(self) -> Config:
        """The one of the start."""
        return self.in_force.config


def endpoints(parts: Parts) -> Sequence[Endpoint]:
    in_force, state, link, edge = parts.in_force, parts.state, parts.link, parts.edge
    config = parts.config
    watch, placer = Watching(link, edge), Placer(state, link, edge)
    steering = SteerResource(in_force, state, link, edge)
    return (
        *CallsResource(state, watch).endpoints(),
        *LiveResource(state, watch).endpoints(),
        *LadderResource(state, kept=config.api.sip_ladder).endpoints(),
        *PlaceResource(state, placer).endpoints(),
        *steering.endpoints(),
        *ParkResource(state, link, edge).endpoints(),
        *SuperviseResource(state, link, edge).endpoints(),
        *QueuesResource(link, edge).endpoints(),
        *RecordResource(parts.config).endpoints(),
        *RecordingResource(parts.config, link, edge).endpoints(),
        *CampaignsResource(in_force).endpoints(),
        *DoNotCallResource(in_force, link, edge).endpoints(),
        *EventsResource(state, parts.tokens).endpoints(),
        *EdgeResource(in_force, state, link, edge, parts.tokens, node=parts.node).endpoints(),
        *RoutesResource(in_force).endpoints(),
        *ConfigResource(in_force, link, edge).endpoints(),
        *LogResource(link, edge).endpoints(),
        *DrainResource(link, edge).endpoints(),
        *WebhooksResource(in_force, parts.node).endpoints(),
        *HealthResource(in_force, state, link, edge).endpoints(),
        *MetricsResource(parts.metrics).endpoints(),
        *TokenResource().endpoints(),
        *DocumentResource().endpoints(),
        *PageResource(config).endpoints(),
        *_twilio(parts, steering, placer),
    )


def dialects(config: Config) -> Sequence[Dialect]:
    """Those that are not ours."""
    account = config.twilio.account_sid
    return [TwilioDialect(account)] if account else []


def _twilio(parts: Parts, steering: SteerResource, placer: Placer) -> Sequence[Endpoint]:
    if parts.callbacks is None:
        return ()
    calls = TwilioCalls(parts.callbacks, parts.in_force, parts.state, steering, placer)
    return *calls.endpoints(), *_recordings(parts, parts.callbacks.account_sid)


def _recordings(parts: Parts, account_sid: str) -> Sequence[Endpoint]:
    directory = configured.recordings(parts.config)
    if directory is None:
        return ()
    url = configured.recordings_url(parts.config)
    return TwilioRecordings(directory, account_sid, url, parts.link, parts.edge).endpoints()
