"""An engine's session until it is ready: refused, late, closed, abandoned."""

import asyncio
import time
from http import HTTPStatus

import pytest

from sipua.bridge.engine_api.errors import EngineConnectError, ErrorKind
from sipua.bridge.engine_api.events import (
    EngineFault,
    SessionReady,
    Unknown,
)
from support.engine.engine_call import KEY, SESSION, Call, failure, ready
from support.engine.scripted_engine import Peer, scripted_engine, tcp_server


async def test_connect_returns_when_the_session_is_ready() -> None:
    async with scripted_engine(ready) as engine:
        call = Call(engine.url)
        assert call.session.state != "ready"
        await call.session.connect(5)
        assert call.session.state == "ready"
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


COMPLAINT = b'{"type":"error","error":{"type":"invalid_request_error","message":"No formats."}}'
UPDATED = b'{"type":"session.updated","session":{"id":"sess_1"}}'


@pytest.mark.parametrize("dialect", ["beta", "xai", "azure_voice_live", "qwen"])
async def test_M1_a_complaint_is_no_refusal_when_the_session_is_taken_all_the_same(
    dialect: str,
) -> None:
    async def complain(peer: Peer) -> None:
        assert b"session.update" in await peer.connection.recv(decode=False)
        await peer.send_raw(COMPLAINT)
        await peer.send_raw(UPDATED)
        await peer.connection.wait_closed()

    async with scripted_engine(complain) as engine:
        call = Call(engine.url, dialect=dialect)
        await call.session.connect(5)
        assert [type(event) for event in call.events] == [EngineFault, SessionReady]
        await call.session.close()


async def test_M1_a_complaint_that_nothing_follows_is_the_refusal_and_soon() -> None:
    async def complain(peer: Peer) -> None:
        await peer.connection.recv()
        await peer.send_raw(COMPLAINT)
        await peer.connection.wait_closed()

    async with scripted_engine(complain) as engine:
        call = Call(engine.url, dialect="beta")
        with pytest.raises(EngineConnectError) as caught:
            await call.session.connect(600)
    assert (caught.value.kind, caught.value.code) == ("protocol", "invalid_request_error")
    assert str(caught.value) == "invalid_request_error: No formats."


async def test_M1_a_wrong_key_is_a_refusal_in_every_dialect() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.connection.recv()
        await peer.send_raw(COMPLAINT.replace(b"invalid_request_error", b"authentication_error"))
        await peer.connection.wait_closed()

    async with scripted_engine(refuse) as engine:
        call = Call(engine.url, dialect="beta")
        with pytest.raises(EngineConnectError) as caught:
            await call.session.connect(600)
    assert caught.value.kind == "unauthorized"


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
    assert 0.09 < loop.time() - started < 5
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

        spare = None

        def abort(self) -> None: ...
        async def close(self) -> None: ...

    async def connect(*_: object, **__: object) -> Socket:
        return Socket()

    monkeypatch.setattr("sipua.bridge.engine_link.session.websocket.connect", connect)
    call = Call("ws://engine.invalid")
    connecting = asyncio.create_task(call.session.connect(0.4))
    for _ in range(1000):
        if call.session.state == "configuring":
            break
        await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    for kind in ("session.created", "session.updated"):
        message = b'{"type":"%s","session":{"id":"sess_1"}}' % kind.encode()
        loop.call_soon(call.session._receive, message)
    time.sleep(0.41)  # noqa: ASYNC251 - the stall
    await connecting
    assert call.session.state == "ready"
    assert call.events == [SessionReady("sess_1")]
    await call.session.close()


async def test_the_caller_hangs_up_while_it_connects() -> None:
    async def stall(peer: Peer) -> None:
        await peer.until_closed()
        gone.set()

    gone = asyncio.Event()
    async with scripted_engine(stall) as engine:
        call = Call(engine.url)
        connecting = asyncio.create_task(call.session.connect(20))
        async with asyncio.timeout(20):
            while not engine.peers:
                await asyncio.sleep(0.005)
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
