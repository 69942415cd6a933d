"""A call that an operator puts on hold and takes back, by re-INVITEs of ours.

While it is on hold the other side hears our hold sound, on the same stream and without a gap; what
it says is not given to the model, and what the model says waits.
"""

import time
from collections.abc import Callable

import numpy as np
import pytest

from sipua.bridge.playout.sounds import soft_hold
from sipua.calls.steer.commands import Hold, PressKeys, Say
from support.calls.steered_line import Line, stretch
from support.media import audio
from support.signalling import offers

pytestmark = [pytest.mark.peer, pytest.mark.sound]

SOUND = soft_hold()[: 8 * 1200]  # its first chord
TALKS = np.concatenate([audio.speech("short"), audio.silence(1500)])
HELD_S = 3.0


def test_the_other_side_hears_our_hold_sound(line: Callable[..., Line]) -> None:
    call = line("uac_is_held", caller=TALKS, HELD="sendonly")
    call.edge.wait_event("turn.caller")
    held = call.steer(Hold(True))
    assert held["status"] == "done"
    before = len(call.told("turn.caller"))
    time.sleep(HELD_S)
    for command in (Say("hello"), PressKeys("1")):
        assert call.steer(command)["status"] == "wrong-state"
    assert call.steer(Hold(True))["detail"] == "it is on hold already"
    heard = len(call.told("turn.caller"))
    assert heard <= before + 1  # what it was saying then; it talks all the time
    resumed = call.steer(Hold(False))
    assert resumed["status"] == "done"
    call.edge.wait_event("turn.caller", count=heard + 1)  # it is heard again
    stream = call.end()

    assert [(one["direction"], one["by"]) for one in call.told("call.held")] == [("sendonly", "us")]
    assert [one["by"] for one in call.told("call.resumed")] == ["us"]
    directions = [one["direction"] for one in call.told("call.media")]
    assert directions == ["sendrecv", "sendonly", "sendrecv"]
    on_hold = stretch(stream, held["ts"], resumed["ts"])
    assert audio.find(SOUND, on_hold).score > 0.9
    assert audio.find(SOUND, stretch(stream, None, held["ts"])).score < 0.5
    assert stream.spacing_ms.max() < HELD_S * 1000 / 4  # no gap; a machine stops for a moment
    # Each of our descriptions counts up (RFC 3264, 8).
    versions = _versions([m.text for m in call.run.messages() if not m.sent])
    assert versions == sorted(set(versions))


def test_a_peer_that_wants_nothing_gets_nothing(line: Callable[..., Line]) -> None:
    answer = offers.offer(direction="inactive", version=2)
    call = line("uac_is_held", HELD="sendonly", HELD_ANSWER=answer)
    time.sleep(0.5)
    assert call.steer(Hold(True))["status"] == "done"
    time.sleep(HELD_S / 2)
    assert call.steer(Hold(False))["status"] == "done"
    time.sleep(0.5)
    stream = call.end()
    assert call.told("call.held")[0]["direction"] == "inactive"
    assert stream.spacing_ms.max() > HELD_S * 1000 / 3


@pytest.mark.parametrize("status", ["488 Not Acceptable Here", "500 Server Internal Error"])
def test_a_refusal_leaves_the_call_as_it_was(line: Callable[..., Line], status: str) -> None:
    call = line("uac_refuses_hold", STATUS=status)
    refused = call.steer(Hold(True))
    assert refused["status"] == "failed"
    assert refused["sip"]["status"] == int(status[:3])
    assert call.steer(PressKeys("1"))["status"] == "accepted"
    stream = call.end()
    assert call.told("call.held") == []
    assert audio.find(SOUND, stream.pcm()).score < 0.5


def test_rfc3261_14_1_after_glare_it_is_tried_again(line: Callable[..., Line]) -> None:
    call = line("uac_is_held_after_glare", HELD="sendonly")
    assert call.steer(Hold(True))["status"] == "done"
    call.end()
    offered = [message.at_s for message in call.run.result().received("INVITE")]
    assert len(offered) == 2
    assert offered[1] - offered[0] < 2 + 3  # the call's Call-ID is not ours


def test_a_call_may_end_while_it_is_on_hold(line: Callable[..., Line]) -> None:
    call = line("uac_is_held_after_glare", HELD="sendonly")
    assert call.steer(Hold(True))["status"] == "done"
    call.end()
    assert call.steer(Hold(False))["status"] == "call-ended"
    (steered,) = [one for one in call.told("call.steered") if one["act"] == "hold"]
    assert (steered["by"], steered["on"], steered["status"]) == ("test", True, "done")


def _versions(messages: list[str]) -> list[int]:
    lines = [line for text in messages for line in text.splitlines() if line.startswith("o=")]
    return [int(line.split()[2]) for line in lines]
