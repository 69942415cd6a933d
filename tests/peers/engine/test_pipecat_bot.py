"""Calls of an Asterisk, and of SIPp, that a bot of pipecat's has, the package as it is: it is asked
by a route's `voice_url`, a pipeline carries the audio, and its serializer and Twilio's client steer
the call by REST. The model behind it is our local agent."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.bridge.engines.twilio_stream.sids import call_sid
from support.calls.api import TOKENS
from support.calls.edge import Edge
from support.calls.twilio_client import ACCOUNT
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import KEYS, SPEECH
from support.peers.pbx import GREETING, heard
from support.peers.sipp import Sipp
from support.peers.voice_agent import voice_agent
from support.ports import LOOPBACK
from support.process import wait_until

# An agent of other people's parts takes seconds of a processor to start: few beside each other.
pytestmark = [pytest.mark.peer, pytest.mark.sound, pytest.mark.few, pytest.mark.timeout(120)]

PROGRAM = Path(__file__).parents[2] / "support" / "peers" / "pipecat_bot.py"
SPOKEN = audio.speech(SPEECH)
ULAW_SILENCE = 0xFF
SILENT_AFTER_CLEAR_MS = 60
PIPECATS_KEYS = "0123456789*#"  # it has no letters
# Pipecat sends the developer's message as the user's: the greeting answers it, and is a turn too.
ON_THE_CALLERS_TURN = """
    [[steps]]
    on = "speech"
    [[steps]]
    on = "speech"
    call = [{{ name = "{0}" }}]
"""


class Bot:
    """The bot, the model behind it, and the edge whose calls it has."""

    def __init__(self, edge: Edge, log: Path) -> None:
        self.edge = edge
        self._log = log

    def learnt(self, what: str) -> list[Any]:
        lines = self._log.read_text().splitlines()
        told = [json.loads(line) for line in lines if line.startswith("{")]
        return [one[what] for one in told if what in one]

    def wait(self, what: str) -> Any:
        return wait_until(lambda: self.learnt(what), 20, f"{what} from the bot")[0]

    def steered(self) -> list[str]:
        """What it has asked the REST for."""
        return [event["act"] for event in self.edge.events(name="call.steered")]

    def complaints(self) -> list[str]:
        """What it has logged as an error."""
        return [line for line in self._log.read_text().splitlines() if "| ERROR" in line]


Bots = Callable[..., Bot]


@pytest.fixture
def bots(edge_factory: Callable[..., Edge], tmp_path: Path) -> Iterator[Bots]:
    """`steps`: of the model, besides its greeting. `target`: of its transfers."""
    token = TOKENS["admin"]
    with contextlib.ExitStack() as stack:

        def start(steps: str = "", target: str = f"sip:100@{LOOPBACK}") -> Bot:
            agent = voice_agent(
                edge_factory,
                tmp_path,
                PROGRAM,
                page="/voice",
                auth_token=token,
                steps=steps,
                words=lambda model, api: [ACCOUNT, token, model, api, target],
            )
            return Bot(*stack.enter_context(agent))

        yield start


def test_M5_greeting_barge_in_and_answer(asterisk: Asterisk, bots: Bots) -> None:
    bot = bots()
    asterisk.originate(f"PJSIP/trunk/{bot.edge.uri}", "60215")
    recording = asterisk.wait_recording(40)
    received = audio.read_wav(recording.received, rate_hz=8000)
    sent = audio.read_wav(recording.sent, rate_hz=8000)
    ended = bot.edge.wait_event("call.ended")
    interrupted = bot.edge.wait_event("call.interrupted")
    assert interrupted["by"] == "agent", "it has sent a clear"
    greeted_ms = heard(GREETING[: 8 * 750], received)
    said_ms = heard(SPOKEN, sent)
    gaps = audio.gaps(received, min_ms=audio.longest_silence_ms(GREETING) + 300)
    silence = next(gap for gap in gaps if gap.start_ms > greeted_ms)
    assert said_ms < silence.start_ms < said_ms + 2000
    assert abs(silence.start_ms - greeted_ms - interrupted["played_ms"]) < 300
    assert heard(SPOKEN, received) > said_ms + len(SPOKEN) / 8
    counters = ended["engine"]
    assert {counters[name] for name in ("unknown", "malformed", "without_stream")} == {0}
    sid = call_sid(ended["call_id"])
    assert (bot.wait("asked_for"), bot.wait("call_id"), bot.wait("kind")) == (sid, sid, "twilio")
    assert set(bot.wait("body")) == {"from_number"}
    assert bot.wait("finished") == "CancelFrame"
    assert bot.complaints() == []


def test_M5_after_its_clear_no_packet_of_speech_leaves(
    bots: Bots, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    """It sends as fast as it is heard: little is queued here, and it must keep the rest itself."""
    bot = bots()
    end = far_end(1, np.concatenate([audio.silence(2000), SPOKEN]))
    run = sipp.start("uac_call", bot.edge.address, media=end, pause_ms=5000)
    assert run.wait(check=False).ok
    (stream,) = end.finish()
    assert bot.edge.wait_event("call.ended")["engine"]["clears"] == 1
    assert bot.edge.wait_event("call.interrupted")["by"] == "agent"
    interrupted_s = bot.wait("interrupted_at")
    loud_ms = [
        (stream.started_at_s - interrupted_s) * 1000 + arrival_ms
        for arrival_ms, payload in zip(stream.arrival_ms, stream.payloads, strict=True)
        if set(payload) != {ULAW_SILENCE}
    ]
    assert any(at < 0 for at in loud_ms), "the greeting was never heard"
    later = [at for at in loud_ms if SILENT_AFTER_CLEAR_MS < at < 1000]
    assert later == []


def test_its_pipeline_sees_the_keys_of_asterisk(asterisk: Asterisk, bots: Bots) -> None:
    bot = bots()
    asterisk.originate(f"PJSIP/trunk/{bot.edge.uri}", "610")
    bot.edge.wait_event("call.ended", timeout_s=40)
    bot.wait("finished")
    assert "".join(bot.learnt("digit")) == "".join(key for key in KEYS if key in PIPECATS_KEYS)


def test_its_function_ends_the_pipeline_and_its_serializer_the_call(
    asterisk: Asterisk, bots: Bots
) -> None:
    bot = bots(ON_THE_CALLERS_TURN.format("hang_up"))
    asterisk.originate(f"PJSIP/trunk/{bot.edge.uri}", "60249")
    ended = bot.edge.wait_event("call.ended", timeout_s=40)
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("operator", "operator_hangup")
    assert bot.steered() == ["hang_up"]
    assert bot.wait("finished") == "EndFrame"
    assert bot.learnt("interrupted_at"), "the caller has spoken before"


def test_its_function_has_the_caller_talk_to_somebody_else(
    asterisk: Asterisk, bots: Bots, sipp: Sipp
) -> None:
    """The stream's end cancels its pipeline; its serializer lets the call live."""
    target = sipp.start("uas_hang_up", pause_ms=1500)
    bot = bots(ON_THE_CALLERS_TURN.format("transfer"), f"sip:100@{target.address}")
    asterisk.originate(f"PJSIP/trunk/{bot.edge.uri}", "60249")
    joined = bot.edge.wait_event("call.joined", timeout_s=40)
    assert bot.wait("finished") == "CancelFrame"
    ended = bot.edge.wait_event("call.ended", timeout_s=40)
    assert joined["call_id"] == ended["call_id"]
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("agent", "agent_hangup")
    assert bot.steered() == ["documents"]
    assert bot.complaints() == []
