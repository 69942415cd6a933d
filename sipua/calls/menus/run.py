"""A menu in a call: its prompts are played, keys are heard, and what was chosen is done.

No engine is asked, so a menu also works when none is there. What the caller says is not listened
to: only keys end a prompt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias, assert_never

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.events import AudioPlayed, BridgeEvent
from sipua.calls.legs.outcome import TransferOutcome
from sipua.calls.menus.agents import Agents
from sipua.calls.menus.menu import (
    Action,
    HangUp,
    ToAgent,
    ToDocuments,
    ToQueue,
    ToTarget,
    words,
)
from sipua.calls.menus.walk import Entered, Exit, Hush, Left, MenuWalk, Play, Pressed, Step
from sipua.events import menu_events
from sipua.events.ending import Reason
from sipua.events.event import Event
from sipua.rtp.events import Dtmf

Note: TypeAlias = Callable[[str, Mapping[str, Any]], None]
_MOST_WAITING: Final = 32
"""Keys; who types faster than the loop takes them is no person."""


class MenuCall(Protocol):
    """What a menu needs of a call."""

    bridge: CallBridge
    confirmed: asyncio.Event

    @property
    def on_hold(self) -> bool: ...

    def answer(self) -> None: ...

    def tell(self, event: Event) -> None: ...

    def subscribe(self, listener: Callable[[BridgeEvent, float], None]) -> Callable[[], None]: ...

    async def transfer(self, target: str) -> TransferOutcome: ...

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None: ...


async def run(
    call: MenuCall,
    agents: Agents,
    first: Action,
    *,
    mask: bool,
    why: tuple[Reason, str] = (Reason.MENU, "menu"),
) -> ToAgent | ToQueue | ToDocuments | None:
    """Answer, and lead the caller from here on. Returns who is to have the call now; None: the call
    ends, or the target of a transfer has it. `mask`: keys that lead nowhere are not told; a PIN or
    a card number may be among them. `why`: the end of a call that no menu has ended."""
    call.answer()
    await call.confirmed.wait()
    walk = MenuWalk(agents.menus, first, lambda hours: hours.is_open(datetime.now(UTC)))
    return await _Run(call, walk, agents.note, mask=mask, why=why).run()


class _Run:
    def __init__(
        self,
        call: MenuCall,
        walk: MenuWalk,
        note: Note,
        *,
        mask: bool,
        why: tuple[Reason, str],
    ) -> None:
        self._why = why
        self._call = call
        self._walk = walk
        self._note = note
        self._mask = mask
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[BridgeEvent] = asyncio.Queue()
        self._last_item = ""

    async def run(self) -> ToAgent | ToQueue | ToDocuments | None:
        bridge = self._call.bridge
        unsubscribe = self._call.subscribe(self._listen)
        bridge.interruptible = False  # by voice: after an outage our own detection may still run
        try:
            steps = self._walk.begin(self._loop.time())
            while True:
                match self._do(steps):
                    case None:
                        steps = await self._next()
                    case ToTarget() as action:
                        if (await self._call.transfer(action.target)).ok:
                            return None
                        self._drop_keys()
                        steps = self._walk.transfer_failed(self._loop.time())
                    case ToAgent() | ToQueue() | ToDocuments() as action:
                        return action
                    case HangUp():
                        self._call.hang_up(*self._why)
                        return None
        finally:
            unsubscribe()
            bridge.interruptible = True
            if (left := self._walk.ended()) is not None:
                self._tell(left)

    def _listen(self, event: BridgeEvent, _now: float) -> None:
        if isinstance(event, Dtmf):
            wanted = self._news.qsize() < _MOST_WAITING
        else:
            wanted = isinstance(event, AudioPlayed) and event.item_id == self._last_item
        if wanted:
            self._news.put_nowait(event)

    async def _next(self) -> Sequence[Step]:
        deadline = self._walk.deadline
        try:
            async with asyncio.timeout_at(deadline):
                news = await self._news.get()
        except TimeoutError:
            now = self._loop.time()
            if self._call.on_hold:
                self._walk.postpone(now)
                return ()
            return self._walk.expire(now)
        now = self._loop.time()
        if isinstance(news, Dtmf):
            return self._walk.key(news.digit, now)
        heard = isinstance(news, AudioPlayed) and news.item_id == self._last_item
        return self._walk.played(now) if heard else ()

    def _drop_keys(self) -> None:
        """Those that were pressed while the caller heard no menu."""
        while not self._news.empty():
            self._news.get_nowait()

    def _do(self, steps: Sequence[Step]) -> Exit | None:
        """Whatever is done at once; returns the step that ends the way."""
        for step in steps:
            match step:
                case Play():
                    for sound in step.sounds:
                        self._last_item = self._call.bridge.play(
                            f"menu:{sound.name}", sound.pcm, interruptible=True
                        )
                case Hush():
                    self._call.bridge.interrupt("caller")
                case Entered() | Pressed():
                    self._tell(step)
                case Left():
                    self._tell(step)
                    by = f"key {step.key}" if step.key else step.by.replace("_", " ")
                    self._why = Reason.MENU, f"menu {step.menu}: {by}"
                case ToAgent() | ToQueue() | ToDocuments() | ToTarget() | HangUp():
                    return step
                case _:
                    assert_never(step)
        return None

    def _tell(self, step: Entered | Pressed | Left) -> None:
        told: Event
        match step:
            case Entered():
                told = menu_events.MenuEntered(menu=step.menu)
            case Pressed():
                hidden = self._mask and not step.valid
                told = menu_events.MenuKey(
                    menu=step.menu, digit="?" if hidden else step.digit, valid=step.valid
                )
            case Left():
                to = None if step.action is None else words(step.action)
                told = menu_events.MenuLeft(menu=step.menu, by=step.by, key=step.key or None, to=to)
        self._call.tell(told)
        self._note(told.type, told.fields())
