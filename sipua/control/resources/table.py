"""All endpoints: adding a resource is a file beside this one, and a line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sipua.config import Config
from sipua.config.change.in_force import InForce
from sipua.control.http.endpoint import Endpoint
from sipua.control.http.tokens import Tokens
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.link.state import State
from sipua.control.resources.calls import CallsResource
from sipua.control.resources.config import ConfigResource
from sipua.control.resources.document import DocumentResource
from sipua.control.resources.drain import DrainResource
from sipua.control.resources.edge import EdgeResource
from sipua.control.resources.events import EventsResource
from sipua.control.resources.health import HealthResource
from sipua.control.resources.log import LogResource
from sipua.control.resources.place import PlaceResource
from sipua.control.resources.record import RecordResource
from sipua.control.resources.routes import RoutesResource
from sipua.control.resources.steer import SteerResource


@dataclass(frozen=True, slots=True)
class Parts:
    """What resources are made of."""

    in_force: InForce
    state: State
    link: EdgeLink
    edge: EdgePort
    tokens: Tokens
    node: str

    @property
    def config(self) -> Config:
        """The one of the start."""
        return self.in_force.config


def endpoints(parts: Parts) -> Sequence[Endpoint]:
    in_force, state, link, edge = parts.in_force, parts.state, parts.link, parts.edge
    return (
        *CallsResource(state).endpoints(),
        *PlaceResource(state, link, edge).endpoints(),
        *SteerResource(in_force, state, link, edge).endpoints(),
        *RecordResource(parts.config).endpoints(),
        *EventsResource(state, parts.tokens).endpoints(),
        *EdgeResource(in_force, state, link, edge, parts.tokens, node=parts.node).endpoints(),
        *RoutesResource(in_force).endpoints(),
        *ConfigResource(in_force, link, edge).endpoints(),
        *LogResource(link, edge).endpoints(),
        *DrainResource(link, edge).endpoints(),
        *HealthResource(in_force, state, link, edge).endpoints(),
        *DocumentResource().endpoints(),
    )
