"""Our channel talks with the local agent over a real websocket; others try what they should not."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from sipua.bridge.agent.scenario.scenario import Connect, Scenario
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import MAX_MESSAGE_BYTES, AgentServer
from sipua.bridge.agent.speech.formats import PCMU, converted
from sipua.bridge.agent.speech.prompts import prompt
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import (
    AudioDelta,
    DropAudio,
    EngineHangsUp,
    EngineLost,
    Event,
    PlayoutMark,
)
from sipua.bridge.engine_api.settings import AudioFormat, CallIdentity, EngineSettings
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engines import create
from support.engine import journal
from support.media import audio, g711

KEY = "a-key-of-the-agents-own"
GREETING = converted(prompt("greeting"), PCMU).data
SILENCE = b"\xff" * 160
SAID = g711.encode(g711.PCMU, audio.speech("short"))
E = TypeVar("E", bound=Event)


class Call:
    """The call's side of a session; what it is told to play has been heard at once."""

    def __init__(self, url: str, *, call_id: str = "call-1", **settings: Any) -> None:
        settings.setdefault("audio", AudioFormat.PCMU)
        settings.setdefault("api_key", KEY)
        identity = CallIdentity(call_id, parameters={"dialect": "of our own", "tenant": "a"})
        engine = create("asterisk_websocket", EngineSettings(url=url, call=identity, **settings))
        self.events: list[Event] = []
        self.plays = True
        self._arrived = asyncio.Event()
        self.session = EngineSession(engine, on_event=self._on_event)

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, PlayoutMark) and self.plays:
            self.session.marked(event.name, played=True)
        self._arrived.set()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def heard(self) -> bytes:
        return b"".join(delta.audio for delta in self.of(AudioDelta))

    def say(self, mulaw: bytes) -> None:
        for begin in range(0, len(mulaw), 160):
            self.session.append(mulaw[begin : begin + 160])

    async def until(self, condition: Callable[[], object], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._arrived.clear()
                await self._arrived.wait()


@pytest.mark.parametrize("form", ["plain-text", "json"])
async def test_a_conversation_in_both_forms(form: str, tmp_path: Path) -> None:
    path = tmp_path / "agent.jsonl"
    async with AgentServer(AgentSettings(api_key=KEY, journal=str(path))) as server:
        call = Call(server.channel_url, control_messages=form)
        await call.session.connect(5)
        await call.until(lambda: call.heard() == GREETING)
        call.say(SILENCE * 20 + SAID + SILENCE * 40)
        await call.until(lambda: audio.is_in(audio.speech("short"), pcm(call.heard())))
        assert call.of(DropAudio) == []
        call.session.digit("#", 100)
        await call.until(lambda: call.of(EngineHangsUp))
        await call.session.close()
        assert call.of(EngineLost) == []
        counters = call.session.counters()
        wrong = ("unknown", "malformed", "bad_json", "oversize", "refused")
        assert [counters[name] for name in wrong] == [0] * len(wrong)
    assert server.counters.client_errors == 0
    key: object = "DTMF_END digit:# channel_id:call-1"
    if form == "json":
        key = {"event": "DTMF_END", "channel_id": "call-1", "digit": "#"}
    assert key in journal.events(path, "client")


def pcm(mulaw: bytes) -> audio.Pcm:
    return g711.decode(g711.PCMU, mulaw)


async def test_M5_a_caller_who_speaks_into_the_greeting_has_it_flushed() -> None:
    async with AgentServer(AgentSettings()) as server:
        call = Call(server.channel_url)
        call.plays = False
        await call.session.connect(5)
        await call.until(lambda: call.heard() == GREETING)
        call.say(SILENCE * 20 + SAID)
        await call.until(lambda: call.of(DropAudio))
        await call.session.close()


async def test_M1_another_key_is_refused() -> None:
    async with AgentServer(AgentSettings(api_key=KEY)) as server:
        with pytest.raises(EngineConnectError) as refused:
            await Call(server.channel_url, api_key="another").session.connect(5)
        assert refused.value.kind == "unauthorized"
        assert server.active == 0


async def test_M1_a_refusal_can_be_rehearsed_and_the_next_call_is_taken() -> None:
    scenario = Scenario(connect=(Connect(status=429, retry_after_s=1),))
    async with AgentServer(AgentSettings(scenario=scenario)) as server:
        with pytest.raises(EngineConnectError) as refused:
            await Call(server.channel_url).session.connect(5)
        assert (refused.value.kind, refused.value.retry_after_s) == ("rate_limited", 1.0)
        call = Call(server.channel_url)
        await call.session.connect(5)
        await call.until(lambda: call.heard() == GREETING)
        await call.session.close()


async def test_two_calls_at_once_hear_their_own_words_and_no_others() -> None:
    words = {"call-1": audio.speech("short"), "call-2": audio.speech("caller")}
    async with AgentServer(AgentSettings(greeting=False)) as server:
        calls = {
            name: Call(server.channel_url, call_id=name, control_messages=form)
            for name, form in zip(words, ("plain-text", "json"), strict=True)
        }
        for call in calls.values():
            await call.session.connect(5)
        for name, call in calls.items():
            said = g711.encode(g711.PCMU, words[name])
            call.say(SILENCE * 20 + said + SILENCE * 40)
        for name, call in calls.items():
            await call.until(lambda n=name, c=call: audio.is_in(words[n], pcm(c.heard())))
        other = audio.find(words["call-2"], pcm(calls["call-1"].heard()))
        assert other.score < 0.5
        calls["call-1"].session.digit("#", 100)
        await calls["call-1"].until(lambda: calls["call-1"].of(EngineHangsUp))
        assert calls["call-2"].of(EngineHangsUp) == []
        for call in calls.values():
            await call.session.close()


async def test_without_the_subprotocol_it_takes_a_call_too() -> None:
    async with AgentServer(AgentSettings()) as server:
        async with connect(server.channel_url, max_queue=None) as asterisk:
            assert asterisk.subprotocol is None
            await asterisk.send("MEDIA_START channel_id:c-1 format:ulaw")
            assert await asterisk.recv() == "ANSWER"
            assert await asterisk.recv() == "START_MEDIA_BUFFERING"
            assert isinstance(await asterisk.recv(), bytes)
        offered = [Subprotocol("audio"), Subprotocol("media")]
        async with connect(server.channel_url, subprotocols=offered) as asterisk:
            assert asterisk.subprotocol == "media"


@pytest.mark.parametrize(
    "messages",
    [
        [b"\xff" * 160],
        [b"\xff" * (1 << 20)],
        ["DTMF_END digit:# channel_id:c-1", "DTMF_END digit:# channel_id:c-1"],
        ["MEDIA_XOFF", "MEDIA_MARK_PROCESSED piece-1", "MEDIA_BUFFERING_COMPLETED answer-1"],
        ["[" * 60_000, "{" * 60_000, '{"event":' * 6_000, "", " ", "\x00"],
        ['{"event":"MEDIA_START","format":"ulaw","channel_id":7}', '{"event":"STATUS"}'],
        ["x" * (8 << 20)],
    ],
    ids=["early-audio", "much-early-audio", "keys", "marks", "nonsense", "types", "huge"],
)
async def test_M6_what_an_edge_would_not_say_costs_no_other_call(
    messages: list[str | bytes],
) -> None:
    async with AgentServer(AgentSettings()) as server:
        call = Call(server.channel_url)
        await call.session.connect(5)
        async with connect(server.channel_url, max_queue=None) as hostile:
            for message in messages:
                await hostile.send(message)
            await hostile.send(json.dumps({"event": "MEDIA_START", "format": "alaw"}))
            assert json.loads(await hostile.recv()) == {"command": "ANSWER"}
        await call.until(lambda: call.heard() == GREETING)
        call.say(SILENCE * 20 + SAID + SILENCE * 40)
        await call.until(lambda: audio.is_in(audio.speech("short"), pcm(call.heard())))
        assert call.of(EngineLost) == []
        await call.session.close()


async def test_M6_text_that_is_none_and_a_message_beyond_the_bound_end_their_call_only() -> None:
    async with AgentServer(AgentSettings()) as server:
        call = Call(server.channel_url)
        await call.session.connect(5)
        for head, code in (
            (b"\x81\x82\x00\x00\x00\x00\xff\xfe", 1007),
            (b"\x82\xff" + (MAX_MESSAGE_BYTES + 1).to_bytes(8, "big") + bytes(4), 1009),
        ):
            async with connect(server.channel_url) as hostile:
                hostile.transport.write(head)
                with pytest.raises(ConnectionClosed) as closed:
                    await hostile.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == code
        await call.until(lambda: call.heard() == GREETING)
        await call.session.close()


async def test_M6_an_edge_that_does_not_read_stops_its_own_call_only() -> None:
    async with AgentServer(AgentSettings(greeting=False)) as server:
        call = Call(server.channel_url)
        await call.session.connect(5)
        async with connect(server.channel_url, max_queue=1, ping_interval=None) as deaf:
            await deaf.send("MEDIA_START channel_id:c-2 format:slin24")
            flood = asyncio.create_task(speaks_for_ever(deaf))
            call.say(SILENCE * 20 + SAID + SILENCE * 40)
            await call.until(lambda: audio.is_in(audio.speech("short"), pcm(call.heard())))
            flood.cancel()
            await asyncio.gather(flood, return_exceptions=True)
            deaf.transport.abort()
        await call.session.close()


async def speaks_for_ever(connection: Any) -> None:
    frame = audio.tone(400, 20, 24_000).astype("<i2").tobytes()
    while True:
        for _ in range(50):
            await connection.send(frame)
        for _ in range(50):
            await connection.send(bytes(960))


@pytest.mark.parametrize("path", ["/asterisk", "/asterisk/media/c-1", "/twilio/stream?tenant=a"])
async def test_other_addresses_are_refused(path: str) -> None:
    async with AgentServer(AgentSettings()) as server:
        base = server.channel_url.removesuffix("/asterisk/media")
        with pytest.raises(InvalidStatus) as refused:
            await connect(base + path)
        assert refused.value.response.status_code in (400, 404)
