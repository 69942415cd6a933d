"""M1: the engine cannot be reached. What the caller gets instead, for each kind of failure (SIPp).

A second engine, a prompt, another number, a status; and in mid-call the same, once the engine is
gone for good. What the caller hears is recorded: never a call without a word.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.bridge.playout import sounds
from support.calls.edge import Edge
from support.engine.scenarios import scenario
from support.engine.scripted_engine import scripted_engine
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.pbx import GREETING, heard
from support.peers.sipp import Sipp

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]

SORRY = sounds.prompt("sorry")
SUPPORT = "sip:201@pbx.example:5080;user=phone"
BACKUP = {"type": "local"}


@dataclass(frozen=True, slots=True)
class Failure:
    """An engine that cannot be reached, and whether asking it again may help."""

    url: str
    kind: str
    retried: bool
    requests: Sequence[object] = ()


@contextlib.contextmanager
def mute_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        yield f"ws://127.0.0.1:{mute.getsockname()[1]}/v1/realtime"


ANSWERS = {
    "unauthorized": (HTTPStatus.UNAUTHORIZED, {}, "no"),
    "forbidden": (HTTPStatus.FORBIDDEN, {}, "no"),
    "rate_limited": (HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": "0"}, "later"),
    "server": (HTTPStatus.SERVICE_UNAVAILABLE, {}, "oh"),
}
RETRIED = {"rate_limited", "server", "dns", "timeout"}


@contextlib.asynccontextmanager
async def failing(kind: str) -> AsyncIterator[Failure]:
    retried = kind in RETRIED
    if kind == "dns":
        yield Failure("ws://nobody.invalid/v1/realtime", kind, retried)
    elif kind == "timeout":
        with mute_server() as url:
            yield Failure(url, kind, retried)
    else:
        async with scripted_engine(answer=ANSWERS[kind]) as engine:
            yield Failure(engine.url, kind, retried, engine.requests)


def edge_without_engine(
    edge_factory: Edges, failure: Failure, fallback: list[dict[str, Any]], **calls: Any
) -> Edge:
    return edge_factory(
        {
            "engine": {"url": failure.url, "connect_timeout_s": 1.5},
            "engines.backup": BACKUP,
            "calls": {"fallback": fallback, **calls},
        }
    )


KINDS = ["unauthorized", "forbidden", "rate_limited", "server", "dns", "timeout"]


@pytest.mark.parametrize("kind", KINDS)
async def test_M1_a_second_engine_takes_the_call(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, kind: str
) -> None:
    def run(failure: Failure) -> tuple[Edge, audio.Pcm]:
        edge = edge_without_engine(edge_factory, failure, [{"engine": "backup"}])
        media = far_end(1, np.zeros(1600, np.int16))
        sipp.run("uac_call", edge.address, media=media, pause_ms=6000)
        (stream,) = media.finish()
        return edge, stream.pcm()

    async with failing(kind) as failure:
        edge, sound = await asyncio.to_thread(run, failure)
        assert heard(GREETING, sound) < 3000, "it waited for the answer"
        assert {event["kind"] for event in edge.events(name="engine.failed")} == {kind}
        assert [event["engine"] for event in edge.events(name="engine.in_use")] == ["backup"]
        if failure.requests:
            assert (len(failure.requests) > 1) is failure.retried
        ended = edge.wait_event("call.ended")
        assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)


@pytest.mark.parametrize("kind", ["unauthorized", "timeout"])
async def test_M1_a_prompt_is_heard_whole_and_then_the_call_ends(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, kind: str
) -> None:
    def run(failure: Failure) -> tuple[Edge, audio.Pcm]:
        edge = edge_without_engine(edge_factory, failure, [{"prompt": "sorry"}])
        media = far_end(1, np.zeros(1600, np.int16))
        sipp.run("uac_call_ended_by_peer", edge.address, media=media)
        (stream,) = media.finish()
        return edge, stream.pcm()

    async with failing(kind) as failure:
        edge, sound = await asyncio.to_thread(run, failure)
        assert heard(SORRY, sound) < 3000
        assert len(sound) / 8 < len(SORRY) / 8 + 700, "then the end, at once"
        ended = edge.wait_event("call.ended")
        assert (ended["end"]["by"], ended["end"]["detail"]) == ("edge", f"engine: {kind}")


async def test_M1_another_number_is_a_redirection_before_the_answer(
    edge_factory: Edges, sipp: Sipp
) -> None:
    async with failing("forbidden") as failure:
        steps = [{"transfer": SUPPORT}]
        edge = await asyncio.to_thread(edge_without_engine, edge_factory, failure, steps)
        result = await asyncio.to_thread(sipp.run, "uac_rejected", edge.address, STATUS="302")
        (redirection,) = result.received("SIP/2.0 302")
        contacts = [line for line in redirection.text.split("\n") if line.startswith("Contact:")]
        assert contacts == [f"Contact: <{SUPPORT}>"]
        assert len(failure.requests) == 1
        ended = edge.wait_event("call.ended")
        assert (ended["status"], ended["end"]["reason"]) == ("redirected", "redirected")
        assert ended["end"]["sip"]["status"] == 302


async def test_M1_another_number_is_a_transfer_after_the_answer(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    def run(failure: Failure) -> tuple[Edge, audio.Pcm]:
        steps = [{"prompt": "sorry"}, {"transfer": SUPPORT}]
        edge = edge_without_engine(edge_factory, failure, steps, answer="at_once")
        media = far_end(1, np.zeros(1600, np.int16))
        result = sipp.run("uac_is_transferred", edge.address, media=media)
        assert f"Refer-To: <{SUPPORT}>" in result.received("REFER sip:")[0].text
        (stream,) = media.finish()
        return edge, stream.pcm()

    async with failing("unauthorized") as failure:
        edge, sound = await asyncio.to_thread(run, failure)
        heard(SORRY, sound)
        ended = edge.wait_event("call.ended")
        assert (ended["end"]["by"], ended["end"]["reason"]) == ("agent", "transferred")
        assert edge.wait_event("call.transferred")["target"] == SUPPORT


async def test_M1_a_status_of_our_choice(edge_factory: Edges, sipp: Sipp) -> None:
    async with failing("unauthorized") as failure:
        edge = await asyncio.to_thread(
            edge_without_engine, edge_factory, failure, [{"status": 480}]
        )
        await asyncio.to_thread(sipp.run, "uac_rejected", edge.address, STATUS="480")
        assert edge.wait_event("call.ended")["end"]["sip"]["status"] == 480


async def test_M1_a_phone_does_not_ring_longer_than_it_may(edge_factory: Edges, sipp: Sipp) -> None:
    """Whatever the engine's time-outs are: 480, and no fallback that would answer."""
    async with failing("timeout") as failure:
        edge = await asyncio.to_thread(
            edge_without_engine, edge_factory, failure, [{"prompt": "sorry"}], ring_timeout_s=1
        )
        result = await asyncio.to_thread(sipp.run, "uac_rejected", edge.address, STATUS="480")
        assert result.received("SIP/2.0 180"), "it rang before"
        end = edge.wait_event("call.ended")["end"]
        assert (end["reason"], end["detail"]) == ("ring_timeout", "not answered within 1 s")


def test_M2_when_the_engine_is_gone_for_good_the_caller_is_told_and_the_call_ends(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    """Without any configuration: the built-in prompt, whole, and then BYE."""
    rehearsal = scenario(
        tmp_path,
        """\
        [[connect]]
        ok = true
        [[connect]]
        status = 401
        times = 0
        [[steps]]
        on = "greeting"
        tone_ms = 1000
        close = 1011
        after_ms = 1000
        """,
    )
    edge = edge_factory({"agent": {"scenario": rehearsal}})
    media = far_end(1, np.zeros(1600, np.int16))
    sipp.run("uac_call_ended_by_peer", edge.address, media=media)
    (stream,) = media.finish()
    at_ms = heard(SORRY, stream.pcm())
    assert len(stream.pcm()) / 8 < at_ms + len(SORRY) / 8 + 700
    gone = edge.wait_event("engine.gone")
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["reason"], ended["end"]["fault"]) == ("engine_lost", "engine")
    assert ended["end"]["detail"].endswith(gone["cause"])
