"""The server over a real websocket, mostly with the vendor's own client."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import MAX_MESSAGE_BYTES, AgentServer
from sipua.bridge.agent.speech.prompts import prompt
from support.engine.agent_client import audio_of, error_of, one, types_of
from support.engine.realtime_types import accepted_server_event
from support.engine.sdk_client import Event, calling
from support.media.audio import find, resample, silence, speech

RATE = 24_000


@pytest.fixture
async def server() -> AsyncIterator[AgentServer]:
    async with AgentServer(AgentSettings()) as server:
        yield server


@contextlib.asynccontextmanager
async def raw(server: AgentServer, path: str = "?model=x", **named: Any) -> AsyncIterator[Any]:
    async with connect(server.url + path, max_size=None, **named) as connection:
        yield connection


async def receive(connection: ClientConnection) -> Event:
    async with asyncio.timeout(20):
        return accepted_server_event(await connection.recv())


async def test_the_official_client_has_a_conversation(server: AgentServer) -> None:
    async with calling(server) as client:
        await client.connection.session.update(
            session={
                "type": "realtime",
                "output_modalities": ["audio"],
                "instructions": "Be kind.",
                "tools": [
                    {
                        "type": "function",
                        "name": "hang_up",
                        "description": "Ends the call.",
                        "parameters": {"type": "object", "properties": {}},
                    }
                ],
                "tool_choice": "auto",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 24000},
                        "transcription": {"model": "gpt-4o-mini-transcribe"},
                        "noise_reduction": None,
                        "turn_detection": {
                            "type": "server_vad",
                            "threshold": 0.5,
                            "prefix_padding_ms": 300,
                            "silence_duration_ms": 500,
                            "create_response": True,
                            "interrupt_response": True,
                        },
                    },
                    "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
                },
            }
        )
        updated = await client.next()
        assert updated["session"]["model"] == "gpt-realtime"
        assert updated["session"]["tools"][0]["name"] == "hang_up"

        await client.connection.response.create(response={"instructions": "Greet the caller."})
        events = await client.until("response.done")
        assert audio_of(events) == prompt("greeting").data

        voice = resample(speech("short"), 8000, RATE)
        await client.say(np.concatenate((silence(300, RATE), voice, silence(700, RATE))))
        events = await client.until("response.done")
        heard = np.frombuffer(audio_of(events), "<i2").astype(np.int16)
        loud = voice[np.argmax(np.abs(voice) > 500) :][: RATE // 2]
        assert find(loud, heard, RATE).score > 0.99
        item_id = one(events, "response.output_audio.done")["item_id"]

        await client.connection.conversation.item.truncate(
            item_id=item_id, content_index=0, audio_end_ms=100
        )
        assert (await client.next())["type"] == "conversation.item.truncated"
        await client.connection.conversation.item.retrieve(item_id=item_id)
        assert (await client.next())["type"] == "conversation.item.retrieved"
        await client.connection.conversation.item.delete(item_id=item_id)
        assert (await client.next())["type"] == "conversation.item.deleted"
        await client.connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Hello?"}],
            }
        )
        assert types_of(await client.until("conversation.item.done")) == [
            "conversation.item.added",
            "conversation.item.done",
        ]
        await client.connection.input_audio_buffer.clear()
        assert (await client.next())["type"] == "input_audio_buffer.cleared"
        await client.connection.response.cancel()
        assert error_of([await client.next()])["code"] == "response_cancel_not_active"


async def test_M5_barge_in_over_the_wire() -> None:
    async with AgentServer(AgentSettings(speed=1.0)) as server, calling(server) as client:
        await client.connection.response.create()
        await client.until("response.output_audio.delta")
        await client.say(resample(speech("short"), 8000, RATE))
        events = await client.until("response.done")
        assert "input_audio_buffer.speech_started" in types_of(events)
        details = events[-1]["response"]["status_details"]
        assert details == {"type": "cancelled", "reason": "turn_detected"}
        played_ms = len(audio_of(client.log)) // 48
        assert played_ms < prompt("greeting").duration_ms / 2
        item_id = events[-1]["response"]["output"][0]["id"]
        await client.connection.conversation.item.truncate(
            item_id=item_id, content_index=0, audio_end_ms=played_ms
        )
        assert (await client.until("conversation.item.truncated"))[-1]["item_id"] == item_id


async def test_manual_turns_with_the_official_client(server: AgentServer) -> None:
    async with calling(server) as client:
        await client.connection.session.update(
            session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        )
        await client.until("session.updated")
        voice = resample(speech("short"), 8000, RATE)
        await client.say(voice)
        await client.connection.input_audio_buffer.commit()
        await client.until("conversation.item.done")
        await client.connection.response.create()
        assert audio_of(await client.until("response.done")) == voice.astype("<i2").tobytes()


async def test_audio_is_paced(server: AgentServer) -> None:
    async with calling(server) as client:
        start_s = time.monotonic()
        await client.connection.response.create()
        await client.until("response.done")
        assert time.monotonic() - start_s > 0.4  # 3.8 s of audio at 8 times its pace


async def test_an_api_key_is_asked_for_when_there_is_one() -> None:
    async with AgentServer(AgentSettings(api_key="right")) as server:
        async with calling(server, key="right"):
            assert server.active == 1
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "right"}):
            with pytest.raises(InvalidStatus) as caught:
                async with raw(server, additional_headers=headers):
                    pass
            response = caught.value.response
            assert response.status_code == 401
            assert response.headers["Content-Type"] == "application/json"
            error = msgspec.json.decode(response.body or b"")["error"]
            assert error["code"] == "invalid_api_key"
            assert "right" not in (response.body or b"").decode()
        assert server.counters.refused == 3


@pytest.mark.parametrize("path", ["/nowhere", "x", "/../v2/realtime"])
async def test_other_paths_are_not_found(server: AgentServer, path: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with raw(server, path):
            pass
    assert caught.value.response.status_code == 404


async def test_the_number_of_sessions_is_bounded() -> None:
    async with AgentServer(AgentSettings(max_sessions=1)) as server:
        async with calling(server):
            with pytest.raises(InvalidStatus) as caught:
                async with raw(server):
                    pass
            assert caught.value.response.status_code == 503
        async with asyncio.timeout(20):
            while server.active:
                await asyncio.sleep(0.01)
        async with calling(server):
            assert server.counters.sessions == 2


@pytest.mark.parametrize(
    "message", ["{", b"\x00\xff", "[]", '{"type":"x"}', "[" * 100_000, '{"type":"response.create"']
)
async def test_M6_garbage_is_answered_and_survived(server: AgentServer, message: Any) -> None:
    async with raw(server) as connection:
        assert (await receive(connection))["type"] == "session.created"
        await connection.send(message)
        assert (await receive(connection))["type"] == "error"
        await connection.send('{"type":"input_audio_buffer.clear"}')
        assert (await receive(connection))["type"] == "input_audio_buffer.cleared"


async def test_M6_a_message_beyond_the_bound_ends_its_session_only(server: AgentServer) -> None:
    async with calling(server) as bystander, raw(server) as connection:
        await receive(connection)
        announced = (MAX_MESSAGE_BYTES + 1).to_bytes(8, "big")
        connection.transport.write(b"\x81\xff" + announced + bytes(4))
        with pytest.raises(ConnectionClosed) as caught:
            await receive(connection)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009
        await bystander.connection.input_audio_buffer.clear()
        assert (await bystander.next())["type"] == "input_audio_buffer.cleared"


async def test_M6_a_large_append_is_taken(server: AgentServer) -> None:
    async with calling(server) as client:
        await client.connection.input_audio_buffer.append(audio="A" * (12 << 20))
        await client.connection.input_audio_buffer.clear()
        assert (await client.next())["type"] == "input_audio_buffer.cleared"


async def test_M6_a_client_that_does_not_read_stops_its_own_session_only() -> None:
    settings = AgentSettings(speed=1000.0, max_sessions=2)
    async with (
        AgentServer(settings) as server,
        calling(server) as bystander,
        raw(server, max_queue=1, ping_interval=None) as deaf,
    ):
        flood = asyncio.create_task(_flood(deaf))
        await asyncio.sleep(0.3)
        assert not flood.done()  # its own words wait in its own socket
        await bystander.connection.input_audio_buffer.clear()
        assert (await bystander.next())["type"] == "input_audio_buffer.cleared"
        flood.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
            await flood
        deaf.transport.abort()


async def _flood(connection: ClientConnection) -> None:
    while True:
        await connection.send('{"type":"response.create"}')


async def test_idle_sessions_are_closed() -> None:
    async with AgentServer(AgentSettings(idle_timeout_s=0.2)) as server, raw(server) as connection:
        await receive(connection)
        with pytest.raises(ConnectionClosed) as caught:
            await receive(connection)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.reason == "idle"


async def test_M3_an_expired_session_is_closed_after_its_error() -> None:
    settings = AgentSettings(session_limit_s=0.2)
    async with AgentServer(settings) as server, raw(server) as connection:
        await receive(connection)
        assert error_of([await receive(connection)])["code"] == "session_expired"
        with pytest.raises(ConnectionClosed):
            await receive(connection)


async def test_closing_the_server_closes_its_sessions_with_1001() -> None:
    async with AgentServer(AgentSettings()) as server:
        connection = await connect(server.url)
    async with asyncio.timeout(20):
        await connection.wait_closed()
    assert connection.close_code == 1001


async def _spawn(*extra: str) -> asyncio.subprocess.Process:
    code = (
        "import sys; from sipua.bridge.agent.server.server import run;"
        "from sipua.bridge.agent.scenario.settings import AgentSettings;"
        f"sys.exit(run(AgentSettings(), as_json=True, {''.join(extra)}))"
    )
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def _url(child: asyncio.subprocess.Process) -> str:
    assert child.stdout is not None
    while not (line := await child.stdout.readline()).startswith(b"{"):
        assert line, "the child ended"
    url: str = msgspec.json.decode(line)["url"]
    return url


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_H1_run_ends_cleanly(number: signal.Signals) -> None:
    child = await _spawn()
    async with asyncio.timeout(20):
        async with connect(await _url(child)) as connection:
            assert (await receive(connection))["type"] == "session.created"
            child.send_signal(number)
            assert await child.wait() == 0
        assert connection.close_code == 1001


async def test_run_ends_with_its_parent() -> None:
    child = await _spawn("exit_with_parent=True")
    async with asyncio.timeout(20):
        await _url(child)
        assert child.stdin is not None
        child.stdin.close()
        assert await child.wait() == 0


async def test_run_says_that_the_port_is_taken(server: AgentServer) -> None:
    code = (
        "import sys; from sipua.bridge.agent.server.server import run;"
        "from sipua.bridge.agent.scenario.settings import AgentSettings;"
        f"sys.exit(run(AgentSettings(port={server.port})))"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(child.communicate(), 20)
    assert child.returncode == 4
    assert b"address already in use" in output
