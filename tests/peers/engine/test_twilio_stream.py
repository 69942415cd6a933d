"""Calls that end in an agent behind Twilio's Media Streams: SIPp and an RTP far end, or an
Asterisk, on one side, an agent with the habits of well-known ones on the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.bridge.engines.twilio_stream.sids import call_sid
from support.calls.edge import Edge
from support.calls.hook_server import HookServer, answer
from support.engine.stream_agent import Stream, stream_agent
from support.media import audio, g711
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import KEYS
from support.peers.sipp import Sipp
from support.signalling import offers

pytestmark = [pytest.mark.peer, pytest.mark.sound]

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]

GREETING = g711.encode(g711.PCMU, audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ))
GREETING_MS = len(GREETING) // 8
SAID = audio.speech("short")
ULAW_SILENCE = 0xFF
SILENT_AFTER_CLEAR_MS = 60


def engine(url: str, **more: Any) -> dict[str, dict[str, Any]]:
    return {"engine": {"type": "twilio_stream", "url": url, **more}}


def until_over(stream: Stream) -> None:
    stream.over.wait(60)


def sound(stream: RtpStream) -> bytes:
    """What the phone got in µ-law, without the silence before and after it."""
    codes = b"".join(stream.payloads)
    return codes.strip(bytes([ULAW_SILENCE]))


def test_both_sides_get_each_other_byte_for_byte(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    """In pieces of a length that is no frame's, as language models give them out."""

    def script(stream: Stream) -> None:
        stream.say(GREETING, piece=777)
        until_over(stream)

    with stream_agent(script) as agent:
        edge = edge_factory(engine(agent.url, parameters={"from_number": "{{caller}}"}))
        end = far_end(1, np.concatenate([audio.silence(500), SAID]))
        call_ms = GREETING_MS + 1500
        run = sipp.start("uac_call", edge.address, media=end, pause_ms=call_ms)
        assert run.wait(check=False).ok
        (heard,) = end.finish()
        ended = edge.wait_event("call.ended")
        stream = agent.stream()
        assert sound(heard) in GREETING + bytes([ULAW_SILENCE]) * 160
        assert len(sound(heard)) > len(GREETING) - 160
        said = g711.encode(g711.PCMU, SAID[: len(SAID) // 160 * 160])
        assert said[160:] in stream.heard()
        assert stream.start["callSid"] == call_sid(ended["call_id"])
        assert set(stream.start["customParameters"]) == {"from_number"}
        assert stream.of("stop")
        counters = ended["engine"]
        assert {counters[name] for name in ("unknown", "malformed", "without_stream")} == {0}


def test_media_never_stops_when_the_phone_sends_nothing_more(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    with stream_agent(until_over) as agent:
        edge = edge_factory(engine(agent.url))
        end = far_end(1, audio.silence(100))
        run = sipp.start("uac_call", edge.address, media=end, pause_ms=4000)
        agent.stream().wait_for("media", 25)
        end.finish()  # the phone's media is dead from now on
        gone_s = time.time()
        assert run.wait(check=False).ok
        edge.wait_event("call.ended")
        media = [(at, m["media"]) for at, m in agent.stream().told if m["event"] == "media"]
        assert media[-1][0] > gone_s + 2
        span_ms = (media[-1][0] - media[0][0]) * 1000
        told_ms = int(media[-1][1]["timestamp"]) - int(media[0][1]["timestamp"])
        assert abs(span_ms - told_ms) < 200


def test_media_comes_from_the_answer_on_though_the_phone_never_sends(
    edge_factory: Edges, sipp: Sipp
) -> None:
    with stream_agent(until_over) as agent:
        edge = edge_factory(engine(agent.url))
        assert sipp.start("uac_call", edge.address, pause_ms=2000).wait(check=False).ok
        edge.wait_event("call.ended")
        heard = agent.stream().heard()
        assert set(heard) == {ULAW_SILENCE}
        assert len(heard) > 1500 * 8


def test_a_law_of_the_trunk_becomes_mu_law_and_back(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    def script(stream: Stream) -> None:
        stream.say(GREETING)
        until_over(stream)

    with stream_agent(script) as agent:
        edge = edge_factory(engine(agent.url))
        end = far_end(1, np.concatenate([audio.silence(500), SAID]), law=g711.PCMA)
        run = sipp.start(
            "uac_call",
            edge.address,
            media=end,
            pause_ms=GREETING_MS + 1000,
            OFFER=offers.PCMA,
        )
        assert run.wait(check=False).ok
        (heard,) = end.finish()
        edge.wait_event("call.ended")
        assert audio.is_in(g711.decode(g711.PCMU, GREETING), heard.pcm())
        assert audio.is_in(SAID, g711.decode(g711.PCMU, agent.stream().heard()))


def test_M5_after_a_clear_the_phone_hears_silence_and_all_marks_are_back(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    cleared: list[float] = []

    def script(stream: Stream) -> None:
        for number in range(40):
            stream.say(GREETING, piece=4000)
            stream.mark(f"part-{number}")
        stream.wait_for("media", 100)
        cleared.append(time.time())
        stream.clear()
        stream.mark("after")
        stream.wait_for("mark", 41)
        until_over(stream)

    with stream_agent(script) as agent:
        edge = edge_factory(engine(agent.url))
        end = far_end(1, audio.silence(100))
        run = sipp.start("uac_call", edge.address, media=end, pause_ms=5000)
        assert run.wait(check=False).ok
        (heard,) = end.finish()
        ended = edge.wait_event("call.ended")
        loud_ms = [
            heard.started_at_s * 1000 + arrival_ms - cleared[0] * 1000
            for arrival_ms, payload in zip(heard.arrival_ms, heard.payloads, strict=True)
            if set(payload) != {ULAW_SILENCE}
        ]
        assert any(at < 0 for at in loud_ms), "the greeting was never heard"
        assert max(loud_ms) <= SILENT_AFTER_CLEAR_MS
        assert agent.stream().marks() == [*(f"part-{number}" for number in range(40)), "after"]
        assert ended["interruptions"] == 1
        interrupted = edge.wait_event("call.interrupted")
        assert interrupted["by"] == "agent"


def test_marks_come_back_when_what_is_before_them_was_heard(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    second = GREETING[:8000]

    def script(stream: Stream) -> None:
        stream.wait_for("media", 10)
        stream.mark("nothing before")
        stream.wait_for("mark", 1)
        for number in range(3):
            stream.say(second)
            stream.mark(str(number))
        stream.wait_for("mark", 4)
        until_over(stream)

    with stream_agent(script) as agent:
        edge = edge_factory(engine(agent.url))
        end = far_end(1, audio.silence(100))
        run = sipp.start("uac_call", edge.address, media=end, pause_ms=4500)
        assert run.wait(check=False).ok
        (heard,) = end.finish()
        edge.wait_event("call.ended")
        stream = agent.stream()
        assert stream.marks() == ["nothing before", "0", "1", "2"]
        loud = [set(payload) != {ULAW_SILENCE} for payload in heard.payloads]
        began_s = heard.started_at_s + heard.arrival_ms[loud.index(True)] / 1000
        for number in range(3):
            late_s = stream.time_of("mark", number + 1) - (began_s + number + 1)
            assert -0.05 < late_s < 0.15


def test_the_agent_hangs_up_and_what_it_has_said_is_heard_to_its_end(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    def script(stream: Stream) -> None:
        stream.wait_for("media", 10)
        stream.say(GREETING[:8000])

    with stream_agent(script) as agent:
        edge = edge_factory(engine(agent.url))
        end = far_end(1, audio.silence(100))
        run = sipp.start("uac_call_ended_by_peer", edge.address, media=end)
        assert run.wait(check=False).ok
        (heard,) = end.finish()
        ended = edge.wait_event("call.ended")
        assert len(sound(heard)) > 7800
        assert (ended["end"]["by"], ended["end"]["reason"]) == ("agent", "agent_hangup")
        assert agent.streams == [agent.stream()]


def test_an_agent_that_accepts_late_has_its_call(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    def script(stream: Stream) -> None:
        stream.say(GREETING[:8000])
        until_over(stream)

    with stream_agent(script, accept_after_s=6) as agent:
        edge = edge_factory(engine(agent.url))
        end = far_end(1, audio.silence(100))
        run = sipp.start("uac_call", edge.address, media=end, pause_ms=2000)
        assert run.wait(check=False).ok
        (heard,) = end.finish()
        assert len(sound(heard)) > 7800


def test_an_agent_that_breaks_down_gives_way_to_the_fallback(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    def script(stream: Stream) -> None:
        stream.wait_for("media", 10)
        stream.connection.close(1011)

    with stream_agent(script) as agent:
        edge = edge_factory(
            {
                **engine(agent.url),
                "recovery": {"outage_s": 2},
                "calls": {"fallback": [{"prompt": "sorry"}]},
            }
        )
        end = far_end(1, audio.silence(100))
        run = sipp.start("uac_call_ended_by_peer", edge.address, media=end)
        assert run.wait(check=False).ok
        end.finish()
        ended = edge.wait_event("call.ended")
        assert ended["engine"]["lost_1011"] >= 1


def test_the_begin_and_the_end_of_a_stream_are_told(edge_factory: Edges, sipp: Sipp) -> None:
    with HookServer([answer()]) as hooks, stream_agent(until_over) as agent:
        url = f"{hooks.url}/status"
        edge = edge_factory(engine(agent.url, status_url=url, api_key="0123456789abcdef"))
        assert sipp.start("uac_call", edge.address, pause_ms=300).wait(check=False).ok
        edge.wait_event("call.ended")
        assert edge.stop() == 0
        bodies = [request.body.decode() for request in hooks.requests]
        assert ["stream-started" in bodies[0], "stream-stopped" in bodies[1]] == [True, True]
        assert all("x-twilio-signature" in request.headers for request in hooks.requests)
        assert all(agent.stream().start["callSid"] in body for body in bodies)


@pytest.mark.parametrize(("endpoint", "inband"), [("trunk", False), ("inband", True)])
def test_keys_that_asterisk_presses_reach_the_agent_each_once(
    asterisk: Asterisk, edge_factory: Edges, endpoint: str, inband: bool
) -> None:
    with stream_agent(until_over) as agent:
        edge = edge_factory(engine(agent.url))
        asterisk.originate(f"PJSIP/{endpoint}/{edge.uri}", "610")
        edge.wait_event("call.ended", timeout_s=20)
        assert agent.stream().digits() == KEYS
        assert KEYS not in edge.log


def test_asterisk_hears_an_agent_that_talks_in_bursts_and_is_hung_up_on(
    asterisk: Asterisk, edge_factory: Edges, tmp_path: Path
) -> None:
    def script(stream: Stream) -> None:
        stream.send("mark")  # without a name, as one of the examples does
        stream.say(GREETING, piece=8000)
        stream.mark("greeting")
        stream.wait_for("mark")

    with stream_agent(script) as agent:
        edge = edge_factory(engine(agent.url))
        asterisk.originate(f"PJSIP/trunk/{edge.uri}", "60245")
        recording = asterisk.wait_recording(40)
        received = audio.read_wav(recording.received, rate_hz=8000)
        assert audio.is_in(g711.decode(g711.PCMU, GREETING), received)
        ended = edge.wait_event("call.ended")
        assert ended["end"]["by"] == "agent"
        assert ended["engine"]["nameless_marks"] == 1
        assert agent.stream().marks() == ["greeting"]
