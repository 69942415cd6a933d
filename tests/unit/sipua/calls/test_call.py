"""One call's story: what is sent to the caller when the engine is ready, late, broken or lost."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import EngineHangsUp
from sipua.bridge.events import BridgeEvent, PeerSilent
from sipua.calls.opening import Placing
from sipua.events.ending import Reason
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.rtp.events import Dtmf, LossReported, PacketsRefused
from sipua.sip.messages import Answer, CallEnded, Direction, EndedBy, Hangup, MediaReady
from support.calls.call_story import FACTS, LIMITS, MEDIA, PROFILE, Story


async def test_it_rings_until_the_engine_is_ready_and_has_been_asked_to_greet() -> None:
    story = Story()
    await story.settle()
    assert story.sent == []
    story.bridge.ready.set()
    await story.settle()
    assert story.sent == [Answer("c-test")]
    assert story.bridge.steps == ["connected", "greet: Greet the caller."]
    story.call.on_media(MEDIA)
    story.call.on_confirmed()
    assert story.bridge.steps[-1] == "start"
    await story.end()


async def test_without_a_greeting_the_caller_speaks_first() -> None:
    story = Story(replace(PROFILE, greeting=""))
    story.bridge.ready.set()
    await story.settle()
    assert story.bridge.steps == ["connected"]
    await story.end()


async def test_it_may_answer_before_the_engine_is_there() -> None:
    story = Story(replace(PROFILE, answer="at_once"))
    await story.settle()
    assert story.sent == [Answer("c-test")]
    story.bridge.ready.set()
    await story.settle()
    assert story.sent == [Answer("c-test")], "only once"
    await story.end()


async def test_M1_without_an_engine_the_caller_gets_the_configured_status() -> None:
    story = Story(replace(PROFILE, failure_status=480))
    story.bridge.error = EngineConnectError("unauthorized", "wrong key", status=401)
    story.bridge.ready.set()
    await story.settle()
    assert story.sent == [Hangup("c-test", 480)]
    await story.end(EndedBy.US)


async def test_a_bug_of_ours_refuses_the_call_and_does_not_leave_it_ringing() -> None:
    story = Story()
    story.bridge.error = KeyError("unexpected")
    story.bridge.ready.set()
    await story.settle()
    assert story.sent[-1] == Hangup("c-test", 500)
    await story.end(EndedBy.US)


async def test_a_phone_that_has_rung_too_long_gets_480_whatever_the_engine_has_left() -> None:
    story = Story(limits=replace(LIMITS, ring_timeout_s=0.02))
    async with asyncio.timeout(20):
        while not story.sent:
            await asyncio.sleep(0.005)
    assert story.sent == [Hangup("c-test", 480)]
    story.bridge.ready.set()
    await story.settle()
    assert len(story.sent) == 1, "no answer after it"
    await story.end(EndedBy.US)


async def test_a_phone_that_was_answered_does_not_ring_too_long() -> None:
    story = Story(replace(PROFILE, answer="at_once"), limits=replace(LIMITS, ring_timeout_s=0.02))
    await asyncio.sleep(0.05)
    assert story.sent == [Answer("c-test")]
    await story.end()


async def test_S10_a_caller_who_gives_up_while_it_rings_ends_everything() -> None:
    story = Story()
    await story.settle()
    await story.end()
    assert story.sent == [], "no answer to a call that is gone"


async def test_an_agent_that_hangs_up_ends_the_call_behind_what_it_has_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    story = Story()
    await story.talk()
    story.bridge.speaking = True
    story.bridge.on_event(EngineHangsUp("the agent closed the stream"))
    await asyncio.sleep(0.3)
    assert Hangup("c-test", 0) not in story.sent, "the caller still hears it"
    story.bridge.speaking = False
    async with asyncio.timeout(20):
        while Hangup("c-test", 0) not in story.sent:
            await asyncio.sleep(0.01)
    heeds = story.bridge.hears, story.bridge.interruptible
    assert heeds == (False, False), "a cough begins no turn"
    await story.end(EndedBy.US)
    assert "agent_hangup" in capsys.readouterr().out


async def test_an_agent_that_hangs_up_while_it_is_aside_is_missed_and_ends_nothing() -> None:
    story = Story()
    await story.talk()
    story.bridge.through.aside = True
    story.bridge.on_event(EngineHangsUp("the agent closed the stream"))
    await asyncio.sleep(0.2)
    assert Hangup("c-test", 0) not in story.sent
    assert story.call.lost_aside == (Reason.AGENT_HANGUP, "the agent closed the stream")
    await story.end()


async def test_R12_a_silent_peer_ends_the_call() -> None:
    story = Story()
    await story.talk()
    await asyncio.sleep(0.01)
    story.bridge.on_event(PeerSilent(1.0))
    assert story.sent[-1] == Hangup("c-test", 0)
    await story.end(EndedBy.US)


async def test_a_silence_that_began_before_the_answer_has_as_long_again() -> None:
    """With early media a stream is there before the answer, and a peer may send nothing until
    then."""
    story = Story(opening=Placing(), facts=replace(FACTS, direction="outgoing"))
    story.call.on_sip(MediaReady("c-test", MEDIA))
    story.bridge.on_event(PeerSilent(20.0))
    assert story.sent == []
    assert len(story.bridge.plans) == 2, "the silence is measured anew"
    await story.talk()
    plans = len(story.bridge.plans)
    story.bridge.on_event(PeerSilent(20.0))
    assert (story.sent, len(story.bridge.plans)) == ([], plans + 1)
    await story.end()


@pytest.mark.parametrize(("mask", "shown"), [(True, "?"), (False, "7")])
async def test_keys_are_logged_masked_unless_allowed(
    mask: bool, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("debug", "json")
    story = Story(limits=replace(LIMITS, mask_dtmf=mask))
    story.bridge.on_event(Dtmf("7", 100, inband=True))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (told,) = [line for line in lines if line["event"] == "call.dtmf"]
    assert (told["digit"], told["duration_ms"], told["inband"]) == (shown, 100, True)
    assert shown == "7" or '"7"' not in json.dumps(lines)
    await story.end()


async def test_every_listener_hears_every_event_and_one_that_fails_keeps_none_from_another() -> (
    None
):
    story = Story()
    heard: list[tuple[BridgeEvent, float]] = []

    def fail(event: BridgeEvent, now: float) -> None:
        raise KeyError(now)

    story.call.subscribe(fail)
    story.call.subscribe(lambda event, now: heard.append((event, now)))
    await story.talk()
    await asyncio.sleep(0.01)
    heard.clear()
    events = [Dtmf("7", 100, inband=True), PeerSilent(1.0)]
    for event in events:
        story.bridge.on_event(event)
    assert [event for event, _ in heard] == events
    assert 0 <= asyncio.get_running_loop().time() - heard[0][1] < 5
    assert story.sent[-1] == Hangup("c-test", 0), "what the call itself does is done too"
    await story.end(EndedBy.US)


async def test_H11_a_call_whose_end_is_never_told_ends_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sipua.calls.call.LONGEST_TRANSACTION_S", 0.02)
    story = Story()
    await story.talk()
    story.call.hang_up(Reason.AGENT_HANGUP, "enough")
    story.call.hang_up(Reason.MAX_DURATION, "enough again")
    async with asyncio.timeout(5):
        await story.task
    assert story.call.summary == "answered, 0.0 s, ended by agent: enough"
    assert story.bridge.steps[-1] == "close"


async def test_what_comes_behind_the_end_changes_nothing() -> None:
    story = Story()
    await story.talk()
    story.sent.clear()
    await story.end()
    story.call.hang_up(Reason.AGENT_HANGUP, "too late")
    assert story.sent == []
    assert story.call.summary.endswith("ended by caller: 200 OK")


@pytest.mark.parametrize("broken", ["open_media", "start"])
async def test_S21_signalling_that_cannot_be_followed_ends_the_call(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story()
    story.bridge.ready.set()
    await story.settle()

    def fail(*_: object) -> None:
        raise OSError("no descriptors")

    monkeypatch.setattr(story.bridge, broken, fail)
    await story.confirm()
    assert story.sent[-1] == Hangup("c-test", 500)
    await story.end(EndedBy.US)


class Part:
    """A capture or a record, that is closed or not."""

    def __init__(self) -> None:
        self.closed = False
        self.tap = None

    async def close(self) -> None:
        self.closed = True

    async def end(self, **_: object) -> None:
        self.closed = True

    def feed(self, event: BridgeEvent, now: float) -> None: ...

    def stats(self) -> dict[str, object]:
        return {}


@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_S21_one_part_that_is_not_given_back_keeps_no_other(
    how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sipua.calls.parts.lifetime.STEP_S", 0.02)
    logs.configure("info", "json")
    capture, record = Part(), Part()
    story = Story(capture=capture, record=record)

    async def close() -> None:
        if how == "hangs":
            await asyncio.sleep(60)
        raise KeyError("broken")

    monkeypatch.setattr(story.bridge, "close", close)
    await story.settle()
    story.call.on_sip(CallEnded("c-test", EndedBy.PEER, 487, "gone"))
    async with asyncio.timeout(5):
        await story.task
    assert capture.closed
    assert record.closed
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines][-2:] == ["call.not_given_back", "call.ended"]


async def test_facts_are_of_now() -> None:
    story = Story()
    assert story.call.facts() == FACTS
    story.call.on_media(MEDIA)
    story.call.on_confirmed()
    await asyncio.sleep(0.01)
    assert story.call.facts().talked_s >= 0.005
    await story.end()


async def test_the_longest_duration_ends_the_call() -> None:
    story = Story(limits=replace(LIMITS, max_duration_s=0.02))
    async with asyncio.timeout(20):
        while not any(isinstance(command, Hangup) for command in story.sent):
            await asyncio.sleep(0.005)
    await story.end(EndedBy.US)


@pytest.mark.parametrize("direction", [Direction.RECVONLY, Direction.INACTIVE, Direction.SENDONLY])
async def test_every_direction_but_both_is_hold(direction: Direction) -> None:
    story = Story()
    story.call.on_media(MEDIA)
    story.call.on_media(replace(MEDIA, direction=direction))
    assert [plan.on_hold for plan in story.bridge.plans] == [False, True]
    await story.end()


class Lines:
    """A logger that keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None: ...

    def warning(self, event: str, **fields: object) -> None:
        self.warnings.append((event, fields))


async def test_loss_at_the_peer_is_a_warning_but_not_with_each_report() -> None:
    lines = Lines()
    story = Story(log=lines)
    for _ in range(6):
        story.bridge.on_event(LossReported(0.0703, 12, 3.25, 41.04))
    ((event, fields),) = lines.warnings
    assert event == "call.quality"
    assert fields.pop("fix")
    assert fields == {
        "remote_fraction_lost": 0.07,
        "remote_lost": 12,
        "remote_jitter_ms": 3.2,
        "round_trip_ms": 41.0,
    }
    await story.end()


async def test_R2_a_flood_of_all_ports_is_one_line_whichever_call_it_hits() -> None:
    lines = Lines()
    shared = Throttle()
    stories = [Story(log=lines, refusals=shared) for _ in range(20)]
    for _ in range(3):
        for story in stories:
            story.bridge.on_event(PacketsRefused({"source": 900}))
    assert lines.warnings == [("rtp.refused", {"datagrams": {"source": 900}, "lines_kept_back": 0})]
    for story in stories:
        await story.end()
