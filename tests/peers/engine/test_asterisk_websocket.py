"""Calls that end in an agent behind chan_websocket: SIPp and an RTP far end on one side, on the
other an agent that goes silent, breaks down, freezes, talks too fast or listens too slowly."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

import numpy as np
import pytest

from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.playout import sounds
from support.calls.edge import Edge
from support.engine.scripted_channel import Channel, scripted_channel
from support.media import audio, g711
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.pbx import heard as heard_at_ms
from support.peers.sipp import Sipp

pytestmark = [pytest.mark.peer, pytest.mark.sound]

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]

SORRY = sounds.prompt("sorry")
GREETING_PCM = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ)
GREETING = g711.encode(g711.PCMU, GREETING_PCM)
GREETING_MS = len(GREETING) // 8
SAID = audio.speech("short")
TONE = audio.tone(440, 1000)
TONE_ULAW = g711.encode(g711.PCMU, TONE)
ULAW_SILENCE = 0xFF
SILENT_AFTER_FLUSH_MS = 60
# Before a filler, and the softest part of its loop.
FILLER_DELAY_MS, FILLER_PAUSE_MS = 700, 900


def engine(url: str, **more: Any) -> dict[str, Any]:
    return {"engine": {"type": "asterisk_websocket", "url": url, **more}}


def greets(channel: Channel) -> None:
    channel.say(GREETING, piece=777)
    channel.wait_over()


def sound(stream: RtpStream) -> bytes:
    """What the phone got in µ-law, without the silence before and after it."""
    return b"".join(stream.payloads).strip(bytes([ULAW_SILENCE]))


def loud_s(stream: RtpStream) -> list[float]:
    """When each packet came that was no silence, by the wall clock."""
    return [
        stream.started_at_s + arrival_ms / 1000
        for arrival_ms, payload in zip(stream.arrival_ms, stream.payloads, strict=True)
        if set(payload) != {ULAW_SILENCE}
    ]


# M1: it cannot be reached, or comes late


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (HTTPStatus.UNAUTHORIZED, "unauthorized"),
        (HTTPStatus.FORBIDDEN, "forbidden"),
        (HTTPStatus.TOO_MANY_REQUESTS, "rate_limited"),
        (HTTPStatus.SERVICE_UNAVAILABLE, "server"),
    ],
)
def test_M1_an_agent_that_refuses_gives_way_to_the_fallback_and_is_asked_again_if_that_may_help(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, status: HTTPStatus, kind: str
) -> None:
    with scripted_channel(greets, answers=lambda _: status) as agent:
        edge = edge_factory(
            {
                **engine(agent.url, connect_timeout_s=1.5),
                "calls": {"fallback": [{"prompt": "sorry"}]},
            }
        )
        end = far_end(1, audio.silence(200))
        sipp.run("uac_call_ended_by_peer", edge.address, media=end)
        (stream,) = end.finish()
        assert heard_at_ms(SORRY, stream.pcm()) < 3000
        assert {event["kind"] for event in edge.events(name="engine.failed")} == {kind}
        assert (len(agent.requests) > 1) is (kind in ("rate_limited", "server"))
        assert agent.channels == []
        assert edge.wait_event("call.ended")["end"]["detail"] == f"engine: {kind}"


@pytest.mark.parametrize("kind", ["refused", "timeout"])
def test_M1_an_agent_that_is_not_there_gives_way_to_another_engine(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, kind: str
) -> None:
    """A port that is closed, and one that answers nothing."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        if kind == "timeout":
            port.listen()
        url = f"ws://127.0.0.1:{port.getsockname()[1]}/media"
        edge = edge_factory(
            {
                **engine(url, connect_timeout_s=1.5),
                "engines.backup": {"type": "local"},
                "calls": {"fallback": [{"engine": "backup"}]},
            }
        )
        end = far_end(1, audio.silence(200))
        sipp.run("uac_call", edge.address, media=end, pause_ms=GREETING_MS + 4000)
        (stream,) = end.finish()
        assert heard_at_ms(GREETING_PCM, stream.pcm()) < 4000
        assert {event["kind"] for event in edge.events(name="engine.failed")} == {kind}
        assert [event["engine"] for event in edge.events(name="engine.in_use")] == ["backup"]


def test_M1_an_agent_that_accepts_late_has_its_call(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    with scripted_channel(greets, accept_after_s=6) as agent:
        edge = edge_factory(engine(agent.url))
        end = far_end(1, audio.silence(200))
        run = sipp.start("uac_call", edge.address, media=end, pause_ms=GREETING_MS + 1000)
        assert run.wait(check=False).ok
        (stream,) = end.finish()
        assert sound(stream) in GREETING + bytes([ULAW_SILENCE]) * 160
        assert edge.events(name="engine.failed") == []
        assert len(agent.channels) == 1


# M2: it is lost in mid-call. The protocol can tell it nothing of before but the channel's id.


@pytest.mark.parametrize("how", ["closed", "reset", "half-open"])
def test_M2_an_agent_that_is_lost_is_connected_again_and_meanwhile_there_is_a_filler(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, how: str
) -> None:
    lost: list[float] = []
    away_s = 0 if how == "half-open" else 2  # so that there is something to fill

    def script(channel: Channel) -> None:
        if lost:
            channel.say(GREETING)
            channel.tell("MARK_MEDIA", "greeted")
            channel.wait_over()
            return
        channel.say(TONE_ULAW)
        channel.tell("MARK_MEDIA", "said")
        channel.wait_for("MEDIA_MARK_PROCESSED")
        lost.append(time.time())
        if how == "closed":
            channel.connection.close(1011)
        elif how == "reset":
            channel.connection.socket.shutdown(socket.SHUT_RDWR)
        else:
            channel.stop_reading()
            channel.wait_over()

    def answers(_number: int) -> HTTPStatus | None:
        away = bool(lost) and time.time() < lost[0] + away_s
        return HTTPStatus.SERVICE_UNAVAILABLE if away else None

    with scripted_channel(script, answers=answers) as agent:
        edge = edge_factory(engine(agent.url))
        end = far_end(1, audio.silence(200))
        call = sipp.start("uac_call", edge.address, media=end, until_told=True)
        again = agent.channel(1)
        agent.channel().read_on()
        again.wait_for("MEDIA_MARK_PROCESSED")
        call.hang_up()
        assert call.wait(check=False).ok
        (stream,) = end.finish()
        ended = edge.wait_event("call.ended")
        assert again.start["channel_id"] == agent.channel().start["channel_id"] == ended["call_id"]
        assert again.time_of("MEDIA_START") - lost[0] < 10
        assert ended["engine"]["outages"] == 1
        assert ended["end"]["by"] == "caller"
        pcm = stream.pcm()
        greeted_ms = audio.find(GREETING_PCM, pcm).offset_ms
        seen_s = datetime.fromisoformat(edge.wait_event("engine.outage")["ts"]).timestamp()
        seen_ms = (seen_s - stream.started_at_s) * 1000
        assert greeted_ms > seen_ms - 200, "on the clock of the packets"
        waited = pcm[round(seen_ms * 8) : round(greeted_ms * 8)]
        longest_ms = max((gap.length_ms for gap in audio.gaps(waited)), default=0)
        assert longest_ms < FILLER_DELAY_MS + FILLER_PAUSE_MS


# M3: there is no limit of an hour here, and no way to go on with another session unnoticed.


def test_M3_an_agent_of_its_own_is_not_replaced_when_its_session_is_old(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    with scripted_channel(greets) as agent:
        recovery = {"rotate_after_s": 1, "rotate_latest_s": 3}
        edge = edge_factory({**engine(agent.url), "recovery": recovery})
        end = far_end(1, audio.silence(200))
        run = sipp.start("uac_call", edge.address, media=end, pause_ms=GREETING_MS + 3000)
        assert run.wait(check=False).ok
        (stream,) = end.finish()
        edge.wait_event("call.ended")
        assert [event["why"] for event in edge.events(name="engine.in_use")] == ["first"]
        assert len(agent.channels) == 1
        assert sound(stream) in GREETING + bytes([ULAW_SILENCE]) * 160, "once, and whole"


# M4: it says nothing, or too much


def test_M4_an_agent_that_says_nothing_for_long_has_its_call_to_itself(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    """It begins by itself, and so nobody knows whether it owes an answer: no filler, no other
    session."""

    def script(channel: Channel) -> None:
        channel.wait_heard(11_000 * 8)
        channel.say(TONE_ULAW)
        channel.tell("MARK_MEDIA", "said")
        channel.wait_over()

    with scripted_channel(script) as agent:
        recovery = {"filler_after_s": 1, "silent_after_s": 3}
        edge = edge_factory({**engine(agent.url), "recovery": recovery})
        end = far_end(1, np.concatenate([audio.silence(500), SAID]))
        call = sipp.start("uac_call", edge.address, media=end, until_told=True)
        agent.channel().wait_for("MEDIA_MARK_PROCESSED")
        call.hang_up()
        assert call.wait(check=False).ok
        (stream,) = end.finish()
        edge.wait_event("call.ended")
        assert edge.events(name="engine.silent") == []
        assert len(agent.channels) == 1
        loud = loud_s(stream)
        assert loud[0] - stream.started_at_s > 10
        assert sound(stream) in TONE_ULAW + bytes([ULAW_SILENCE]) * 160


@pytest.mark.parametrize("speed", [3, 1000])
def test_M4_audio_far_faster_than_it_plays_is_paced_and_the_agent_told_to_wait(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, speed: int
) -> None:
    def script(channel: Channel) -> None:
        channel.wait_heard(800)
        began_s = time.monotonic()
        for second in range(60):
            if channel.of("MEDIA_XOFF"):
                break
            channel.say(TONE_ULAW, piece=1600)
            time.sleep(max(0.0, began_s + (second + 1) / speed - time.monotonic()))
        channel.wait_over()

    with scripted_channel(script) as agent:
        edge = edge_factory(engine(agent.url))
        end = far_end(1, audio.silence(200))
        call = sipp.start("uac_call", edge.address, media=end, until_told=True)
        channel = agent.channel()
        channel.wait_for("MEDIA_XON")
        call.hang_up()
        assert call.wait(check=False).ok
        (stream,) = end.finish()
        ended = edge.wait_event("call.ended")
        assert [len(channel.of(name)) for name in ("MEDIA_XOFF", "MEDIA_XON")] == [1, 1]
        waited_s = channel.time_of("MEDIA_XON") - channel.time_of("MEDIA_XOFF")
        assert 1.5 < waited_s < 12, "from 18 s that are queued to 16 s, and not to none"
        assert (stream.lost, stream.duplicates) == (0, 0)
        per_second = np.bincount((stream.arrival_ms // 1000).astype(int))
        assert per_second.max() <= 52
        begin = round((loud_s(stream)[0] - stream.started_at_s) * 8000)
        assert audio.longest_silence_ms(stream.pcm()[begin : begin + 3 * 8000]) < 60
        assert ended["playout"]["overflow_ms"] == 0


# M5: an interruption is the agent's


def test_M5_after_a_flush_the_phone_hears_silence_and_then_what_the_agent_says_next(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    flushed: list[float] = []

    def script(channel: Channel) -> None:
        channel.tell("START_MEDIA_BUFFERING")
        for number in range(40):
            channel.say(GREETING, piece=3000)
            channel.tell("MARK_MEDIA", f"part-{number}")
        channel.wait_heard(2000 * 8)
        flushed.append(time.time())
        channel.tell("FLUSH_MEDIA")
        channel.tell("MARK_MEDIA", "after")
        channel.wait_for("MEDIA_MARK_PROCESSED")
        channel.wait_for("MEDIA_XON")
        time.sleep(max(0.0, flushed[0] + 0.5 - time.time()))
        channel.say(g711.encode(g711.PCMU, SAID))
        channel.tell("MARK_MEDIA", "said")
        channel.wait_over()

    with scripted_channel(script) as agent:
        edge = edge_factory(engine(agent.url))
        end = far_end(1, audio.silence(200))
        call = sipp.start("uac_call", edge.address, media=end, until_told=True)
        channel = agent.channel()
        channel.wait_for("MEDIA_MARK_PROCESSED", 2)
        call.hang_up()
        assert call.wait(check=False).ok
        (stream,) = end.finish()
        ended = edge.wait_event("call.ended")
        loud_ms = [round((at_s - flushed[0]) * 1000) for at_s in loud_s(stream)]
        assert any(at < 0 for at in loud_ms), "the greeting was never heard"
        between = [at for at in loud_ms if SILENT_AFTER_FLUSH_MS < at < 450]
        assert between == []
        assert audio.is_in(SAID, stream.pcm())
        assert channel.marks() == ["after", "said"], "what was dropped was never heard"
        assert len(channel.of("MEDIA_XOFF")) == 1, "two minutes were queued"
        assert ended["interruptions"] == 1
        assert edge.wait_event("call.interrupted")["by"] == "agent"


def test_M5_without_a_flush_nothing_is_dropped_for_a_caller_who_speaks(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    with scripted_channel(greets) as agent:
        edge = edge_factory(engine(agent.url))
        end = far_end(1, np.concatenate([audio.silence(800), SAID]))
        run = sipp.start("uac_call", edge.address, media=end, pause_ms=GREETING_MS + 1000)
        assert run.wait(check=False).ok
        (stream,) = end.finish()
        ended = edge.wait_event("call.ended")
        assert sound(stream) in GREETING + bytes([ULAW_SILENCE]) * 160
        assert audio.is_in(SAID, g711.decode(g711.PCMU, agent.channel().heard()))
        assert ended["interruptions"] == 0


# M7: there are no tools. Its websocket may be slow.


def test_M7_an_agent_that_reads_too_slowly_loses_the_oldest_and_is_heard_without_a_gap(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    wide = audio.tone(440, 500, 24_000).astype("<i2").tobytes()
    stopped_s = 8

    def script(channel: Channel) -> None:
        channel.wait_heard(48_000 // 2)
        channel.stop_reading()
        goes_on_s = time.time() + stopped_s
        for _ in range(2 * stopped_s):  # what comes from it says that it lives
            channel.say(wide)
            time.sleep(0.4)
        time.sleep(max(0.0, goes_on_s - time.time()))
        channel.read_on()
        channel.wait_over()

    with scripted_channel(script, small=True) as agent:
        edge = edge_factory(engine(agent.url, audio="pcm16"))
        words_at_ms = (stopped_s + 2) * 1000
        end = far_end(1, np.concatenate([audio.silence(words_at_ms), SAID]))
        call_ms = words_at_ms + len(SAID) // 8 + 1500
        run = sipp.start("uac_call", edge.address, media=end, pause_ms=call_ms)
        assert run.wait(check=False).ok
        (stream,) = end.finish()
        ended = edge.wait_event("call.ended")
        channel = agent.channel()
        dropped = ended["engine"]["audio_dropped"]
        assert dropped > 50, "of eight seconds the queue and the kernel hold not even half"
        assert edge.events(name="engine.outage") == []
        pcm = audio.resample(np.frombuffer(channel.heard(), "<i2"), 24_000, 8000)
        assert audio.find(SAID, pcm).score > 0.9
        assert len(pcm) / 8 < call_ms - dropped * 20 + 1000
        assert (stream.lost, stream.duplicates) == (0, 0)
        begin = round((loud_s(stream)[0] - stream.started_at_s) * 8000)
        assert audio.longest_silence_ms(stream.pcm()[begin : begin + 7 * 8000]) < 60


async def test_the_local_agent_has_two_calls_at_once(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    """It greets both, and repeats what each says."""

    def run(url: str) -> list[RtpStream]:
        edge = edge_factory(engine(url, control_message_format="json"))
        end = far_end(2, np.concatenate([audio.silence(GREETING_MS + 1000), SAID]))
        call_ms = GREETING_MS + 1000 + 2 * len(SAID) // 8 + 2000
        result = sipp.run("uac_call", edge.address, calls=2, media=end, pause_ms=call_ms)
        assert result.successful == 2
        edge.wait_event("call.ended", count=2)
        for ended in edge.events(name="call.ended"):
            assert {ended["engine"][name] for name in ("unknown", "malformed", "refused")} == {0}
        return end.finish()

    async with AgentServer(AgentSettings()) as server:
        for stream in await asyncio.to_thread(run, server.channel_url):
            pcm = stream.pcm()
            assert heard_at_ms(GREETING_PCM, pcm) < 1000
            assert audio.is_in(SAID, pcm[(GREETING_MS + 1000) * 8 :])
        assert server.counters.client_errors == 0
