"""The status callback of calls that come in by a route with `voice_status_url`: answered, refused,
given up, and without a document. The signatures are judged by Twilio's own library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from twilio.twiml.voice_response import VoiceResponse

from sipua.bridge.engines.twilio_stream.sids import call_sid
from support.calls.edge import Edge
from support.calls.hook_server import answer, later
from support.engine.voice_server import VoiceServer
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
Parameters = Mapping[str, str]

PAUSED_S = 2


def document(_: Parameters) -> VoiceResponse:
    page = VoiceResponse()
    page.pause(length=PAUSED_S)
    return page


def refusal(reason: str) -> Callable[[Parameters], VoiceResponse]:
    page = VoiceResponse()
    page.reject(reason=reason)
    return lambda _: page


def nothing(_: Parameters) -> Any:
    return answer(204)


@pytest.fixture
def server() -> Iterator[VoiceServer]:
    pages = {
        "/voice": document,
        "/busy": refusal("busy"),
        "/rejected": refusal("rejected"),
        "/none": lambda _: answer(500),
        "/late": lambda _: later(3, answer(204)),
        "/status": nothing,
    }
    with VoiceServer(pages) as server:
        yield server


def led(server: VoiceServer, page: str = "/voice", **route: Any) -> dict[str, Any]:
    keys = {
        "name": "led",
        "voice_url": server.url(page),
        "voice_status_url": server.url("/status?of=led"),
        **route,
    }
    return {"twilio": server.config, "routes": [keys]}


def told(server: VoiceServer, edge: Edge) -> Parameters:
    """Once, of the one call that there was."""
    ended = edge.wait_event("call.ended")
    wait_until(lambda: server.of("/status"), 20, "the end is told")
    (form,) = server.of("/status")
    assert (form["CallSid"], form["of"]) == (call_sid(ended["call_id"]), "led")
    assert (form["Direction"], form["SequenceNumber"]) == ("inbound", "0")
    return form


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_end_of_an_answered_call(
    edge_factory: Edges, sipp: Sipp, server: VoiceServer, method: str
) -> None:
    edge = edge_factory(led(server, voice_status_method=method))
    sipp.run("uac_call_ended_by_peer", edge.address)
    form = told(server, edge)
    assert form["CallStatus"] == "completed"
    assert PAUSED_S <= int(form["CallDuration"]) <= 30
    assert form["Duration"] == "1"


@pytest.mark.parametrize(
    ("page", "sip_status", "status"), [("/busy", "486", "busy"), ("/rejected", "603", "no-answer")]
)
def test_a_call_that_is_refused_while_it_rings(  # noqa: PLR0917
    edge_factory: Edges, sipp: Sipp, server: VoiceServer, page: str, sip_status: str, status: str
) -> None:
    edge = edge_factory(led(server, page))
    sipp.run("uac_rejected", edge.address, STATUS=sip_status)
    form = told(server, edge)
    assert (form["CallStatus"], form["CallDuration"]) == (status, "0")


def test_a_caller_who_gives_up(edge_factory: Edges, sipp: Sipp, server: VoiceServer) -> None:
    edge = edge_factory(led(server, "/late"))
    sipp.run("uac_cancel_while_ringing", edge.address)
    assert told(server, edge)["CallStatus"] == "canceled"


def test_a_call_without_a_document(edge_factory: Edges, sipp: Sipp, server: VoiceServer) -> None:
    edge = edge_factory(led(server, "/none", fallback=[{"status": 503}]))
    sipp.run("uac_rejected", edge.address, STATUS="503")
    assert told(server, edge)["CallStatus"] == "failed"


def test_the_last_call_of_an_edge_that_ends_is_told(
    edge_factory: Edges, sipp: Sipp, server: VoiceServer
) -> None:
    edge = edge_factory({**led(server), "calls": {"drain_s": 0}})
    run = sipp.start("uac_call_ended_by_peer", edge.address)
    edge.wait_event("call.confirmed")
    edge.stop()
    assert run.wait(check=False).ok
    assert told(server, edge)["CallStatus"] == "completed"
