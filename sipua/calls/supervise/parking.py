"""A parked call: the caller hears our hold sound, the agent is aside, until somebody fetches it.

talking ── park ──▶ parked ── a phone dials the slot, or is called ──▶ a call of two people
                      ├────── `timeout_s` is over, or an operator wants it ──▶ the agent is back
                      └────── the caller hangs up
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

from sipua.bridge.call.call_bridge import CallBridge
from sipua.calls.steer.commands import Done, Park, Unpark
from sipua.codecs.pcm import Pcm
from sipua.events import park_events
from sipua.events.ending import Reason
from sipua.events.event import Event

ASKER: Final = "park"
How: TypeAlias = Literal["retrieved", "timeout", "operator", "ended"]
NOT_FETCHED: Final = (
    "The caller was parked until somebody would fetch the call, and nobody did within {:g} "
    "seconds. Tell the caller so in one short sentence, and ask how you can help."
)
BACK: Final = (
    "The caller was parked, and is back with you. Tell the caller so in one short sentence."
)


@dataclass(frozen=True, slots=True)
class ParkSettings:
    timeout_s: float = 120.0
    sound: Pcm | None = None
    """The caller hears it, over and over. None: silence."""


class ParkedCall(Protocol):
    bridge: CallBridge
    engine_missed: bool
    tell: Callable[[Event], None]
    lost_aside: tuple[Reason, str] | None

    @property
    def on_hold(self) -> bool: ...

    @property
    def in_menu(self) -> bool: ...

    @property
    def put_through(self) -> bool: ...

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]: ...

    def without_engine(self, reason: Reason, detail: str) -> None: ...


class Parking:
    """One call's."""

    def __init__(self, call: ParkedCall, settings: ParkSettings) -> None:
        self._call = call
        self._settings = settings
        self._slot = ""
        self._over_now = asyncio.Event()

    @property
    def parked(self) -> bool:
        return bool(self._slot)

    def do(self, command: Park | Unpark, by: str) -> Done:
        if isinstance(command, Park):
            return self._park(command.slot, by)
        if not self.parked:
            return Done("wrong_state", "the call is not parked")
        self._to_agent("operator", by, BACK)
        return Done("done")

    def retrieved(self, by: str) -> None:
        """Somebody talks with the caller now."""
        if self.parked:
            self._over("retrieved", by)

    def _park(self, slot: str, by: str) -> Done:
        call = self._call
        if self.parked:
            return Done("done", "it is parked already", {"slot": self._slot})
        if why := self._refused():
            return Done("wrong_state", why)
        self._slot = slot
        call.bridge.set_aside(True)
        call.bridge.fill(self._settings.sound, ASKER)
        self._over_now.clear()
        call.start(self._stay(), "parked")
        call.tell(park_events.Parked(slot=slot, by=by, timeout_s=self._settings.timeout_s))
        return Done("done", values={"slot": slot})

    def _refused(self) -> str:
        call = self._call
        if call.put_through:
            return "the other side is being put through, or talks with the target"
        if call.engine_missed or call.in_menu:
            return "no agent has the call: a menu or the fallback runs"
        return "the call is on hold" if call.on_hold else ""

    async def _stay(self) -> None:
        timeout_s = self._settings.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await self._over_now.wait()
        except TimeoutError:
            self._to_agent("timeout", "", NOT_FETCHED.format(timeout_s))
        finally:
            if self.parked:
                self._over("ended", "")

    def _to_agent(self, how: How, by: str, words: str) -> None:
        call = self._call
        self._over(how, by)
        call.bridge.set_aside(False)
        if call.lost_aside is not None:
            call.without_engine(*call.lost_aside)
        else:
            call.bridge.speak(words)

    def _over(self, how: How, by: str) -> None:
        slot, self._slot = self._slot, ""
        self._over_now.set()
        self._call.bridge.fill(None, ASKER)
        self._call.tell(park_events.Unparked(slot=slot, how=how, by=by))
