"""Asterisk puts a phone through to the edge, and the model passes the phone on (25 s in all).

A blind transfer: Asterisk follows our REFER, and the phone, which knows nothing of it, hears whom
it was passed on to. An extension that is not there: the phone stays with the model (S13).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sipua.bridge.playout import sounds
from support.calls.edge import Edge
from support.engine.scenarios import scenario
from support.media import audio
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import account, heard, phone

pytestmark = [pytest.mark.peer, pytest.mark.sound, pytest.mark.timeout(120)]

Edges = Callable[..., Edge]

WISH = """\
[[steps]]
on = "greeting"
tone_ms = 600
call = [{ name = "transfer", arguments = { target = "support" } }]
"""


@pytest.fixture
def registered(asterisk: Asterisk, edge_factory: Edges, tmp_path: Path) -> Callable[..., Edge]:
    """An edge that registers at Asterisk and transfers each caller to that extension."""

    def start(extension: str, **transfer: Any) -> Edge:
        tools: dict[str, Any] = {
            "builtin": ["transfer"],
            "transfer": {"targets": {"support": extension}, **transfer},
        }
        rehearsal = scenario(tmp_path, WISH)
        edge = edge_factory(
            {"accounts": [account(asterisk)], "agent": {"scenario": rehearsal}, "tools": tools}
        )
        edge.wait_event("registration.ok")
        return edge

    return start


def test_the_phone_hears_whom_it_was_passed_on_to(
    asterisk: Asterisk, registered: Callable[..., Edge], tmp_path: Path
) -> None:
    edge = registered("601")
    story, sound = phone(asterisk, tmp_path, 12)
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("agent", "transferred")
    assert edge.wait_event("call.transferred")["target"] == f"sip:601@127.0.0.1:{asterisk.port}"
    assert heard(audio.speech(SPEECH), sound) > 600, "after the agent's own words"
    assert story["ended_by"] == "peer", "601 hangs up when it has spoken"
    asterisk.wait_idle()


def test_S13_an_extension_that_is_not_there_leaves_the_phone_with_the_agent(
    asterisk: Asterisk, registered: Callable[..., Edge], tmp_path: Path
) -> None:
    edge = registered("699")
    story, sound = phone(asterisk, tmp_path, 16)
    failed = edge.wait_event("call.transfer_failed")
    assert failed["status"] >= 400
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"
    assert story["ended_by"] == "us"
    # What the phone says four seconds later, the agent says back.
    assert heard(audio.speech("caller"), sound) > 4000
    asterisk.wait_idle()


def test_T1_by_a_second_leg_the_phone_hears_the_target(
    asterisk: Asterisk, registered: Callable[..., Edge], tmp_path: Path
) -> None:
    """Asterisk knows of no transfer: both legs are calls of the edge's account."""
    edge = registered("601", mode="dial", settle_s=1)
    story, sound = phone(asterisk, tmp_path, 15)
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("target", "target_hangup")
    assert edge.wait_event("call.transferred")["mode"] == "dial"
    assert heard(audio.speech(SPEECH), sound) > 600, "after the agent's own words"
    assert story["ended_by"] == "peer", "601 hangs up when it has spoken, and so do we"
    asterisk.wait_idle()


def test_a_warm_one_briefs_the_target_and_then_each_hears_the_other(
    asterisk: Asterisk, registered: Callable[..., Edge], tmp_path: Path
) -> None:
    """Extension 619 listens, takes the call by a telephone event, speaks, and listens again."""
    edge = registered("619", mode="warm", settle_s=1)
    story, sound = phone(asterisk, tmp_path, 24, after_s=12)
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("target", "target_hangup")
    assert edge.wait_event("call.joined")["accepted"] == "key 1"
    assert story["ended_by"] == "peer", "619 hangs up, and so do we"
    to_target = audio.read_wav(asterisk.wait_recording(30).received, rate_hz=8000)
    briefed = heard(sounds.prompt("a-caller-waits"), to_target)
    assert heard(sounds.prompt("accept-or-decline"), to_target) > briefed
    assert heard(audio.speech("caller"), to_target) > briefed
    assert heard(audio.speech(SPEECH), sound) > 6000, "behind the hold sound"
    assert audio.find(sounds.prompt("accept-or-decline"), sound).score < 0.5


def test_the_edge_leaves_the_path_once_both_talk(
    asterisk: Asterisk, registered: Callable[..., Edge], tmp_path: Path
) -> None:
    """Asterisk takes over the leg to the target (REFER with Replaces): nothing of it is ours. The
    phone speaks afterwards, and 604 sends back what it hears."""
    edge = registered("604", mode="dial", settle_s=1, leave_path=True)
    _, sound = phone(asterisk, tmp_path, 18, after_s=12)
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("agent", "transferred")
    assert [event["mode"] for event in edge.events(name="call.transfer")] == ["dial", "attended"]
    assert heard(audio.speech("caller"), sound) > 11_500
    asterisk.wait_idle()


@pytest.mark.parametrize(
    ("extension", "cause"),
    [("605", "busy"), ("606", "no_answer"), ("609", "rejected"), ("699", "unreachable")],
)
def test_T1_a_target_that_is_not_reached_leaves_the_phone_with_the_agent(
    asterisk: Asterisk,
    registered: Callable[..., Edge],
    tmp_path: Path,
    extension: str,
    cause: str,
) -> None:
    edge = registered(extension, mode="dial", ring_timeout_s=2)
    story, sound = phone(asterisk, tmp_path, 16)
    failed = edge.wait_event("call.transfer_failed")
    assert (failed["cause"], failed["mode"]) == (cause, "dial")
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"
    assert story["ended_by"] == "us"
    # What the phone says four seconds later, the agent says back.
    assert heard(audio.speech("caller"), sound) > 4000
    asterisk.wait_idle()
