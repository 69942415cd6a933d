"""Webhook tools against a real server, good and bad, over plain HTTP and TLS."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from sipua.config.sections.tools import ToolsSection, WebhookSection
from sipua.tools.toolbox import Toolbox
from sipua.tools.webhook import Webhook
from sipua.tools.wire import http_client
from support.calls.hook_server import (
    HookServer,
    answer,
    dripping,
    endless,
    later,
    nonsense,
    self_signed,
    vanish,
)
from support.calls.tool_call import Table

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
Make = Callable[..., Table]


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_FIRST_PAUSE_S", 0.01)


@pytest.fixture
async def webhook() -> AsyncIterator[Make]:
    """`webhook(url, retries=0, …)`: a call whose model has the tool `find`."""
    clients: list[http_client.HttpClient] = []

    def make(
        url: str, *, ca_file: Path | None = None, most_bytes: int = 16_384, **keys: Any
    ) -> Table:
        keys = {"timeout_s": 5.0, "retries": 2} | keys
        section = WebhookSection(
            name="find", description="Looks up an order.", url=f"{url}/find", **keys
        )
        clients.append(http_client.HttpClient(str(ca_file or "")))
        return Table(Webhook(section, clients[-1], most_bytes))

    yield make
    for client in clients:
        await client.close()


async def asked(table: Table, arguments: str = '{"order": "17"}') -> tuple[str, str]:
    """Output and outcome."""
    (one,) = table.model_calls(("find", arguments))
    output, respond, outcome = await table.result(one)
    assert respond
    await table.runner.close()
    return output, outcome


async def test_what_is_sent_and_what_comes_back(webhook: Make) -> None:
    with HookServer([answer(200, b'{"state": "auf dem Weg"}')]) as server:
        table = webhook(server.url, headers={"X-Api-Key": SecretStr("k-1234567")})
        assert await asked(table) == ('{"state": "auf dem Weg"}', "ok")
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/find")
    assert request.json == {
        "call_id": "c-test",
        "tool": "find",
        "tool_call_id": "c0",
        "arguments": {"order": "17"},
        "call": {
            "from": '"Anna" <sip:+4930123@192.0.2.1>',
            "to": "sip:100@192.0.2.2",
            "caller": {
                "number": "",
                "name": "",
                "anonymous": False,
                "diverted": [],
                "verstat": "",
                "attest": "",
            },
            "called": "",
            "headers": {},
            "direction": "incoming",
            "account": "carrier",
            "route": "day",
            "sip_call_id": "abc@192.0.2.1",
            "started_at": "2026-03-01T12:00:00.000+00:00",
            "duration_s": 12.3,
        },
    }
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-api-key"] == "k-1234567"
    assert request.headers["idempotency-key"] == "c-test_c0"
    assert "webhook-signature" not in request.headers


async def test_a_signed_request_can_be_checked(webhook: Make) -> None:
    with HookServer([answer(200, b"ok")]) as server:
        await asked(webhook(server.url, secret=SecretStr(SECRET)))
    (request,) = server.requests
    signed = "{webhook-id}.{webhook-timestamp}.".format(**request.headers).encode() + request.body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert request.headers["webhook-id"] == request.headers["idempotency-key"]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_is_worth_another_attempt_gets_one(webhook: Make, status: int) -> None:
    with HookServer([answer(status), vanish, answer(200, b"found")]) as server:
        assert await asked(webhook(server.url, secret=SecretStr(SECRET))) == ("found", "ok")
    assert len({request.headers["idempotency-key"] for request in server.requests}) == 1
    assert len({request.headers["webhook-id"] for request in server.requests}) == 1
    assert len(server.requests) == 3


async def test_after_the_last_attempt_the_model_hears_the_status(webhook: Make) -> None:
    with HookServer([answer(503, b"down for maintenance")]) as server:
        output, outcome = await asked(webhook(server.url, retries=1))
    assert len(server.requests) == 2
    assert outcome == "error"
    assert "status 503: down for maintenance" in json.loads(output)["error"]


async def test_who_asks_for_more_patience_than_there_is_is_not_asked_again(webhook: Make) -> None:
    with HookServer([answer(429, b"slowly", Retry_After="30"), answer(200)]) as server:
        output, outcome = await asked(webhook(server.url, timeout_s=20))
    assert len(server.requests) == 1
    assert outcome == "error"
    assert "status 429: slowly" in output


async def test_a_retry_that_comes_too_late(webhook: Make) -> None:
    with HookServer([answer(503), later(1.0, answer(200))]) as server:
        output, outcome = await asked(webhook(server.url, timeout_s=0.5))
    assert outcome == "timeout"
    assert "before that it answered 503" in output


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422])
async def test_what_will_not_get_better_is_asked_once(webhook: Make, status: int) -> None:
    with HookServer([answer(status, b'{"detail": "no such order"}')]) as server:
        output, outcome = await asked(webhook(server.url))
    assert len(server.requests) == 1
    assert outcome == "error"
    assert f"status {status}" in output
    assert "no such order" in output


async def test_redirects_are_not_followed(webhook: Make) -> None:
    with HookServer([answer(200, b"internal")]) as other:
        with HookServer([answer(302, Location=f"{other.url}/admin")]) as server:
            output, outcome = await asked(webhook(server.url))
        assert other.requests == []
    assert outcome == "error"
    assert "302" in output
    assert other.url not in output


async def test_a_slow_answer_is_given_up(webhook: Make) -> None:
    with HookServer([later(1.5, answer(200, b"late"))]) as server:
        output, outcome = await asked(webhook(server.url, timeout_s=0.3))
    assert outcome == "timeout"
    assert "within 0.3 s" in output


async def test_an_answer_that_drips_is_given_up(webhook: Make) -> None:
    with HookServer([dripping]) as server:
        _, outcome = await asked(webhook(server.url, timeout_s=0.4))
    assert outcome == "timeout"


async def test_of_a_huge_answer_the_beginning_is_read(webhook: Make) -> None:
    with HookServer([endless]) as server:
        output, outcome = await asked(webhook(server.url, most_bytes=1000))
    assert outcome == "ok"
    assert output.startswith("x" * 1000)
    assert "cut off" in output
    assert len(output) < 1100


async def test_compression_that_was_not_asked_for_is_no_answer(webhook: Make) -> None:
    with HookServer([answer(200, b"\x1f\x8b", Content_Encoding="gzip")]) as server:
        _, outcome = await asked(webhook(server.url))
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert outcome == "error"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"{not json", "{not json"),
        (b"\xff\xfe\x00", "\ufffd\ufffd\ufffd"),
        (b"", '{"done": true}'),
        (b"   ", '{"done": true}'),
    ],
)
async def test_whatever_the_body_is_it_is_text(webhook: Make, body: bytes, shown: str) -> None:
    with HookServer([answer(200, body, Content_Type="application/json; charset=nope")]) as server:
        assert await asked(webhook(server.url)) == (shown, "ok")


async def test_no_http_at_all(webhook: Make) -> None:
    with HookServer([nonsense]) as server:
        output, outcome = await asked(webhook(server.url))
    assert outcome == "error"
    assert "protocol" in output


async def test_nobody_there(webhook: Make) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        output, outcome = await asked(webhook(url))
    assert outcome == "error"
    assert "cannot be reached" in output


async def test_a_name_that_does_not_resolve(webhook: Make) -> None:
    output, outcome = await asked(webhook("http://no-such-host.invalid"))
    assert outcome == "error"
    assert "does not resolve" in output


async def test_a_certificate_is_verified(webhook: Make, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with HookServer([answer(200, b"found")], certificate) as server:
        output, outcome = await asked(webhook(server.url))
        assert outcome == "error"
        assert "certificate that is not trusted" in output
        trusted = webhook(server.url, ca_file=certificate[0])
        assert await asked(trusted) == ("found", "ok")
        other_name = webhook(server.url.replace("localhost", "127.0.0.1"), ca_file=certificate[0])
        assert (await asked(other_name))[1] == "error"
    assert len(server.requests) == 1, "nothing was sent without a valid certificate"


async def test_the_end_of_the_call_ends_the_request(webhook: Make) -> None:
    with HookServer([later(60.0, answer(200, b"late"))]) as server:
        table = webhook(server.url, timeout_s=60.0)
        table.model_calls("find")
        await table.until(lambda: server.requests)
        async with asyncio.timeout(20):
            await table.runner.close()
    assert table.call.results == {}


async def test_a_toolbox_with_webhooks_begins_and_ends() -> None:
    section = ToolsSection(
        webhooks=[{"name": "find", "description": "Looks up an order.", "url": "https://x.example"}]  # type: ignore[arg-type]  # as the file has it
    )
    toolbox = Toolbox(section)
    await toolbox.start()
    assert [tool["name"] for tool in toolbox.declarations()] == ["hang_up", "find"]
    await toolbox.close()
