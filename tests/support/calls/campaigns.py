"""Campaigns in a folder of a test, and a telephone network that is a function."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sipua.calls.steer.place_request import CannotPlaceError, PlaceRequest
from sipua.campaigns.rules.contacts import NewContact
from sipua.campaigns.rules.settings import Campaign, CampaignSettings, Policy
from sipua.campaigns.store import reading
from sipua.events.stream import EventStream
from sipua.events.teller import Told, to_json

ALWAYS = ("mon-sun 00:00-24:00",)
POLICY = Policy(
    country="",
    timezone="",
    hours=ALWAYS,
    require_consent=False,
    max_calls=100,
    calls_per_second=1000,
    attempts_per_day=0,
    attempts_per_week=0,
    caller_id_calls_per_day=0,
    abandoned_percent=3,
    abandoned_days=30,
    abandoned_least=100,
    numbers="full",
)


def campaign(
    directory: Path, numbers: Iterable[str], name: str = "march", **settings: Any
) -> Campaign:
    """It runs."""
    given = {"max_calls": 10, "calls_per_second": 1000.0, **settings}
    made = reading.create(directory, name, CampaignSettings("carrier", **given), "me", 1000.0)
    reading.add(directory, made, [contact(number) for number in numbers])
    running = reading.change(directory, name, "running", "me", 1001.0)
    assert running is not None
    return running


def contact(number: str, zones: tuple[str, ...] = ("UTC",), **keys: Any) -> NewContact:
    given = {"consent": "", "priority": 0, "values": {}, **keys}
    return NewContact(number, zones, **given)


class Network:
    """`answer(number)`: the fields of `call.ended`, or an error that placing it raises."""

    def __init__(
        self,
        events: EventStream,
        answer: Callable[[str], Mapping[str, Any] | CannotPlaceError],
        *,
        lasts_s: float = 0.01,
    ) -> None:
        self._events = events
        self._answer = answer
        self._lasts_s = lasts_s
        self.placed: list[PlaceRequest] = []
        self.up = 0
        self.most_up = 0
        self.full = False
        self.asked_busy = 0

    async def place(self, request: PlaceRequest) -> str:
        self.placed.append(request)
        answer = self._answer(request.to)
        if isinstance(answer, CannotPlaceError):
            raise answer
        call_id = f"c-{len(self.placed)}"
        self.up += 1
        self.most_up = max(self.most_up, self.up)
        asyncio.get_running_loop().call_later(self._lasts_s, self._end, call_id, answer)
        return call_id

    def busy(self, origin: str) -> bool:
        self.asked_busy += 1
        return self.full

    def _end(self, call_id: str, fields: Mapping[str, Any]) -> None:
        self.up -= 1
        self._events.put(Told("call.ended", 0.0, call_id, to_json(fields)))

    @property
    def numbers(self) -> list[str]:
        return [request.to for request in self.placed]
