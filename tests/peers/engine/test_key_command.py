"""The key of an engine is printed by a command (SIPp calls; the engine is a scripted one)."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import Request

from support.calls.edge import Edge
from support.engine.scripted_engine import Answer, Peer, scripted_engine
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]

CANARY = "canary-of-a-vendors-client-secret"
COUNTED = """\
#!/bin/sh
echo run >> {home}/runs
{more}
echo token-$(wc -l < {home}/runs)
"""


def command(home: Path, more: str = "") -> str:
    file = home / "engine-token"
    file.write_text(COUNTED.format(home=home, more=more))
    file.chmod(0o755)
    return str(file)


def runs(home: Path) -> int:
    file = home / "runs"
    return len(file.read_text().splitlines()) if file.exists() else 0


def edge_with(edges: Edges, url: str, words: list[str], **engine: Any) -> Edge:
    return edges(
        {
            "engine": {
                "type": "openai_realtime",
                "url": url,
                "api_key_command": words,
                **engine,
            },
            "engines.backup": {"type": "local"},
            "calls": {"fallback": [{"engine": "backup"}]},
            "edge": {"workers": 1},
        },
        env={"OPENAI_API_KEY": CANARY},
    )


async def talks(peer: Peer) -> None:
    await peer.make_ready()
    await peer.until_closed()


async def test_calls_at_once_share_a_run_and_its_environment_has_no_secret(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path
) -> None:
    def calls(url: str) -> Edge:
        words = [command(tmp_path, f"env > {tmp_path}/environment; sleep 0.3")]
        edge = edge_with(edge_factory, url, words)
        for _ in range(2):
            sipp.run("uac_call", edge.address, calls=5, rate=50, pause_ms=300)
        return edge

    async with scripted_engine(talks) as engine:
        edge = await asyncio.to_thread(calls, engine.url)
        keys = [request.headers["Authorization"] for request in engine.requests]
    assert keys == ["Bearer token-1"] * 10
    assert runs(tmp_path) == 1
    assert CANARY not in (tmp_path / "environment").read_text()
    assert {event["engine"] for event in edge.events(name="engine.in_use")} == {"openai_realtime"}
    assert "token-1" not in edge.log


async def test_M1_a_command_that_fails_is_an_engine_that_is_not_there(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path
) -> None:
    """The fallback takes the call, and says why; what the command printed is nowhere."""

    def call(url: str) -> Edge:
        edge = edge_with(edge_factory, url, [command(tmp_path, f"echo {CANARY} >&2\nexit 7")])
        sipp.run("uac_call", edge.address, pause_ms=300)
        return edge

    async with scripted_engine(talks) as engine:
        edge = await asyncio.to_thread(call, engine.url)
        assert not engine.requests
    failed = edge.wait_event("engine.key_failed")
    assert failed["error"] == "it has ended with status 7"
    assert [event["engine"] for event in edge.events(name="engine.in_use")] == ["backup"]
    assert CANARY not in edge.log


async def test_M1_a_key_that_is_refused_is_fetched_anew_once(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path
) -> None:
    """A token that was withdrawn before its time costs the caller one more run."""

    def call(url: str) -> Edge:
        edge = edge_with(edge_factory, url, [command(tmp_path)])
        wait_until(lambda: runs(tmp_path), 10, "the run at the start")
        sipp.run("uac_call", edge.address, pause_ms=300)
        return edge

    def answer(request: Request) -> Answer | None:
        withdrawn = request.headers["Authorization"] == "Bearer token-1"
        return (HTTPStatus.UNAUTHORIZED, {}, "no") if withdrawn else None

    async with scripted_engine(talks, answer=answer) as engine:
        edge = await asyncio.to_thread(call, engine.url)
        keys = [request.headers["Authorization"] for request in engine.requests]
    assert keys == ["Bearer token-1", "Bearer token-2"]
    assert [event["kind"] for event in edge.events(name="engine.failed")] == ["unauthorized"]
