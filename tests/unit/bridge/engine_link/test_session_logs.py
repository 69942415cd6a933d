"""What a session logs, and that it never logs a secret."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import (
    EngineLost,
)
from sipua.bridge.engine_link import websocket
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engine_link.trace import SessionTrace
from support.engine.engine_call import AUDIO, DELTA, KEY, PCM_20_MS, Call, ready
from support.engine.scripted_engine import Peer, scripted_engine


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
    for name in ("ping_interval_s", "max_queued_audio"):
        assert ours[name] == theirs[name]
