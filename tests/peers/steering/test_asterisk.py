"""Hold and resume towards a real Asterisk, behind which a phone talks (20 s)."""

import time
from collections.abc import Callable

import numpy as np
import pytest

from sipua.bridge.playout.sounds import soft_hold
from sipua.calls.steer.commands import Hold
from support.calls.steered_edge import SteeredEdge
from support.calls.steered_line import Line
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.asterisk import EVERY_ASTERISK, Asterisk
from support.peers.pbx import account
from support.peers.sipp import Sipp

pytestmark = [EVERY_ASTERISK, pytest.mark.sound]

HELD_S = 4.0
TALKS = np.concatenate([audio.speech("short"), audio.silence(1500)])


def test_a_caller_behind_a_pbx_is_held_and_resumed(
    asterisk: Asterisk,
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    steered_edge: Callable[..., SteeredEdge],
) -> None:
    """The PBX passes our hold on to its phone (`moh_passthrough`), with our sound. The model hears
    nothing; after the resume the conversation goes on.
    """
    edge = steered_edge({"accounts": [account(asterisk)], "agent": {"greeting": False}})
    edge.wait_event("registration.ok")
    media = far_end(1, TALKS, repeat=True)
    run = sipp.start(
        "uac_is_held",
        asterisk.address,
        media=media,
        service="100",
        FROM="phone",
        HELD="sendonly",
    )
    call_id = str(edge.wait_event("call.confirmed")["call_id"])
    call = Line(edge, run, media, call_id)
    edge.wait_event("turn.caller")
    assert call.steer(Hold(True))["status"] == "done"
    before = len(call.told("turn.caller"))
    time.sleep(HELD_S)
    heard = len(call.told("turn.caller"))
    assert heard <= before + 1  # what it was saying then; it talks all the time
    assert call.steer(Hold(False))["status"] == "done"
    edge.wait_event("turn.caller", count=heard + 1)

    assert [one["by"] for one in call.told("call.held")] == ["us"]
    directions = [one["direction"] for one in call.told("call.media")]
    assert directions == ["sendrecv", "sendonly", "sendrecv"]
    assert len({one["ssrc"] for one in call.told("call.media")}) == 1
    edge.wait_event("turn.latency", count=2)  # and it answers again
    stream = call.end()
    assert audio.find(soft_hold()[: 8 * 1200], stream.pcm()).score > 0.9
    assert call.told("call.offer_refused") == []
