"""Asterisk puts a phone through to the edge, and the model passes the phone on (150 s, for each
Asterisk). What can be heard is judged at the ends: by the phone, and by the extension's recording.

Blind: Asterisk follows our REFER, and the phone, which knows nothing of it, hears whom it was
passed on to. Dialled and warm: both legs are calls of the edge's account. Attended: Asterisk then
joins the two itself.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sipua.bridge.playout import sounds
from support.calls.edge import Edge
from support.engine.scenarios import scenario
from support.media import audio
from support.peers.asterisk import EVERY_ASTERISK, Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import account, heard, phone

pytestmark = [EVERY_ASTERISK, pytest.mark.sound, pytest.mark.timeout(120)]

Edges = Callable[..., Edge]

# The model asks twice for the same target, and then for another one (T5).
WISH = """\
[[steps]]
on = "greeting"
tone_ms = 600
call = [
    { name = "transfer", arguments = { target = "support" } },
    { name = "transfer", arguments = { target = "support" } },
    { name = "transfer", arguments = { target = "night" } },
]
"""


@pytest.fixture
def registered(asterisk: Asterisk, edge_factory: Edges, tmp_path: Path) -> Callable[..., Edge]:
    """An edge that registers at Asterisk and transfers each caller to these extensions, in turn."""

    def start(*extensions: str, user: str = "sipua", mode: str = "refer", **transfer: Any) -> Edge:
        table = {
            "targets": {"night": "603"},
            "destinations": [{"name": "support", "to": extensions, "mode": mode}],
            **transfer,
        }
        edge = edge_factory(
            {
                "accounts": [account(asterisk, user)],
                "agent": {"scenario": scenario(tmp_path, WISH)},
                "tools": {"builtin": ["transfer"], "transfer": table},
            }
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
    assert len(edge.events(name="call.transfer")) == 1, "T5"
    asterisk.wait_idle()


def test_S13_an_extension_that_is_not_there_leaves_the_phone_with_the_agent(
    asterisk: Asterisk, registered: Callable[..., Edge], tmp_path: Path
) -> None:
    edge = registered("699")
    story, sound = phone(asterisk, tmp_path, 11, says="short")
    failed = edge.wait_event("call.transfer_failed")
    assert failed["status"] >= 400
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"
    assert story["ended_by"] == "us"
    # What the phone says four seconds later, the agent says back.
    assert heard(audio.speech("short"), sound) > 4000
    asterisk.wait_idle()


def test_T1_who_declines_is_followed_by_who_accepts_and_then_each_hears_the_other(
    asterisk: Asterisk, registered: Callable[..., Edge], tmp_path: Path
) -> None:
    """642 presses 2. 619 listens, takes the call by a telephone event, speaks, listens again."""
    edge = registered("642", "619", mode="warm", settle_s=1)
    story, sound = phone(asterisk, tmp_path, 27, after_s=15)
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("target", "target_hangup")
    assert [one["cause"] for one in edge.events(name="call.transfer_failed")] == ["declined"]
    assert edge.wait_event("call.joined")["accepted"] == "key 1"
    assert story["ended_by"] == "peer", "619 hangs up, and so do we"
    to_target = audio.read_wav(asterisk.wait_recording(30).received, rate_hz=8000)
    briefed = heard(sounds.prompt("a-caller-waits"), to_target)
    assert heard(sounds.prompt("accept-or-decline"), to_target) > briefed
    assert heard(audio.speech("caller"), to_target) > briefed
    assert heard(audio.speech(SPEECH), sound) > 6000, "behind the hold sound"
    assert audio.find(sounds.prompt("accept-or-decline"), sound).score < 0.5
    asterisk.wait_idle()


def test_T2_the_phone_hangs_up_while_the_target_is_briefed(
    asterisk: Asterisk, registered: Callable[..., Edge], tmp_path: Path
) -> None:
    edge = registered("619", mode="warm")
    phone(asterisk, tmp_path, 6, after_s=20)
    assert edge.wait_event("call.transfer_failed")["cause"] == "caller_left"
    to_target = audio.read_wav(asterisk.wait_recording(30).received, rate_hz=8000)
    assert heard(sounds.prompt("caller-gone"), to_target) > 1000
    asterisk.wait_idle()


def test_T2_the_phone_hangs_up_while_it_rings(
    asterisk: Asterisk, registered: Callable[..., Edge], tmp_path: Path
) -> None:
    edge = registered("606", mode="dial")
    phone(asterisk, tmp_path, 3, after_s=20)
    assert edge.wait_event("call.transfer_failed")["cause"] == "caller_left"
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"
    asterisk.wait_idle()


@pytest.mark.parametrize(("called", "user"), [("100", "sipua"), ("641", "sipua-stays")])
def test_the_edge_leaves_the_path_once_both_talk_if_it_may(
    asterisk: Asterisk, registered: Callable[..., Edge], tmp_path: Path, called: str, user: str
) -> None:
    """Asterisk takes over the leg to the target (REFER with Replaces): nothing of it is ours. Or it
    takes no REFER from this account, and the two stay joined. The phone speaks afterwards, and 604
    sends back what it hears."""
    edge = registered("604", user=user, mode="dial", settle_s=1, leave_path=True)
    _, sound = phone(asterisk, tmp_path, 15, after_s=9.5, calls=called)
    end = edge.wait_event("call.ended")["end"]
    left = {"sipua": ("agent", "transferred"), "sipua-stays": ("caller", "hangup")}
    assert (end["by"], end["reason"]) == left[user]
    assert [event["mode"] for event in edge.events(name="call.transfer")] == ["dial", "attended"]
    assert heard(audio.speech("caller"), sound) > 9_000
    asterisk.wait_idle()


def test_T1_targets_that_are_not_reached_leave_the_phone_with_the_agent(
    asterisk: Asterisk, registered: Callable[..., Edge], tmp_path: Path
) -> None:
    """Each way to fail, one after the other, in one call."""
    causes = {
        "605": "busy",
        "609": "rejected",
        "699": "unreachable",
        "6081": "target_left",
        "606": "no_answer",
    }
    edge = registered(*causes, mode="dial", ring_timeout_s=2)
    story, sound = phone(asterisk, tmp_path, 17, after_s=10, says="short")
    failed = edge.events(name="call.transfer_failed")
    assert [(one["cause"], one["mode"]) for one in failed] == [
        (cause, "dial") for cause in causes.values()
    ]
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"
    assert story["ended_by"] == "us"
    # What the phone says ten seconds later, the agent says back.
    assert heard(audio.speech("short"), sound) > 10_000
    asterisk.wait_idle()
