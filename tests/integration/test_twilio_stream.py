"""Our stream talks with an agent over a real websocket, which checks all that it is told."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest
from twilio.request_validator import RequestValidator
from websockets.http11 import Request

from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import AgentServer
from sipua.bridge.agent.speech.formats import PCMU, converted
from sipua.bridge.agent.speech.prompts import prompt
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    DropAudio,
    EngineHangsUp,
    EngineLost,
    Event,
    PlayoutMark,
    SessionReady,
)
from sipua.bridge.engine_api.settings import CallIdentity, EngineSettings
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engines import create
from sipua.bridge.engines.twilio_stream.sids import call_sid
from support.engine.stream_agent import Stream, stream_agent

TOKEN = "0123456789abcdef"
SPEECH = bytes(range(256)) * 50
FRAME = b"\xff" * 160
GREETING = converted(prompt("greeting"), PCMU).data
E = TypeVar("E", bound=Event)


class Call:
    def __init__(self, url: str, *, token: str = TOKEN) -> None:
        settings = EngineSettings(
            url=url,
            api_key=token,
            call=CallIdentity("call-1", parameters={"tenant": "a"}),
        )
        self.events: list[Event] = []
        self._arrived = asyncio.Event()
        self.session = EngineSession(create("twilio_stream", settings), on_event=self._on_event)

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, PlayoutMark):  # nothing is queued here
            self.session.marked(event.name, played=True)
        self._arrived.set()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def heard_bytes(self) -> int:
        return sum(len(delta.audio) for delta in self.of(AudioDelta))

    async def until(self, condition: Callable[[], object], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._arrived.clear()
                await self._arrived.wait()


def until_over(stream: Stream) -> None:
    stream.over.wait(30)


async def test_a_conversation() -> None:
    def script(stream: Stream) -> None:
        stream.say(SPEECH, piece=700)
        stream.mark("greeting")
        stream.wait_for("mark")
        stream.wait_for("dtmf", 2)
        stream.clear()
        until_over(stream)

    with stream_agent(script) as agent:
        call = Call(agent.url)
        await call.session.connect(5)
        stream = await asyncio.to_thread(agent.stream)
        await call.until(lambda: call.of(PlayoutMark))
        for _ in range(30):
            call.session.append(FRAME)
        call.session.digit("4", 100)
        call.session.digit("#", 100)
        await call.until(lambda: call.of(DropAudio))
        await call.session.close()
        await asyncio.to_thread(stream.over.wait, 20)
        assert b"".join(delta.audio for delta in call.of(AudioDelta)) == SPEECH
        assert call.of(SessionReady) == [SessionReady(stream.start["streamSid"])]
        assert call.session.session_id == stream.start["streamSid"]
        assert call.of(AudioDone) == [AudioDone("speech_1")]
        assert call.of(EngineLost) == []
        assert stream.start["callSid"] == call_sid("call-1")
        assert stream.start["customParameters"] == {"tenant": "a"}
        assert stream.heard() == FRAME * 30
        assert (stream.marks(), stream.digits()) == (["greeting"], "4#")
        assert stream.told[-1][1]["event"] == "stop"
        assert stream.connection.protocol.close_rcvd is not None
        assert stream.connection.protocol.close_rcvd.code == 1000
        assert stream.headers["User-Agent"] == "TwilioProxy/1.1"
        assert call.session.counters()["marks"] == 1


async def test_it_is_ready_though_the_agent_says_nothing() -> None:
    with stream_agent(until_over) as agent:
        call = Call(agent.url)
        await call.session.connect(5)
        assert call.session.state == "ready"
        await call.session.close()


async def test_an_agent_that_accepts_late_has_missed_nothing() -> None:
    with stream_agent(until_over, accept_after_s=0.3) as agent:
        call = Call(agent.url)
        await call.session.connect(5)
        call.session.append(FRAME)
        stream = await asyncio.to_thread(agent.stream)
        await asyncio.to_thread(stream.wait_for, "media")
        await call.session.close()


async def test_the_agent_hangs_up_by_its_close() -> None:
    def script(stream: Stream) -> None:
        stream.wait_for("start")

    with stream_agent(script) as agent:
        call = Call(agent.url)
        await call.session.connect(5)
        await call.until(lambda: call.of(EngineHangsUp))
        assert call.of(EngineLost) == []
        await call.session.close()


@pytest.mark.parametrize("code", [1011, 1008])
async def test_an_agent_that_breaks_down_is_lost(code: int) -> None:
    def script(stream: Stream) -> None:
        stream.wait_for("start")
        stream.connection.close(code)

    with stream_agent(script) as agent:
        call = Call(agent.url)
        await call.session.connect(5)
        await call.until(lambda: call.of(EngineLost))
        assert call.of(EngineHangsUp) == []
        await call.session.close()


async def test_an_agent_that_vanishes_is_lost() -> None:
    def script(stream: Stream) -> None:
        stream.wait_for("start")
        stream.connection.socket.close()

    with stream_agent(script) as agent:
        call = Call(agent.url)
        await call.session.connect(5)
        await call.until(lambda: call.of(EngineLost))
        await call.session.close()


def signed(request: Request, url: str) -> bool:
    """As an agent with Twilio's own package decides."""
    valid: bool = RequestValidator(TOKEN).validate(
        url, {}, request.headers.get("X-Twilio-Signature", "")
    )
    return valid


async def test_the_upgrade_is_signed_as_the_makers_of_the_protocol_check_it() -> None:
    with stream_agent(until_over, admits=signed) as agent:
        call = Call(agent.url)
        await call.session.connect(5)
        await call.session.close()


async def test_an_agent_with_another_token_refuses_the_call() -> None:
    with stream_agent(until_over, admits=signed) as agent:
        call = Call(agent.url, token="another")
        with pytest.raises(EngineConnectError) as refused:
            await call.session.connect(5)
        assert refused.value.kind == "forbidden"
        assert agent.streams == []


async def test_goodbye_is_not_waited_for() -> None:
    """The agent owes no answer to `stop`; one that does not even close keeps nobody."""
    let_go = threading.Event()

    def script(stream: Stream) -> None:
        stream.wait_for("stop")
        let_go.wait(30)

    with stream_agent(script) as agent:
        call = Call(agent.url)
        await call.session.connect(5)
        await call.session.close()
        assert call.session.state == "closed"
        let_go.set()


async def test_the_local_agent_takes_calls_over_a_stream_too() -> None:
    async with AgentServer(AgentSettings(api_key=TOKEN)) as server:
        call = Call(server.stream_url)
        await call.session.connect(5)
        await call.until(lambda: call.heard_bytes() == len(GREETING))
        call.session.digit("#", 100)
        await call.until(lambda: call.of(EngineHangsUp))
        await call.session.close()
        refused = Call(server.stream_url, token="another")
        with pytest.raises(EngineConnectError):
            await refused.session.connect(5)
