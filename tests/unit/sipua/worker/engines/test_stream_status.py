"""The web server that is told of streams, and how it can be late or gone without harm."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

from sipua.worker.engines import stream_status
from sipua.worker.engines.stream_status import StreamStatus
from support.calls.hook_server import HookServer, answer

TOKEN = "0123456789abcdef"
STREAM = "MZ" + "0" * 32
STARTED = {
    "AccountSid": "AC" + "1" * 32,
    "CallSid": "CA" + "2" * 32,
    "StreamSid": STREAM,
    "StreamName": STREAM,
    "StreamEvent": "stream-started",
}
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


async def told(server: HookServer, *forms: dict[str, str], token: str = TOKEN) -> None:
    """All are told at once; closed when all have come or been given up."""
    status = StreamStatus(lambda: NOON)
    tell = status.to(server.url + "/status?tenant=a", token, "call-1")
    for form in forms:
        tell(form)
    await status.close()


async def test_a_server_is_told_in_a_form_that_is_signed() -> None:
    with HookServer([answer(204)]) as server:
        await told(server, STARTED)
        (request,) = server.requests
        assert request.method == "POST"
        assert request.headers["user-agent"] == "TwilioProxy/1.1"
        assert request.headers["content-type"].startswith("application/x-www-form-urlencoded")
        form = dict(parse_qsl(request.body.decode(), strict_parsing=True))
        assert form == {**STARTED, "Timestamp": "2026-11-29T12:00:00.000+00:00"}
        signed = request.headers["x-twilio-signature"]
        url = server.url + "/status?tenant=a"
        assert RequestValidator(TOKEN).validate(url, form, signed)
        assert not RequestValidator("another").validate(url, form, signed)


async def test_without_a_token_it_is_not_signed() -> None:
    with HookServer([answer()]) as server:
        await told(server, STARTED, token="")
        assert "x-twilio-signature" not in server.requests[0].headers


async def test_a_server_that_fails_is_asked_once_more() -> None:
    with HookServer([answer(500), answer()]) as server, capture_logs() as logs:
        await told(server, STARTED)
        assert len(server.requests) == 2
        assert logs == []


async def test_what_is_lost_is_logged_with_its_call() -> None:
    with HookServer([answer(500)]) as server, capture_logs() as logs:
        await told(server, STARTED)
        assert len(server.requests) == 2
    (line,) = logs
    assert line["event"] == "twilio.status_lost"
    assert (line["call_id"], line["status"], line["attempts"]) == ("call-1", 500, 2)
    assert TOKEN not in str(line)


async def test_a_server_that_is_not_there_is_logged() -> None:
    with HookServer([answer()]) as server:
        pass
    with capture_logs() as logs:
        await told(server, STARTED)
    assert [line["kind"] for line in logs] == ["connect"]


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_status, "MOST_WAITING", 1)
    with HookServer([answer()]) as server, capture_logs() as logs:
        await told(server, STARTED, {**STARTED, "StreamEvent": "stream-stopped"})
        assert len(server.requests) == 1
    assert [(line["kind"], line["event_told"]) for line in logs] == [("too_many", "stream-stopped")]


async def test_nothing_waits_for_it() -> None:
    """A server that never answers: the caller of `tell` goes on at once."""
    release = asyncio.Event()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    status = StreamStatus(lambda: NOON)
    status.to(f"http://127.0.0.1:{port}/", TOKEN, "call-1")(STARTED)
    assert not release.is_set()
    release.set()
    with capture_logs() as logs:
        await status.close()
    assert [line["event"] for line in logs] == ["twilio.status_lost"]
    server.close()
