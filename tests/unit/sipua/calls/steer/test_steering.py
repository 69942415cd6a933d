"""Commands done to a call, by a call that writes down what was asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sipua.bridge.engine_api.protocol import SPEECH_AND_TOOLS
from sipua.calls.legs.outcome import TransferOutcome
from sipua.calls.legs.targets import Asked
from sipua.calls.steer.commands import (
    Command,
    Done,
    HangUp,
    Hold,
    Inject,
    JoinQueue,
    Mute,
    Park,
    Play,
    PressKeys,
    RunDocuments,
    Say,
    SetMetadata,
    Supervise,
    SuperviseMode,
    Transfer,
    Whisper,
    name_of,
)
from sipua.calls.steer.hold import HoldOutcome
from sipua.calls.steer.sound_files import SoundFiles
from sipua.calls.steer.steering import ASKER, SAY, WHISPERED, Steering
from sipua.events.call_events import Steered
from sipua.events.ending import Reason

pytestmark = pytest.mark.usefixtures("virtual_clock")

SOUND = np.zeros(160, np.int16)


class FakeCall:
    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []
        self.told: list[Steered] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.confirmed = asyncio.Event()
        self.confirmed.set()
        self.over = self.on_hold = self.engine_missed = self.transfer_under_way = False
        self.put_through = False
        self.in_menu = self.in_documents = False
        self.outcome = TransferOutcome(ok=True, status=200, reason="OK")
        self.held = HoldOutcome(ok=True, status=200)
        self.hold = SimpleNamespace(on=False, under_way=False, set=self._hold)
        self.bridge = SimpleNamespace(
            agent_muted=False,
            capabilities=SPEECH_AND_TOOLS,
            speaking=False,
            interruptible=True,
            send_dtmf=lambda *a: self.done.append(("dtmf", *a)),
            mute_agent=lambda *a: self.done.append(("mute agent", *a)),
            listen=lambda *a: self.done.append(("listen", *a)),
            interrupt=lambda *a: self.done.append(("interrupt", *a)),
            speak=lambda *a: self.done.append(("speak", *a)),
            inject=lambda *a, respond: self.done.append(("inject", *a, respond)),
            play=lambda *a: self.done.append(("play", a[0])) or "local:played:1",
            fill=lambda *a: self.done.append(("fill", a[0] is not None, a[1])),
        )

    async def _hold(self, on: bool) -> HoldOutcome:
        self.done.append(("hold", on))
        return self.held

    def tell(self, event: Any) -> None:
        self.told.append(event)

    def start(self, work: Coroutine[Any, Any, None], _name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.get_running_loop().create_task(work))
        return self.tasks[-1]

    async def transfer(self, target: str, by: str) -> TransferOutcome:
        self.done.append(("transfer", target, by))
        return self.outcome

    def lead(self, order: JoinQueue | RunDocuments) -> TransferOutcome:
        self.done.append((order,))
        return self.outcome

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None:
        self.done.append(("hang up", reason, detail, status))

    def set_metadata(self, values: Mapping[str, str]) -> Mapping[str, str]:
        return values


class FakeSupervision:
    def do(self, command: object, by: str) -> Done:
        return Done("done", by, {"of": type(command).__name__})


def steering(call: FakeCall) -> Steering:
    return Steering(
        call,  # type: ignore[arg-type]  # a stand-in
        SOUND,
        SoundFiles(""),
        FakeSupervision(),  # type: ignore[arg-type]  # a stand-in
        call.lead,
    )


@pytest.mark.parametrize("command", [Supervise("sip:1@pbx"), SuperviseMode("barge"), Park("7")])
async def test_what_people_do_is_told_with_who_wanted_it(command: Command) -> None:
    call = FakeCall()
    done = await steering(call).do(command, "ops")
    assert done == Done("done", "ops", {"of": type(command).__name__})
    assert (call.told[0].by, call.told[0].about) == (
        "ops",
        {"supervise": "sip:1@pbx", "supervise_mode": "barge", "park": "7"}[name_of(command)],
    )


@pytest.mark.parametrize(
    ("command", "status", "done"),
    [
        (PressKeys("12"), "accepted", [("dtmf", "12")]),
        (Mute("agent", True), "done", [("mute agent", True)]),
        (Mute("caller", True), "done", [("listen", False, ASKER)]),
        (Mute("caller", False), "done", [("listen", True, ASKER)]),
        (Say("Hello."), "accepted", [("speak", SAY + "Hello.")]),
        (Whisper("Be brief."), "done", [("inject", "system", WHISPERED + "Be brief.", False)]),
        (Say("No.", True), "accepted", [("interrupt", "operator"), ("speak", SAY + "No.")]),
        (Inject("user", "Well?", True), "done", [("inject", "user", "Well?", True)]),
        (Play("sorry"), "accepted", [("play", "played")]),
        (Play("sorry", True), "accepted", [("interrupt", "operator"), ("play", "played")]),
        (Play("nothing.wav"), "invalid", []),
        (SetMetadata({"a": "b"}), "done", []),
        (Hold(True), "done", [("hold", True), ("fill", True, ASKER)]),
        (Transfer("100", wait=True), "done", [("transfer", Asked("100"), "operator")]),
        (JoinQueue("people"), "accepted", [(JoinQueue("people"),)]),
        (RunDocuments("https://a"), "accepted", [(RunDocuments("https://a"),)]),
    ],
)
async def test_what_is_done(command: Command, status: str, done: list[tuple[object, ...]]) -> None:
    call = FakeCall()
    assert (await steering(call).do(command, "ops")).status == status
    assert call.done == done
    (told,) = call.told
    assert (told.by, told.status) == ("ops", status)


async def test_a_hold_that_is_refused_has_no_sound() -> None:
    call = FakeCall()
    call.held = HoldOutcome(ok=False, status=488, reason="Not Acceptable Here")
    done = await steering(call).do(Hold(True), "ops")
    assert done == Done(
        "refused", "488 Not Acceptable Here", {"status": 488, "reason": "Not Acceptable Here"}
    )
    assert call.done == [("hold", True)]


@pytest.mark.parametrize(
    ("status", "said"), [(603, "refused"), (408, "timeout"), (416, "invalid"), (486, "refused")]
)
async def test_a_transfer_that_fails(status: int, said: str) -> None:
    call = FakeCall()
    call.outcome = TransferOutcome(ok=False, status=status, reason="words")
    assert (await steering(call).do(Transfer("100", wait=True), "ops")).status == said


async def test_a_hang_up_is_told_before_the_call_ends() -> None:
    call = FakeCall()
    assert (await steering(call).do(HangUp("enough"), "ops")).ok
    assert call.done == [("hang up", Reason.OPERATOR_HANGUP, "ops: enough", 480)]
    assert call.told[0].detail == "enough"


async def test_a_hang_up_waits_for_speech_within_a_bound() -> None:
    call = FakeCall()
    call.bridge.speaking = True
    await steering(call).do(HangUp(after_speech=True), "ops")
    await asyncio.sleep(20)
    assert call.done == [("listen", False, "goodbye")]
    assert not call.bridge.interruptible
    await asyncio.sleep(15)
    assert call.done[-1] == ("hang up", Reason.OPERATOR_HANGUP, "ops", 0)


async def test_what_the_words_and_keys_were_is_not_told() -> None:
    call = FakeCall()
    for command in (Say("secret"), Inject("system", "secret"), PressKeys("1234")):
        await steering(call).do(command, "ops")
    assert "secret" not in str(call.told)
    assert "1234" not in str(call.told)
    assert [event.size for event in call.told] == [6, 6, 4]


async def test_nothing_begins_in_a_call_that_is_over() -> None:
    call, answers = FakeCall(), []
    call.over = True
    steering(call).take(Hold(True), "ops", answers.append)
    assert [one.status for one in answers] == ["no_call"]
    assert (call.tasks, call.done) == ([], [])


async def test_a_call_that_ends_during_a_hold() -> None:
    call = FakeCall()
    call.held = HoldOutcome(ok=False, reason="the call is over")
    taken: list[Done] = []
    steering(call).take(Hold(True), "ops", taken.append)
    call.over = True
    await asyncio.gather(*call.tasks)
    assert [one.status for one in taken] == ["no_call"]
