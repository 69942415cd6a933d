"""A menu in a call, without signalling, media or an engine: a test plays all three."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from sipua.bridge.events import AudioPlayed, BridgeEvent
from sipua.calls.menus.menu import HangUp, Menu, Say, Sound, ToAgent, ToMenu, ToQueue, ToTarget
from sipua.calls.menus.run import run
from sipua.calls.steer.refer import TransferOutcome
from sipua.events.ending import Reason
from sipua.events.event import Event
from sipua.rtp.events import Dtmf

PROMPT = Sound("main", np.zeros(800, np.int16))
MAIN = Menu(
    "main",
    PROMPT,
    {"1": ToAgent("sales"), "2": ToTarget("sip:1@pbx"), "3": ToMenu("main"), "9": HangUp()},
    no_input_s=0.05,
    retries=1,
)


class Bridge:
    def __init__(self, call: Call) -> None:
        self.call = call
        self.interruptible = True
        self.steps: list[str] = []
        self.heard = True
        """Whether a prompt is played to its end, at once."""

    def play(self, name: str, pcm: object, *, interruptible: bool = False) -> str:
        assert not self.interruptible, "no voice cuts a prompt off"
        item = f"local:{name}:{len(self.steps)}"
        self.steps.append(name)
        if self.heard:
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: self.call.publish(AudioPlayed(item)))
        return item

    def interrupt(self, by: str) -> None:
        self.steps.append(f"cut by {by}")


class Call:
    def __init__(self) -> None:
        self.bridge: Any = Bridge(self)
        self.confirmed = asyncio.Event()
        self.on_hold = False
        self.told: list[Event] = []
        self.answered = 0
        self.ended: list[tuple[Reason, str]] = []
        self.transferred = TransferOutcome(ok=False, status=486, reason="Busy Here")
        self.listeners: list[Callable[[BridgeEvent, float], None]] = []

    def answer(self) -> None:
        self.answered += 1

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def subscribe(self, listener: Callable[[BridgeEvent, float], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def publish(self, event: BridgeEvent) -> None:
        for listener in tuple(self.listeners):
            listener(event, 0.0)

    def press(self, keys: str) -> None:
        for key in keys:
            self.publish(Dtmf(key, 100, inband=False))

    async def transfer(self, target: str) -> TransferOutcome:
        await asyncio.sleep(0)
        return self.transferred

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None:
        self.ended.append((reason, detail))

    def types(self) -> list[str]:
        return [event.type for event in self.told]


class Agents:
    menus: Mapping[str, Menu] = {"main": MAIN}
    talking = False

    def __init__(self) -> None:
        self.noted: list[tuple[str, Mapping[str, Any]]] = []

    def note(self, news: str, fields: Mapping[str, Any]) -> None:
        self.noted.append((news, fields))

    async def change(self, route: str) -> None:
        raise AssertionError(f"{route}: the menu only says who is to have the call")


async def settled(
    call: Call, agents: Agents, *, mask: bool = True
) -> asyncio.Task[ToAgent | ToQueue | None]:
    task = asyncio.create_task(run(call, agents, ToMenu("main"), mask=mask))
    await asyncio.sleep(0)
    assert (call.answered, call.told) == (1, []), "it waits for the ACK"
    call.confirmed.set()
    while not call.told:
        await asyncio.sleep(0)
    return task


async def test_a_key_gives_the_call_to_its_agent() -> None:
    call, agents = Call(), Agents()
    task = await settled(call, agents)
    call.press("1")
    assert await task == ToAgent("sales")
    assert call.types() == ["menu.entered", "menu.key", "menu.left"]
    assert [news for news, _ in agents.noted] == ["menu.entered", "menu.key", "menu.left"]
    assert call.bridge.interruptible
    assert call.listeners == []


async def test_keys_typed_ahead_count_one_after_the_other() -> None:
    call, agents = Call(), Agents()
    call.bridge.heard = False
    task = await settled(call, agents)
    call.press("331")
    assert await task
    assert call.bridge.steps == [
        "menu:main",
        *(["cut by caller", "menu:main"] * 2),
        "cut by caller",
    ]


async def test_nothing_pressed_ends_the_call() -> None:
    call, agents = Call(), Agents()
    task = await settled(call, agents)
    assert not await asyncio.wait_for(task, 20)
    assert call.ended == [(Reason.MENU, "menu main: no input")]
    assert call.bridge.steps == ["menu:main", "menu:main"]


async def test_on_hold_no_time_passes() -> None:
    call, agents = Call(), Agents()
    call.on_hold = True
    task = await settled(call, agents)
    await asyncio.sleep(0.3)
    assert not task.done()
    assert call.bridge.steps == ["menu:main"]
    call.on_hold = False
    assert not await asyncio.wait_for(task, 20)


async def test_a_transfer_that_fails_leads_back_and_keys_of_meanwhile_are_forgotten() -> None:
    call, agents = Call(), Agents()
    task = await settled(call, agents)
    call.press("21")
    while len(call.bridge.steps) < 3:
        await asyncio.sleep(0)
    assert not task.done(), "the 1 was pressed when there was no menu"
    call.press("1")
    assert await task


async def test_a_transfer_ends_the_menu() -> None:
    call, agents = Call(), Agents()
    call.transferred = TransferOutcome(ok=True, status=200, reason="OK")
    task = await settled(call, agents)
    call.press("2")
    assert not await task
    assert call.types()[-1] == "menu.left"
    assert call.ended == [], "the transfer has ended the call itself"


@pytest.mark.parametrize(("mask", "shown"), [(True, "?"), (False, "7")])
async def test_a_key_that_is_no_choice_may_be_part_of_a_secret(mask: bool, shown: str) -> None:
    call, agents = Call(), Agents()
    task = await settled(call, agents, mask=mask)
    call.press("71")
    assert await task
    keys = [event.fields() for event in call.told if event.type == "menu.key"]
    assert [key["digit"] for key in keys] == [shown, "1"]


async def test_a_call_that_ends_in_a_menu_leaves_it() -> None:
    call, agents = Call(), Agents()
    task = await settled(call, agents)
    task.cancel()
    await asyncio.wait([task])
    assert call.told[-1].fields() == {"menu": "main", "by": "ended"}
    assert call.listeners == []
    assert call.bridge.interruptible


async def test_a_flood_of_keys_is_bounded() -> None:
    call, agents = Call(), Agents()
    task = await settled(call, agents)
    call.press("3" * 10_000)
    call.press("1")
    for _ in range(200):
        await asyncio.sleep(0)
    assert call.types().count("menu.key") <= 40
    task.cancel()
    await asyncio.wait([task])


async def test_a_way_that_begins_with_a_sound_ends_behind_it() -> None:
    call, agents = Call(), Agents()
    call.confirmed.set()
    why = Reason.CLOSED, "closed: hours office"
    assert await run(call, agents, Say(PROMPT), mask=True, why=why) is None
    assert call.bridge.steps == ["menu:main"]
    assert call.ended == [why]
    assert call.told == [], "no menu was entered"


async def test_a_transfer_without_a_menu_that_fails_ends_the_call() -> None:
    call, agents = Call(), Agents()
    call.confirmed.set()
    assert await run(call, agents, ToTarget("sip:1@pbx"), mask=True) is None
    assert call.ended == [(Reason.MENU, "menu")]
