"""M1: no engine, no answered call. The caller gets `failure_status` in time, and nothing is kept.

Also what happens to calls when the local agent's process dies: those that run are told, the next
one finds it started again.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from http import HTTPStatus

import pytest

from support.calls.edge import Edge
from support.engine.scripted_engine import scripted_engine
from support.footprint import agents, nothing_kept, settled
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]

CONNECT_TIMEOUT_S = 1.5


def edge_with_engine(edge_factory: Edges, url: str, failure_status: int = 503) -> Edge:
    return edge_factory(
        {
            "engine": {
                "url": url,
                "connect_timeout_s": CONNECT_TIMEOUT_S,
                "failure_status": failure_status,
            }
        }
    )


@contextlib.contextmanager
def closed_port() -> Iterator[str]:
    """Bound, so that no other process can take it, and not listening."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"ws://127.0.0.1:{reserved.getsockname()[1]}/v1/realtime"


@contextlib.contextmanager
def mute_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        yield f"ws://127.0.0.1:{mute.getsockname()[1]}/v1/realtime"


def check_refused(
    edge: Edge, sipp: Sipp, kind: str, status: int = 503, *, retried: bool = True
) -> None:
    """Five at once, after a first one that opens what is opened on first use."""
    sipp.run("uac_rejected", edge.address, STATUS=str(status))
    before = settled(edge.process.pid)
    result = sipp.run("uac_rejected", edge.address, calls=5, rate=100, STATUS=str(status))
    assert result.successful == 5
    assert result.received("SIP/2.0 200") == []
    edge.wait_event("call.ended", count=6)
    failures = edge.events(name="engine.failed")
    assert {event["kind"] for event in failures} == {kind}
    assert (len(failures) > 6) is retried, "more than one attempt for a call"
    assert all(event["call_id"] for event in failures)
    ends = edge.events(name="call.ended")
    assert {(event["end"]["by"], event["end"]["sip"]["status"]) for event in ends} == {
        ("edge", status)
    }
    assert {event["end"]["reason"] for event in ends} == {"engine_unreachable"}
    assert {event["end"]["detail"] for event in ends} == {f"engine: {kind}"}
    nothing_kept(edge.process.pid, before)


def test_M1_a_closed_port(edge_factory: Edges, sipp: Sipp) -> None:
    with closed_port() as url:
        check_refused(edge_with_engine(edge_factory, url), sipp, "refused")


def test_M1_an_engine_that_never_answers_is_given_up_in_time(
    edge_factory: Edges, sipp: Sipp
) -> None:
    with mute_server() as url:
        edge = edge_with_engine(edge_factory, url)
        check_refused(edge, sipp, "timeout", retried=False)
        result = sipp.run("uac_rejected", edge.address, STATUS="503")
        invite = next(m for m in result.messages if m.sent)
        (final,) = result.received("SIP/2.0 503")
        assert CONNECT_TIMEOUT_S * 0.9 < (final.at_s - invite.at_s) % 86400 < CONNECT_TIMEOUT_S + 20


@pytest.mark.parametrize(
    ("answer", "kind", "retried"),
    [
        (HTTPStatus.UNAUTHORIZED, "unauthorized", False),
        (HTTPStatus.FORBIDDEN, "forbidden", False),
        (HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", True),
        (HTTPStatus.INTERNAL_SERVER_ERROR, "server", True),
    ],
)
async def test_M1_an_engine_that_refuses_is_asked_again_only_if_that_may_help(
    edge_factory: Edges, sipp: Sipp, answer: HTTPStatus, kind: str, retried: bool
) -> None:
    async with scripted_engine(answer=(answer, {}, "no")) as engine:
        edge = await asyncio.to_thread(edge_with_engine, edge_factory, engine.url, 480)
        await asyncio.to_thread(check_refused, edge, sipp, kind, 480, retried=retried)
        assert (len(engine.requests) > 6) is retried
        assert {event["status"] for event in edge.events(name="engine.failed")} == {int(answer)}


def test_M2_calls_outlive_the_agents_process(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory()
    (agent,) = agents(edge.process.pid)
    calls = sipp.start("uac_call", edge.address, calls=3, rate=100, until_told=True)
    edge.wait_event("call.confirmed", count=3)
    os.kill(agent, signal.SIGKILL)
    edge.wait_event("agent.restarted")
    wait_until(lambda: agents(edge.process.pid) not in ([], [agent]), 5, "another agent")
    edge.wait_event("engine.in_use", count=6)
    calls.hang_up()
    assert calls.wait().successful == 3  # each went on until it was hung up
    used = [event["why"] for event in edge.events(name="engine.in_use")]
    assert sorted(used) == ["first"] * 3 + ["reconnected"] * 3
    edge.wait_event("call.ended", count=3)
    assert {event["end"]["by"] for event in edge.events(name="call.ended")} == {"caller"}
