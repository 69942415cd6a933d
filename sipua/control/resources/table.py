"""All endpoints: adding a resource is a file beside this one, and a line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sipua.config import Config
from sipua.control.http.endpoint import Endpoint
from sipua.control.http.tokens import Tokens
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.link.state import State
from sipua.control.resources.calls import CallsResource
from sipua.control.resources.health import HealthResource
from sipua.events.stream import EventStream


@dataclass(frozen=True, slots=True)
class Parts:
    """What resources are made of."""

    config: Config
    state: State
    link: EdgeLink
    edge: EdgePort
    tokens: Tokens
    events: EventStream


def endpoints(parts: Parts) -> Sequence[Endpoint]:
    state, link, edge = parts.state, parts.link, parts.edge
    return (
        *CallsResource(state, link, edge).endpoints(),
        *HealthResource(parts.config, state, link, edge).endpoints(),
    )
