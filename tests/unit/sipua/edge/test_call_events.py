"""The events of calls as the edge passes them on: each call has one last event, whoever dies."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from sipua.calls.facts import CallFacts
from sipua.calls.legs.orders import PlaceLeg
from sipua.calls.steer.place_request import PlaceRequest
from sipua.config import Config
from sipua.edge.calls.edge_calls import EdgeCalls
from sipua.edge.placing.ready_leg import ReadyLeg
from sipua.edge.workers.workers import Workers
from sipua.events.edge_events import EventsLost
from sipua.events.ending import Reason
from sipua.events.event import Event
from sipua.events.stream import EventStream, Happened
from sipua.events.teller import ENDED, Told
from sipua.rtp.ports import NoPortsLeft, ReservedPort
from sipua.sip.messages import (
    CallConfirmed,
    CallEnded,
    EndedBy,
    Hangup,
    IncomingCall,
    SipCommand,
)
from sipua.worker.link.channel import Descriptor
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import CallOver, EndCall, Pong, TakeCall, ToWorker

SIP = "<sip:+49301234567@h>"


class FakeWorkers:
    """One worker, which does what the test says."""

    def __init__(self) -> None:
        self.supervisor = self
        self.sent: list[ToWorker] = []
        self.full = False
        self.worker: int | None = 1
        self.slots = {1: SimpleNamespace(ended_at=math.inf)}

    def choose(self) -> int | None:
        return self.worker

    def over(self, _worker: int) -> None:
        """It has one call less."""

    def call_ended(self, _worker: int, *, failed: bool) -> None:
        """Whether it may be trusted is the supervisor's."""

    def missing_s(self) -> float:
        return 1.5

    def send(self, _worker: int, message: ToWorker, _passed: Sequence[Descriptor] = ()) -> None:
        if self.full:
            raise LinkError("256 messages wait")
        self.sent.append(message)


async def make_leg(_order: PlaceLeg) -> ReadyLeg:
    raise NoPortsLeft("no test here has a second leg")


class FakePorts:
    def release(self, *_: object) -> None:
        """It is free."""


class Edge:
    def __init__(self) -> None:
        self.workers = FakeWorkers()
        self.commands: list[SipCommand] = []
        self.told: list[Happened] = []
        self.stream = EventStream("edge")
        self.stream.subscribe(self.told.append)
        self.calls = EdgeCalls(
            Config.model_validate({"engine": {"url": "ws://127.0.0.1:9/x"}}),
            self.workers,  # type: ignore[arg-type]  # a stand-in, as the next one
            FakePorts(),  # type: ignore[arg-type]
            self.commands.append,
            self.stream,
            make_leg=make_leg,
        )
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = ReservedPort(16384, sock, sock)

    def begin(self) -> None:
        source = ("192.0.2.1", 5060)
        call = IncomingCall("c-1", "abc", SIP, SIP, "sip:1@h", source, "anyone", self.port, 0.0)
        self.calls.begin(call)

    def worker_tells(self, event: str, call_id: str = "c-1") -> None:
        self.calls.on_told(Told(event, 1.5, call_id, b'{"by":"worker"}'))

    @property
    def types(self) -> list[str]:
        return [one.told.type for one in self.told]

    @property
    def last(self) -> dict[str, Any]:
        assert self.types.count(ENDED) == 1
        assert self.told[-1].told.call_id == "c-1"
        told: dict[str, Any] = json.loads(self.told[-1].told.data)
        return told


@pytest.fixture
def edge() -> Iterator[Edge]:
    edge = Edge()
    yield edge
    edge.port.rtp_socket.close()


def test_an_incoming_call_is_told_before_its_worker_can_tell_anything(edge: Edge) -> None:
    edge.begin()
    assert edge.types == ["call.incoming", "call.ringing"]
    assert isinstance(edge.workers.sent[0], TakeCall)


def test_H10_a_worker_that_dies_before_it_has_told_the_end(edge: Edge) -> None:
    edge.begin()
    edge.calls.on_signal(CallConfirmed("c-1"))
    edge.calls.on_worker_lost(1, "killed by signal 9")
    assert edge.last["status"] == "completed"
    assert edge.last["end"] == {
        "by": "edge",
        "reason": "worker_died",
        "fault": "edge",
        "detail": "internal error: worker 1: killed by signal 9",
    }
    assert edge.last["from"] == "…4567"
    assert edge.commands[-1] == Hangup("c-1", 500, fault="media worker failed")


def test_H10_a_worker_that_dies_after_it_has_told_the_end(edge: Edge) -> None:
    edge.begin()
    edge.worker_tells(ENDED)
    edge.calls.on_worker_lost(1, "killed")
    assert edge.last == {"by": "worker"}


def test_H10_a_caller_who_has_hung_up_is_not_the_fault_of_the_worker_that_dies(
    edge: Edge,
) -> None:
    edge.begin()
    edge.calls.on_signal(CallConfirmed("c-1"))
    edge.calls.on_signal(CallEnded("c-1", EndedBy.PEER, 200, "OK"))
    edge.calls.on_worker_lost(1, "killed")
    assert (edge.last["end"]["by"], edge.last["end"]["reason"]) == ("caller", "hangup")


def test_H10_a_worker_that_has_hung_up_and_dies_before_it_says_why(edge: Edge) -> None:
    edge.begin()
    edge.calls.on_message(1, Hangup("c-1"))
    edge.calls.on_signal(CallEnded("c-1", EndedBy.US, 503, "Service Unavailable"))
    edge.calls.on_worker_lost(1, "killed")
    assert (edge.last["status"], edge.last["end"]["reason"]) == ("failed", "worker_died")
    assert edge.last["end"]["sip"]["status"] == 503


def test_a_shutdown_is_the_reason_even_when_the_worker_dies_of_it(edge: Edge) -> None:
    edge.begin()
    edge.calls.hang_up_all(Reason.SHUTDOWN, "the edge is shutting down", 503)
    assert edge.workers.sent[-1] == EndCall(
        "c-1", Reason.SHUTDOWN, "the edge is shutting down", 503
    )
    edge.calls.on_worker_lost(1, "killed")
    assert edge.last["end"]["reason"] == "shutdown"


def test_a_call_that_no_worker_can_be_told_of_has_an_end(edge: Edge) -> None:
    edge.workers.full = True
    edge.begin()
    assert edge.types == ["call.incoming", "call.ringing", "call.ended"]
    assert (edge.last["status"], edge.last["end"]["reason"]) == ("failed", "internal_error")
    assert edge.commands == [Hangup("c-1", 500)]
    assert len(edge.calls) == 0


def test_a_call_of_ours_that_no_worker_can_be_told_of_has_an_end(edge: Edge) -> None:
    edge.workers.full = True
    began = datetime(2026, 3, 1, tzinfo=UTC)
    facts = CallFacts("c-1", "outgoing", "<sip:a@a>", SIP, "pbx", "", began)
    with pytest.raises(LinkError):
        edge.calls.place(facts, edge.port, PlaceRequest("+49301234567", "pbx"))
    assert edge.types == ["call.placing", "call.ended"]
    assert edge.last["to"] == "…4567", "no more of a number than the record may have"


def test_a_call_that_its_worker_could_not_make_has_an_end(edge: Edge) -> None:
    edge.begin()
    edge.calls.on_message(1, Hangup("c-1", 500))
    edge.calls.on_message(1, CallOver("c-1", summary="not answered: internal error", failed=True))
    assert edge.last["end"]["reason"] == "internal_error"


def test_the_end_that_the_worker_has_told_is_the_only_one(edge: Edge) -> None:
    edge.begin()
    edge.worker_tells("call.answered")
    edge.worker_tells(ENDED)
    edge.calls.on_message(1, CallOver("c-1", answered=True))
    assert edge.types == ["call.incoming", "call.ringing", "call.answered", "call.ended"]
    assert edge.last == {"by": "worker"}


def test_without_a_worker_it_is_no_call(edge: Edge) -> None:
    edge.workers.worker = None
    edge.begin()
    assert edge.commands == [Hangup("c-1", 503, "No Worker", 2)]
    (rejected,) = edge.told
    assert (rejected.told.type, rejected.told.call_id) == ("call.rejected", "")
    data = json.loads(rejected.told.data)
    assert (data["status"], data["cause"], data["from"]) == (503, "no worker is ready", "…4567")


def test_events_that_a_worker_could_not_pass_on_are_told_as_a_count() -> None:
    told: list[Event] = []
    workers = Workers(
        Config.model_validate({"engine": {"url": "ws://127.0.0.1:9/x"}}),
        count=1,
        tell=told.append,
        on_message=lambda *_: None,
        on_lost=lambda *_: None,
        on_hopeless=lambda _: None,
    )
    workers._take(1, Pong())
    workers._take(1, Pong(events_missed=7))
    assert told == [EventsLost(worker=1, count=7)]
