"""A supervisor's leg: how it comes and goes, and that the call goes on whatever it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from sipua.bridge.events import AudioPlayed, BridgeEvent
from sipua.bridge.fault_owner import FaultOwner
from sipua.calls.legs.orders import CallOrder, PlaceLeg
from sipua.calls.parts.leaders import Leaders
from sipua.calls.steer.commands import (
    Done,
    Mode,
    Park,
    Supervise,
    SuperviseEnd,
    SuperviseMode,
    Unpark,
)
from sipua.calls.supervise.codes import DialledIn
from sipua.calls.supervise.modes import SuperviseSettings
from sipua.calls.supervise.parking import Parking, ParkSettings
from sipua.calls.supervise.supervision import Supervision
from sipua.codecs.g711 import Law
from sipua.events.ending import Reason
from sipua.events.event import Event
from sipua.rtp.events import Dtmf, MediaTimeout, RtpEvent
from sipua.rtp.session.traffic import Traffic
from sipua.sip.messages import (
    Answer,
    CallConfirmed,
    CallEnded,
    CallInvited,
    EndedBy,
    Hangup,
    MediaReady,
)
from sipua.sip.wire.info_digits import DigitTold

CALL = "c-22222222"
LEG = f"{CALL}.s1"
DIALLED = f"{CALL}.s-33333333"
WHO = "sip:anna@pbx.example.com"


class FakeLine:
    law = Law.PCMU
    lent = False

    def lend(self) -> None:
        self.lent = True

    def relay(self, payload: bytes, samples: int, marker: bool) -> None: ...


class FakeLeg:
    def __init__(self, on_rtp: Callable[[Sequence[RtpEvent]], None] | None = None) -> None:
        self.on_rtp = on_rtp
        self.line = FakeLine()
        self.laws = {0: Law.PCMU}
        self.did: list[str] = []
        self.between: object = None
        self.others: list[FakeLeg] = []

    def another(self, local: object, on_rtp: Any, *, faults: FaultOwner) -> FakeLeg:
        self.others.append(FakeLeg(on_rtp))
        return self.others[-1]

    def put_between(self, between: object) -> None:
        self.between = between

    def pace(self, callback: object, now: float) -> FakeLeg:
        return self

    def cancel(self) -> None: ...

    def before_answer(self) -> None: ...

    def open(self, plan: object) -> None:
        self.did.append("open")

    def start(self) -> None:
        self.did.append("start")

    def close(self) -> None:
        self.did.append("close")

    def traffic(self) -> Traffic:
        return Traffic()


class FakeThrough:
    def __init__(self) -> None:
        self.joined: object = None
        self.joint = None

    def join(self, leg: object, hold_sound: object) -> None:
        self.joined = leg

    def part(self) -> None:
        self.joined = None

    def update(self) -> None: ...


class FakeBridge:
    def __init__(self) -> None:
        self.leg = FakeLeg()
        self.through = FakeThrough()
        self.aside = self.dismissed = False
        self.filled: list[object] = []
        self.spoken: list[str] = []
        self.played: list[str] = []

    def set_aside(self, on: bool) -> None:
        self.aside = on

    async def dismiss_agent(self) -> None:
        self.dismissed = True

    def fill(self, sound: object, asker: str) -> None:
        self.filled.append(sound)

    def speak(self, words: str) -> None:
        self.spoken.append(words)

    def play(self, name: str, pcm: object) -> str:
        self.played.append(name)
        return f"local:{name}:1"


@dataclass
class FakeSecond:
    joined: bool = False
    replaced: int = 0

    def replace(self) -> None:
        self.replaced += self.joined
        self.joined = False


@dataclass
class FakeCall:
    call_id: str = CALL
    bridge: FakeBridge = field(default_factory=FakeBridge)
    second: FakeSecond = field(default_factory=FakeSecond)
    sent: list[CallOrder] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    hung_up: list[tuple[Reason, str]] = field(default_factory=list)
    on_hold: bool = False
    in_menu: bool = False
    engine_missed: bool = False
    record: None = None
    over: bool = False
    lost_aside: tuple[Reason, str] | None = None
    hears_announcement: bool = True

    def __post_init__(self) -> None:
        self.confirmed = asyncio.Event()
        self.confirmed.set()
        self.ended: list[str] = []
        self.faults = FaultOwner("call.failed", None, self.ended.append)
        self.send = self.sent.append
        self.tell = self.told.append
        self.tasks: list[asyncio.Task[None]] = []
        self.leaders = Leaders(self.start)

    @property
    def put_through(self) -> bool:
        return self.bridge.aside or self.second.joined

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(work, name=name))
        return self.tasks[-1]

    async def first(self, wanted: Callable[[BridgeEvent], bool], within_s: float) -> Any:
        await asyncio.sleep(within_s if not self.hears_announcement else 3)
        event = AudioPlayed("local:announcement:1", 3000)
        return event if self.hears_announcement and wanted(event) else None

    def without_engine(self, reason: Reason, detail: str) -> None:
        self.hung_up.append((reason, detail))

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None:
        self.hung_up.append((reason, detail))

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)


class Bed:
    def __init__(self, settings: SuperviseSettings | None = None) -> None:
        self.call = FakeCall()
        self.closed: list[str] = []
        self.parking = Parking(self.call, ParkSettings(timeout_s=60))  # type: ignore[arg-type]  # a stand-in
        self.supervision = Supervision(
            self.call,  # type: ignore[arg-type]  # a stand-in
            "trunk",
            settings or SuperviseSettings(),
            lambda media: media,  # type: ignore[arg-type,return-value]  # a stand-in
            self.parking,
        )

    def place(self, mode: Mode = "listen") -> Done:
        return self.supervision.do(Supervise(WHO, mode=mode), "ops")

    async def answered(self, mode: Mode = "listen") -> FakeLeg:
        assert self.place(mode) == Done("accepted", values={"leg": "s1"})
        held = ExitStack()
        held.callback(self.closed.append, "sockets")
        self.supervision.take(LEG, None, held)  # type: ignore[arg-type]  # no sockets
        for event in (CallInvited(LEG, "abc@pbx"), MediaReady(LEG, None), CallConfirmed(LEG)):  # type: ignore[arg-type]
            self.supervision.on_signal(event)
        await asyncio.sleep(0.01)
        return self.call.bridge.leg.others[0]

    def by_peer(self, status: int = 200, reason: str = "BYE") -> None:
        self.supervision.on_signal(CallEnded(LEG, EndedBy.PEER, status, reason))

    @property
    def last(self) -> dict[str, Any]:
        return self.call.told[-1].fields()


pytestmark = pytest.mark.usefixtures("virtual_clock")


async def test_a_supervisor_comes_listens_and_leaves() -> None:
    bed = Bed()
    leg = await bed.answered()
    assert bed.call.sent == [PlaceLeg(CALL, LEG, WHO, "")]
    assert bed.call.bridge.leg.between is not None
    assert bed.call.told[0].fields()["leg"] == "s", "for the ladder of the call"
    assert bed.last == {"who": WHO, "by": "ops", "mode": "listen", "sip_call_id": "abc@pbx"}
    bed.by_peer()
    await asyncio.sleep(0.01)
    assert bed.call.bridge.leg.between is None
    assert leg.did == ["open", "start", "close"]
    assert bed.closed == ["sockets"]
    assert (bed.last["cause"], bed.last["mode"]) == ("hung_up", "listen")
    assert bed.call.hung_up == []
    assert not any(isinstance(one, Hangup) for one in bed.call.sent)
    assert bed.place().status == "accepted", "another one may come"


async def test_a_number_needs_an_account() -> None:
    bed = Bed()
    assert bed.supervision.do(Supervise("201"), "ops").status == "invalid"
    assert bed.supervision.do(Supervise("201", account="pbx"), "ops").ok
    assert bed.call.sent == [PlaceLeg(CALL, LEG, "201", "pbx")]


async def test_one_at_a_time() -> None:
    bed = Bed()
    bed.place()
    assert (bed.place().status, bed.call.sent[1:]) == ("wrong_state", [])


@pytest.mark.parametrize("way", ["rfc4733", "info"])
async def test_keys_of_the_supervisor_change_the_mode(way: str) -> None:
    bed = Bed()
    leg = await bed.answered()
    assert leg.on_rtp is not None
    for key in "569":
        if way == "info":
            bed.supervision.on_signal(DigitTold(LEG, key, 100))
        else:
            leg.on_rtp([Dtmf(key, 100, inband=False)])
    modes = [(one["mode"], one["by"]) for one in (event.fields() for event in bed.call.told[2:])]
    assert modes == [("whisper", "key"), ("barge", "key")]


async def test_keys_do_nothing_before_the_supervisor_is_there() -> None:
    bed = Bed()
    bed.place()
    bed.supervision.on_signal(DigitTold(LEG, "6", 100))
    assert bed.call.told == []


@pytest.mark.parametrize(("status", "reason"), [(486, "Busy Here"), (603, "Decline")])
async def test_one_who_does_not_come(status: int, reason: str) -> None:
    bed = Bed()
    bed.place()
    bed.by_peer(status, reason)
    await asyncio.sleep(0.01)
    assert bed.last == {"who": WHO, "by": "ops", "status": status, "cause": reason}
    assert bed.call.hung_up == []


async def test_one_who_does_not_answer() -> None:
    bed = Bed(SuperviseSettings(ring_s=7))
    bed.place()
    await asyncio.sleep(7.1)
    assert bed.call.sent[-1] == Hangup(LEG)
    assert (bed.last["status"], bed.last["cause"]) == (408, "not answered within 7 s")


async def test_the_call_ends_and_so_does_the_leg() -> None:
    bed = Bed()
    leg = await bed.answered()
    await bed.call.end()
    assert bed.call.sent[-1] == Hangup(LEG)
    assert bed.last["cause"] == "call_ended"
    assert leg.did[-1] == "close"
    assert bed.closed == ["sockets"]


async def test_a_takeover_is_a_call_of_two_people() -> None:
    bed = Bed()
    leg = await bed.answered()
    assert bed.supervision.do(SuperviseMode("takeover"), "ops").ok
    await asyncio.sleep(0.01)
    bridge = bed.call.bridge
    assert bridge.leg.between is None
    assert bridge.aside
    assert bridge.dismissed
    assert bridge.through.joined is leg
    assert bed.supervision.do(SuperviseMode("listen"), "ops").status == "wrong_state"
    bed.by_peer()
    await asyncio.sleep(0.01)
    assert [reason for reason, _ in bed.call.hung_up] == [Reason.TARGET_HANGUP]
    assert bridge.through.joined is None


async def test_a_takeover_from_the_beginning() -> None:
    bed = Bed()
    leg = await bed.answered("takeover")
    assert bed.call.bridge.through.joined is leg
    assert bed.last["mode"] == "takeover"


async def test_a_takeover_from_the_person_that_the_caller_was_put_through_to() -> None:
    bed = Bed()
    bed.call.second.joined = bed.call.bridge.aside = True
    leg = await bed.answered("barge")
    assert bed.supervision.do(SuperviseMode("takeover"), "ops").ok
    assert bed.call.second.replaced == 1
    assert bed.call.bridge.through.joined is leg
    assert bed.call.bridge.aside
    bed.by_peer()
    assert [reason for reason, _ in bed.call.hung_up] == [Reason.TARGET_HANGUP]


async def test_no_takeover_while_the_target_is_called() -> None:
    bed = Bed()
    bed.call.bridge.aside = True
    await bed.answered("listen")
    done = bed.supervision.do(SuperviseMode("takeover"), "ops")
    assert (done.status, done.detail) == ("wrong_state", "the other side is being put through")


async def test_a_takeover_that_has_become_impossible_ends_the_leg_alone() -> None:
    bed = Bed()
    bed.call.engine_missed = True
    await bed.answered("takeover")
    assert bed.call.hung_up == []
    assert "no agent has the call" in bed.last["cause"]
    assert not bed.call.bridge.aside


async def test_one_who_sends_no_sound() -> None:
    bed = Bed()
    leg = await bed.answered()
    assert leg.on_rtp is not None
    leg.on_rtp([MediaTimeout(20.0)])  # it began while the phone was ringing
    await asyncio.sleep(0.01)
    assert Hangup(LEG) not in bed.call.sent
    leg.on_rtp([MediaTimeout(1.0)])
    await asyncio.sleep(0.01)
    assert bed.call.sent[-1] == Hangup(LEG)
    assert bed.last["cause"] == "no RTP for 1 s"
    assert bed.call.hung_up == []


async def test_removed_by_an_operator() -> None:
    bed = Bed()
    await bed.answered()
    assert bed.supervision.do(SuperviseEnd(), "ops").ok
    await asyncio.sleep(0.01)
    assert bed.last["cause"] == "removed by ops"
    assert bed.supervision.do(SuperviseEnd(), "ops").status == "wrong_state"


async def test_a_fault_of_the_leg_ends_the_leg_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bed = Bed()

    def broken(_: FakeLeg, plan: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(FakeLeg, "open", broken)
    await bed.answered()
    assert bed.call.sent[-1] == Hangup(LEG)
    assert bed.last["cause"] == "internal error: on MediaReady: ZeroDivisionError"
    assert (bed.call.hung_up, bed.call.ended) == ([], [])


async def test_the_caller_is_told_before_anyone_listens() -> None:
    bed = Bed(SuperviseSettings(announcement=np.zeros(8000, np.int16)))
    await bed.answered()
    assert [one.type for one in bed.call.told] == ["call.leg"]
    assert bed.call.bridge.leg.between is None
    await asyncio.sleep(3)
    assert bed.last["mode"] == "listen"
    assert bed.call.bridge.leg.between is not None


async def test_nobody_listens_when_the_announcement_was_not_heard() -> None:
    bed = Bed(SuperviseSettings(announcement=np.zeros(8000, np.int16)))
    bed.call.hears_announcement = False
    await bed.answered()
    await asyncio.sleep(61)
    assert bed.last["cause"] == "the announcement was not heard"
    assert bed.call.bridge.leg.between is None
    assert bed.call.sent[-1] == Hangup(LEG)


LISTENS = DialledIn("sip:201@pbx", "listen")


async def dialled(bed: Bed, about: DialledIn = LISTENS) -> FakeLeg:
    held = ExitStack()
    held.callback(bed.closed.append, "sockets")
    bed.supervision.dial_in(DIALLED, about, None, held)  # type: ignore[arg-type]  # no sockets
    assert bed.call.sent == [Answer(DIALLED)]
    for event in (MediaReady(DIALLED, None), CallConfirmed(DIALLED)):  # type: ignore[arg-type]
        bed.supervision.on_signal(event)
    await asyncio.sleep(0.01)
    return bed.call.bridge.leg.others[0]


async def test_one_who_dials_in() -> None:
    bed = Bed()
    await dialled(bed)
    assert (bed.last["who"], bed.last["by"]) == ("sip:201@pbx", "dialled")
    bed.supervision.do(SuperviseEnd(), "ops")
    assert bed.call.sent[1:] == [Hangup(DIALLED)]
    await asyncio.sleep(0.01)
    assert bed.closed == ["sockets"]


async def test_one_who_dials_in_while_another_is_there() -> None:
    bed = Bed()
    bed.place()
    held = ExitStack()
    held.callback(bed.closed.append, "sockets")
    bed.supervision.dial_in(DIALLED, LISTENS, None, held)  # type: ignore[arg-type]  # no sockets
    assert bed.call.sent[1:] == [Hangup(DIALLED, 486)]
    assert bed.closed == ["sockets"]


@pytest.mark.parametrize(
    ("keys", "heard", "cause"),
    [
        ("1234", True, ""),
        ("123", False, "no PIN within 20 s"),
        ("111122223333", False, "a wrong PIN"),
    ],
)
async def test_the_pin_comes_first(keys: str, heard: bool, cause: str) -> None:
    bed = Bed(SuperviseSettings(pin="1234"))
    await dialled(bed)
    assert bed.call.bridge.leg.between is None
    for key in keys:
        bed.supervision.on_signal(DigitTold(DIALLED, key, 100))
    await asyncio.sleep(21)
    assert (bed.call.bridge.leg.between is not None) is heard
    if not heard:
        assert bed.last["cause"] == cause
        assert bed.call.sent[-1] == Hangup(DIALLED)


async def test_a_parked_call_is_fetched_by_a_phone() -> None:
    bed = Bed()
    assert bed.supervision.do(Park("7"), "ops").values == {"slot": "7"}
    assert bed.call.bridge.aside
    assert bed.last == {"slot": "7", "by": "ops", "timeout_s": 60.0}
    assert bed.supervision.do(Park("8"), "ops").values == {"slot": "7"}, "it is there already"
    await dialled(bed, DialledIn("sip:201@pbx", "takeover", fetches=True))
    assert bed.call.bridge.through.joined is not None
    told = [(one.type, one.fields().get("how")) for one in bed.call.told[1:]]
    assert told == [("call.unparked", "retrieved"), ("call.supervised", None)]
    assert (bed.parking.parked, bed.call.bridge.dismissed) == (False, True)
    await asyncio.sleep(61)
    assert bed.call.bridge.spoken == []


async def test_a_phone_that_comes_too_late_does_not_take_the_call_from_the_agent() -> None:
    bed = Bed()
    await dialled(bed, DialledIn("sip:201@pbx", "takeover", fetches=True))
    assert bed.last["cause"] == "the call is not parked any more"
    assert not bed.call.bridge.aside
    assert bed.call.hung_up == []


async def test_one_who_comes_too_late_is_announced_to_no_caller() -> None:
    bed = Bed(SuperviseSettings(announcement=np.zeros(8000, np.int16)))
    await dialled(bed, DialledIn("sip:201@pbx", "listen", fetches=True))
    assert bed.last["cause"] == "the call is not parked any more"
    assert bed.call.bridge.played == []


async def test_a_parked_call_that_nobody_fetches_goes_back_to_the_agent() -> None:
    bed = Bed()
    bed.supervision.do(Park("7"), "ops")
    await asyncio.sleep(61)
    assert not bed.call.bridge.aside
    assert (bed.last["how"], bed.parking.parked) == ("timeout", False)
    assert "60 seconds" in bed.call.bridge.spoken[0]


async def test_the_engine_is_lost_while_the_call_is_parked() -> None:
    bed = Bed()
    bed.supervision.do(Park("7"), "ops")
    bed.call.lost_aside = (Reason.ENGINE_LOST, "gone")
    assert bed.supervision.do(Unpark(), "ops").ok
    assert bed.call.hung_up == [(Reason.ENGINE_LOST, "gone")], "the fallback begins"
    assert bed.call.bridge.spoken == []


async def test_the_caller_hangs_up_while_the_call_is_parked() -> None:
    bed = Bed()
    bed.supervision.do(Park("7"), "ops")
    await asyncio.sleep(0.01)
    await bed.call.end()
    assert bed.last == {"slot": "7", "how": "ended", "by": ""}


async def test_what_is_not_parked() -> None:
    bed = Bed()
    assert bed.supervision.do(Unpark(), "ops").status == "wrong_state"
    fetch = Supervise(WHO, mode="takeover", fetch=True)
    assert bed.supervision.do(fetch, "ops").status == "wrong_state"
    bed.call.in_menu = True
    assert bed.supervision.do(Park("7"), "ops").status == "wrong_state"


async def test_sockets_that_come_too_late_are_given_back() -> None:
    bed = Bed()
    bed.place()
    bed.supervision.do(SuperviseEnd(), "ops")
    await asyncio.sleep(0.01)
    held = ExitStack()
    held.callback(bed.closed.append, "sockets")
    bed.supervision.take(LEG, None, held)  # type: ignore[arg-type]  # no sockets
    assert bed.closed == ["sockets"]
