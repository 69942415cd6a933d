"""Another party in the place of the other side: what is told of it, to people and to the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from sipua.bridge.engine_api.protocol import Capabilities
from sipua.bridge.engine_api.settings import InjectedRole
from sipua.events import refer_events
from sipua.events.event import Event
from sipua.record.settings import Numbers
from sipua.record.transcript_redaction import number
from sipua.sip.parties.numbers import is_number
from sipua.sip.wire.refer_messages import PartyChanged

TOLD: Final = (
    "The call was passed on by the other side: from now on you talk with another person{}. What "
    "the person before has said may not be known to this one."
)


class Told(Protocol):
    """The bridge."""

    capabilities: Capabilities

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> None: ...


def changed(
    event: PartyChanged, bridge: Told, tell: Callable[[Event], None], numbers: Numbers
) -> None:
    """The model learns no name: the other side has written it."""
    tell(
        refer_events.PartyChanged(
            party=number(event.party, numbers), way=event.way, sip_call_id=event.sip_call_id
        )
    )
    if bridge.capabilities.inject:
        who = f", with the number {event.number}" if is_number(event.number) else ""
        bridge.inject("system", TOLD.format(who), respond=False)
