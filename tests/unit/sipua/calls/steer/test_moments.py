from __future__ import annotations

import pytest

from sipua.calls.steer.commands import (
    Command,
    HangUp,
    Hold,
    Inject,
    JoinQueue,
    Mute,
    Park,
    Play,
    PressKeys,
    Say,
    SetMetadata,
    Supervise,
    SuperviseMode,
    Transfer,
    Unpark,
    Whisper,
    name_of,
)
from sipua.calls.steer.moments import Moment, refusal

RINGS = Moment(confirmed=False)
TALKS = Moment()
HELD_BY_US = Moment(on_hold=True, held_by_us=True)
HELD_BY_PEER = Moment(on_hold=True)
NO_ENGINE = Moment(engine_gone=True)
PUT_THROUGH = Moment(put_through=True)

ALL: dict[str, Command] = {
    name_of(command): command
    for command in (
        HangUp(),
        Transfer("100"),
        PressKeys("1"),
        Mute("agent", True),
        Say("x"),
        Play("sorry"),
        Inject("user", "x"),
        SetMetadata({}),
        Supervise("sip:1@pbx"),
        SuperviseMode("barge"),
        Whisper("x"),
        Park(),
        Unpark(),
        JoinQueue("people"),
    )
}


@pytest.mark.parametrize(
    ("moment", "impossible"),
    [
        (RINGS, {"transfer", "press_keys", "say", "play", "supervise", "park", "queue"}),
        (TALKS, set()),
        (HELD_BY_US, {"press_keys", "say", "play", "queue"}),
        (HELD_BY_PEER, {"press_keys", "say", "play", "queue"}),
        (NO_ENGINE, {"say", "inject", "whisper", "queue"}),
        (PUT_THROUGH, {"transfer", "say", "play", "inject", "whisper", "queue"}),
    ],
    ids=["rings", "talks", "held by us", "held by peer", "no engine", "put through"],
)
def test_the_table(moment: Moment, impossible: set[str]) -> None:
    found = {name: refusal(command, moment) for name, command in ALL.items()}
    assert {name for name, done in found.items() if done} == impossible
    assert {done.status for done in found.values() if done} <= {"wrong_state"}
    assert all(done.detail for done in found.values() if done)


@pytest.mark.parametrize(
    ("moment", "on", "status"),
    [
        (RINGS, True, "wrong_state"),
        (TALKS, True, None),
        (TALKS, False, "done"),
        (HELD_BY_US, True, "done"),
        (HELD_BY_US, False, None),
        (HELD_BY_PEER, True, None),
        (Moment(hold_under_way=True), True, "wrong_state"),
        (Moment(hold_under_way=True), False, "wrong_state"),
        (NO_ENGINE, True, None),
    ],
)
def test_hold_and_resume(moment: Moment, on: bool, status: str | None) -> None:
    done = refusal(Hold(on), moment)
    assert (done and done.status) == status


def test_one_transfer_at_a_time() -> None:
    done = refusal(Transfer("100"), Moment(transfer_under_way=True))
    assert done is not None
    assert (done.status, done.detail) == ("wrong_state", "another transfer is under way")


def test_a_muted_agent_says_nothing() -> None:
    muted = Moment(agent_muted=True)
    assert refusal(Say("x"), muted) is not None
    assert refusal(Play("sorry"), muted) is None  # not the agent's


def test_an_engine_that_cannot_be_told_anything() -> None:
    done = refusal(Inject("user", "x"), Moment(injects=False))
    assert done is not None
    assert done.status == "unsupported"
