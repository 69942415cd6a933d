import asyncio
import base64
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from sipua.bridge.engine_api.events import (
    AudioDelta,
    EngineFault,
    EngineLost,
    Event,
    ResponseStarted,
    SessionReady,
    SpeechStarted,
    Unknown,
)
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engine_link import websocket
from sipua.bridge.engine_link.errors import EngineConnectError, ErrorKind
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engine_link.trace import SessionTrace
from sipua.bridge.engines import create
from support.engine.scripted_engine import Peer, scripted_engine, tcp_server

KEY = "sk-very-secret-key"
PCM_20_MS = bytes(range(240)) * 4
AUDIO = base64.b64encode(PCM_20_MS).decode()
SESSION = {"type": "realtime", "id": "sess_1", "object": "realtime.session"}
DELTA = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}


class Call:
    """The session's other side."""

    def __init__(self, url: str, **options: Any) -> None:
        settings = EngineSettings(
            url=url,
            api_key=KEY,
            instructions="Be kind.",
            turn_detection=options.pop("turn_detection", {}),
        )
        engine = create("openai_realtime", settings)
        self.events: list[Event] = []
        self.react: Callable[[Event], None] = lambda _event: None
        self._arrived = asyncio.Event()
        self.session = EngineSession(
            engine.protocol,
            engine.url,
            engine.headers,
            on_event=self.on_event,
            call_id="call-7",
            **options,
        )

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        self._arrived.set()
        self.react(event)

    async def next(self, kind: type[Event]) -> Any:
        """The first event of a kind, waiting for it."""
        async with asyncio.timeout(20):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                self._arrived.clear()
                await self._arrived.wait()


async def ready(peer: Peer) -> None:
    await peer.make_ready()
    await peer.until_closed()


async def failure(url: str, timeout_s: float = 5) -> EngineConnectError:
    call = Call(url)
    with pytest.raises(EngineConnectError) as caught:
        await call.session.connect(timeout_s)
    assert KEY not in str(caught.value)
    assert call.session.state == "closed"
    assert call.events == [] or isinstance(call.events[0], EngineFault)
    call.session.append(PCM_20_MS)
    await call.session.close()
    return caught.value


# Connecting


async def test_connect_returns_when_the_session_is_ready() -> None:
    async with scripted_engine(ready) as engine:
        call = Call(engine.url)
        assert not call.session.ready
        await call.session.connect(5)
        assert call.session.ready
        assert call.session.session_id == "sess_1"
        assert call.events == [SessionReady("sess_1")]
        (update,) = engine.peers[0].received
        assert update["session"]["instructions"] == "Be kind."
        assert engine.requests[0].headers["Authorization"] == f"Bearer {KEY}"
        await call.session.close()
        assert engine.peers[0].connection.close_code == 1000
    assert call.session.state == "closed"
    assert len(call.events) == 1


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (HTTPStatus.UNAUTHORIZED, "unauthorized", False),
        (HTTPStatus.FORBIDDEN, "forbidden", False),
        (HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", True),
        (HTTPStatus.BAD_GATEWAY, "server", True),
    ],
)
async def test_M1_refused_by_status(status: HTTPStatus, kind: ErrorKind, retryable: bool) -> None:
    async with scripted_engine(answer=(status, {"Retry-After": "3"}, "")) as engine:
        error = await failure(engine.url)
    assert (error.kind, error.status, error.retryable) == (kind, status, retryable)
    assert error.retry_after_s == 3


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("invalid_value", "protocol", False),
        ("invalid_api_key", "unauthorized", False),
        ("insufficient_quota", "rate_limited", True),
        ("server_error", "server", True),
    ],
)
async def test_M1_an_error_instead_of_session_updated(
    code: str, kind: ErrorKind, retryable: bool
) -> None:
    async def complain(peer: Peer) -> None:
        await peer.send("session.created", session=SESSION)
        await peer.expect("session.update")
        error = {"type": "invalid_request_error", "code": code}
        await peer.send("error", error=error | {"message": f"No, and your key is {KEY}."})
        await peer.until_closed()

    async with scripted_engine(complain) as engine:
        error = await failure(engine.url)
    assert (error.kind, error.code, error.retryable) == (kind, code, retryable)
    assert str(error) == f"{code}: No, and your key is ***."


@pytest.mark.parametrize("stage", ["upgrade", "session.created", "session.updated"])
async def test_M1_one_deadline_for_everything(stage: str) -> None:
    async def stall(peer: Peer) -> None:
        if stage == "session.updated":
            await peer.send("session.created", session=SESSION)
        await peer.until_closed()

    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    loop = asyncio.get_running_loop()
    started = loop.time()
    if stage == "upgrade":
        async with tcp_server(mute) as port:
            error = await failure(f"ws://127.0.0.1:{port}/", 0.1)
    else:
        async with scripted_engine(stall) as engine:
            error = await failure(engine.url, 0.1)
    assert 0.09 < loop.time() - started < 1
    assert (error.kind, error.retryable) == ("timeout", True)
    assert "within 0.1 s" in str(error)


@pytest.mark.parametrize(
    ("code", "kind"), [(3000, "protocol"), (1008, "protocol"), (1013, "server"), (1011, "server")]
)
async def test_M1_closed_before_it_was_ready(code: int, kind: ErrorKind) -> None:
    async def bye(peer: Peer) -> None:
        await peer.connection.close(code, f"not with {KEY}")

    async with scripted_engine(bye) as engine:
        error = await failure(engine.url)
    assert error.kind == kind
    assert str(error).endswith(f"closed the connection: {code} not with ***")


async def test_M6_garbage_before_the_session_is_ready_does_not_stop_it() -> None:
    async def garbage(peer: Peer) -> None:
        for message in (b"", b"\xff\xfe", b"[]", b'{"type":"later"}', b"{" * 1000):
            await peer.send_raw(message)
        await ready(peer)

    async with scripted_engine(garbage) as engine:
        call = Call(engine.url)
        await call.session.connect(5)
        assert call.events == [Unknown("later"), SessionReady("sess_1")]
        counters = call.session.counters()
        assert (counters["bad_json"], counters["malformed"], counters["unknown"]) == (3, 1, 1)
        await call.session.close()


async def test_H7_ready_at_the_last_moment_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """The word comes while the loop stands still, and the deadline passes with it."""

    class Socket:
        sent = received = unsent = audio_dropped = 0
        rtt_ms = 0.0

        def send(self, message: bytes) -> None: ...
        def abort(self) -> None: ...
        async def close(self) -> None: ...

    async def connect(*_: object, **__: object) -> Socket:
        return Socket()

    monkeypatch.setattr("sipua.bridge.engine_link.session.websocket.connect", connect)
    call = Call("ws://engine.invalid")
    connecting = asyncio.create_task(call.session.connect(0.4))
    while call.session.state != "configuring":
        await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    for kind in ("session.created", "session.updated"):
        message = b'{"type":"%s","session":{"id":"sess_1"}}' % kind.encode()
        loop.call_soon(call.session._receive, message)
    time.sleep(0.41)  # noqa: ASYNC251 - the stall
    await connecting
    assert call.session.ready
    assert call.events == [SessionReady("sess_1")]
    await call.session.close()


async def test_the_caller_hangs_up_while_it_connects() -> None:
    async def stall(peer: Peer) -> None:
        await peer.until_closed()
        gone.set()

    gone = asyncio.Event()
    async with scripted_engine(stall) as engine:
        call = Call(engine.url)
        connecting = asyncio.create_task(call.session.connect(5))
        await asyncio.sleep(0.05)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        async with asyncio.timeout(20):
            await gone.wait()
    assert call.session.state == "closed"
    assert call.events == []


@pytest.mark.parametrize("delay_s", [0, 0.05])
async def test_close_while_it_connects(delay_s: float) -> None:
    async def stall(peer: Peer) -> None:
        await peer.until_closed()

    async with scripted_engine(stall) as engine:
        call = Call(engine.url)
        connecting = asyncio.create_task(call.session.connect(5))
        await asyncio.sleep(delay_s)
        await call.session.close()
        with pytest.raises(EngineConnectError, match="closed while connecting"):
            await connecting
    assert call.session.state == "closed"


async def test_a_session_connects_once() -> None:
    async with scripted_engine(ready) as engine:
        call = Call(engine.url)
        await call.session.connect(5)
        with pytest.raises(RuntimeError, match="once"):
            await call.session.connect(5)
        await call.session.close()


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
        call = Call(engine.url, ping_interval_s=0.05, ping_timeout_s=0.1)
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


# Secrets and logs


async def every_end(url: str, timeout_s: float) -> None:
    call = Call(url)
    failed: EngineConnectError | None = None
    try:
        await call.session.connect(timeout_s)
    except EngineConnectError as error:
        failed = error
    assert KEY not in repr(failed)
    if failed is None:
        call.session.append(PCM_20_MS)
        call.session.speak("Hello.")
        await asyncio.sleep(0.02)
    assert KEY not in repr(call.session)
    assert KEY not in repr(vars(error_free(call.session)))
    await call.session.close()


def error_free(session: EngineSession) -> Any:
    """What of a session might be printed: all but what has to hold the key."""

    class Shown:
        pass

    shown = Shown()
    hidden = {"_headers", "_url", "_scrub"}
    shown.__dict__.update({k: v for k, v in vars(session).items() if k not in hidden})
    return shown


async def quoting(peer: Peer) -> None:
    """A server that puts the key wherever it can."""
    await peer.make_ready()
    await peer.send("error", error={"type": KEY, "code": KEY, "message": KEY})
    await peer.connection.close(1011, KEY)


@pytest.fixture
def log_lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        yield lambda: json.dumps(logs, default=repr) + caplog.text


@pytest.mark.parametrize("script", [ready, quoting])
async def test_H8_the_key_is_in_no_log_whatever_happens(
    script: Callable[[Peer], Awaitable[None]], log_lines: Callable[[], str]
) -> None:
    silent = logging.getLogger("the test's own server")
    silent.setLevel(logging.WARNING)
    async with scripted_engine(script, logger=silent) as engine:
        await every_end(engine.url + f"?api-key={KEY}", 5)
    answer = (HTTPStatus.UNAUTHORIZED, {}, f'{{"error":{{"code":"{KEY}","message":"{KEY}"}}}}')
    async with scripted_engine(answer=answer, logger=silent) as engine:
        await every_end(engine.url, 5)
    await every_end(f"ws://user:{KEY}@127.0.0.1:9/", 5)
    await every_end(f"ws://[{KEY}", 5)
    await every_end(f"http://127.0.0.1/?key={KEY}", 5)
    text = log_lines()
    assert "engine.failed" in text
    assert KEY not in text


async def test_the_log_follows_the_grammar_and_never_holds_audio() -> None:
    async def talk(peer: Peer) -> None:
        await peer.make_ready()
        await peer.expect("input_audio_buffer.append")
        await peer.send("response.created", response={"id": "resp_1"})
        await peer.send("response.output_audio.delta", **DELTA, delta=AUDIO)
        await peer.send_raw(b'{"type":"odd","event":"e","call_id":"c","self":1,"bytes":2}')
        await peer.send_raw(b"\xff")
        await peer.send_raw(b'{"type":"large","x":"' + b"y" * 100_000 + b'"}')
        await peer.connection.close(1012, "restart")

    with capture_logs() as logs:
        async with scripted_engine(talk) as engine:
            call = Call(engine.url, name="backup")
            await call.session.connect(5)
            call.session.append(PCM_20_MS)
            await call.next(EngineLost)
            await call.session.close()
    assert {entry["call_id"] for entry in logs} == {"call-7"}
    assert {entry["engine"] for entry in logs} == {"backup"}
    lines = [entry["event"] for entry in logs]
    assert lines == [
        "= opening",
        "= configuring",
        "< session.created",
        "> session.update",
        "< session.updated",
        "= ready",
        "engine.connected",
        "> audio",
        "< response.created",
        "< response.output_audio.delta",
        "< odd",
        "engine.unknown",
        "< ?",
        "engine.unreadable",
        "< ?",
        "engine.unknown",
        "= lost",
        "engine.closed",
    ]
    connected = logs[lines.index("engine.connected")]
    assert connected["session_id"] == "sess_1"
    assert 0 < connected["connect_ms"] < 5000
    delta = logs[lines.index("< response.output_audio.delta")]
    assert delta["bytes"] > 1280
    assert delta["fields"]["item_id"] == "item_1"
    assert AUDIO[:40] not in json.dumps(logs, default=repr)
    assert logs[-1].items() >= {"code": 1012, "reason": "restart", "retryable": True}.items()


async def test_nothing_is_traced_when_debug_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("traced")

    old = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        monkeypatch.setattr(SessionTrace, "message", forbidden)
        async with scripted_engine(ready) as engine:
            call = Call(engine.url)
            await call.session.connect(5)
            call.session.append(PCM_20_MS)
            call.session.speak(None)
            await call.session.close()
    finally:
        structlog.configure(**old)
    assert call.session.counters()["internal_errors"] == 0


def test_the_defaults_of_both_layers_agree() -> None:
    ours = EngineSession.__init__.__kwdefaults__
    theirs = websocket.connect.__kwdefaults__
    for name in ("ping_interval_s", "ping_timeout_s", "max_queued_audio"):
        assert ours[name] == theirs[name]
