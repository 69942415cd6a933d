import asyncio
import base64
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipua.bridge.engine_api.events import (
    AudioDelta,
    EngineFault,
    EngineHangsUp,
    EngineLost,
    Event,
    ResponseStarted,
    SessionReady,
    SpeechStarted,
    Unknown,
)
from sipua.bridge.engine_api.protocol import Link
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engines import create
from support.engine.engine_call import AUDIO, DELTA, KEY, PCM_20_MS, Call, ready
from support.engine.scripted_engine import Peer, scripted_engine

# Talking


async def test_audio_and_requests_reach_the_engine_in_order() -> None:
    async with scripted_engine(ready) as engine:
        call = Call(engine.url)
        await call.session.connect(5)
        call.session.append(PCM_20_MS)
        call.session.speak("Say hello.")
        call.session.append(PCM_20_MS)
        call.session.tool_result("call_1", "{}", respond=False)
        await call.session.close()
        await engine.peers[0].connection.wait_closed()
        received = engine.peers[0].received
        assert [event["type"] for event in received] == [
            "session.update",
            "input_audio_buffer.append",
            "response.create",
            "input_audio_buffer.append",
            "conversation.item.create",
        ]
        assert base64.b64decode(received[1]["audio"]) == PCM_20_MS
        assert call.session.counters()["messages_sent"] == 5


async def test_M5_barge_in_happens_inside_the_event() -> None:
    async def interrupted(peer: Peer) -> None:
        await peer.make_ready()
        await peer.send("response.created", response={"id": "resp_1"})
        for _ in range(5):
            await peer.send("response.output_audio.delta", **DELTA, delta=AUDIO)
        await peer.send("input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=1)
        await peer.send("response.output_audio.delta", **DELTA, delta=AUDIO)  # late
        truncated.append(await peer.expect("conversation.item.truncate"))
        done.set()
        await peer.until_closed()

    def react(event: Event) -> None:
        if isinstance(event, SpeechStarted):
            call.session.truncate("item_1", 60)
            call.session.cancel()

    truncated: list[dict[str, Any]] = []
    done = asyncio.Event()
    async with scripted_engine(interrupted) as engine:
        call = Call(engine.url)
        call.react = react
        await call.session.connect(5)
        async with asyncio.timeout(20):
            await done.wait()
        assert truncated[0]["audio_end_ms"] == 60
        deltas = [event for event in call.events if isinstance(event, AudioDelta)]
        assert len(deltas) == 5
        assert deltas[0] == AudioDelta("item_1", 0, PCM_20_MS)
        assert call.session.counters()["late_deltas"] == 1
        # The server interrupts by itself: no response.cancel.
        assert [e["type"] for e in engine.peers[0].received if "cancel" in e["type"]] == []
        await call.session.close()


async def test_M6_faults_are_events_and_the_session_goes_on() -> None:
    async def faulty(peer: Peer) -> None:
        await peer.make_ready()
        error = {"type": "invalid_request_error", "code": "odd", "message": f"Key {KEY}?"}
        await peer.send("error", error=error)
        await peer.send_raw(b'{"type":"response.hologram"}')
        await peer.send("response.output_audio.delta", **DELTA, delta="!!!")
        await peer.send_raw(b"x" * 16_000_000)
        await peer.send("response.created", response={"id": "resp_1"})
        await peer.until_closed()

    async with scripted_engine(faulty) as engine:
        call = Call(engine.url)
        await call.session.connect(5)
        await call.next(ResponseStarted)
        assert call.events[1:] == [
            EngineFault("odd", "Key ***?"),
            Unknown("response.hologram"),
            ResponseStarted("resp_1"),
        ]
        counters = call.session.counters()
        assert (counters["faults"], counters["bad_base64"], counters["oversize"]) == (1, 1, 1)
        await call.session.close()


async def test_audio_and_requests_before_and_after_are_counted_not_sent() -> None:
    async with scripted_engine(ready) as engine:
        call = Call(engine.url)
        call.session.append(PCM_20_MS)
        call.session.speak("Hello.")
        await call.session.connect(5)
        await call.session.close()
        call.session.append(PCM_20_MS)
        call.session.speak("Hello.")
        call.session.truncate("item_1", 10)
        call.session.cancel()
        await call.session.close()
        assert [event["type"] for event in engine.peers[0].received] == ["session.update"]
    counters = call.session.counters()
    assert (counters["audio_unready"], counters["requests_unready"]) == (2, 2)


async def test_M6_nonsense_is_logged_once_a_kind_and_complaints_not_for_ever() -> None:
    async def nonsense(peer: Peer) -> None:
        await peer.make_ready()
        for number in range(100):
            await peer.send_raw(b"no JSON")
            await peer.send_raw(b'{"type":"response.hologram"}')
            error = {"type": "invalid_request_error", "code": "odd", "message": f"No {number}."}
            await peer.send("error", error=error)
        await peer.send("response.created", response={"id": "resp_1"})
        await peer.until_closed()

    async with scripted_engine(nonsense) as engine:
        call = Call(engine.url)
        with capture_logs() as logs:
            await call.session.connect(5)
            await call.next(ResponseStarted)
        await call.session.close()
    lines = [entry["event"] for entry in logs if entry["log_level"] == "warning"]
    assert lines.count("engine.unreadable") == lines.count("engine.unknown") == 1
    complaints = [entry for entry in logs if entry["event"] == "engine.error"]
    assert len(complaints) == 20
    assert [entry["last_logged"] for entry in complaints[-2:]] == [False, True]
    counters = call.session.counters()
    assert counters["bad_json"] == counters["unknown"] == counters["faults"] == 100


async def test_nothing_is_delivered_after_close() -> None:
    async def chatter(peer: Peer) -> None:
        await peer.make_ready()
        while True:
            await peer.send("response.created", response={"id": "resp_1"})

    async with scripted_engine(chatter) as engine:
        call = Call(engine.url)
        await call.session.connect(5)
        await call.next(ResponseStarted)
        closing = asyncio.create_task(call.session.close())
        await asyncio.sleep(0)
        assert call.session.state == "closed"
        delivered = len(call.events)
        await closing
        assert len(call.events) == delivered


# Loss


@pytest.mark.parametrize(
    ("code", "retryable"), [(1000, False), (1001, True), (1008, False), (1011, True), (1012, True)]
)
async def test_M2_a_close_is_reported_once(code: int, retryable: bool) -> None:
    async def bye(peer: Peer) -> None:
        await peer.make_ready()
        await peer.connection.close(code, f"because {KEY}")

    async with scripted_engine(bye) as engine:
        call = Call(engine.url)
        await call.session.connect(5)
        assert await call.next(EngineLost) == EngineLost(code, "because ***", retryable)
        assert call.session.state == "lost"
        call.session.append(PCM_20_MS)
        call.session.cancel()
        await call.session.close()
    assert [type(event) for event in call.events] == [SessionReady, EngineLost]


async def test_M2_a_half_open_link_is_reported() -> None:
    async def vanish(peer: Peer) -> None:
        await peer.make_ready()
        await peer.vanish()

    async with scripted_engine(vanish) as engine:
        call = Call(engine.url, ping_interval_s=0.05, link=Link(ping_timeout_s=0.1))
        await call.session.connect(5)
        lost = await call.next(EngineLost)
        assert (lost.code, lost.retryable) == (1006, True)
        assert "ping" in lost.reason
        await call.session.close()


async def test_M7_a_slow_link_costs_audio_and_nothing_else() -> None:
    async def slow(peer: Peer) -> None:
        await peer.make_ready()
        await peer.vanish()

    async with scripted_engine(slow) as engine:
        call = Call(engine.url, max_queued_audio=10)
        await call.session.connect(5)
        for _ in range(100):
            call.session.append(PCM_20_MS * 20)
        assert call.session.counters()["audio_dropped"] > 0
        call.session.speak("Hello.")
        await call.session.close()


async def test_M2_an_agent_that_has_hung_up_is_not_lost_afterwards() -> None:
    async def script(peer: Peer) -> None:
        await peer.connection.recv()
        await peer.connection.send("HANGUP")
        peer.connection.transport.abort()

    async with scripted_engine(script, subprotocols=["media"]) as server:
        events: list[Event] = []
        settings = EngineSettings(url=server.url, audio=AudioFormat.PCMU)
        session = EngineSession(create("asterisk_websocket", settings), on_event=events.append)
        await session.connect(5)
        async with asyncio.timeout(20):
            while not any(isinstance(event, EngineHangsUp) for event in events):
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        await session.close()
    assert [type(event) for event in events] == [SessionReady, EngineHangsUp]
