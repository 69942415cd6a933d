"""The view of calls and edge, from events alone; the ring that readers come back to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipua.control.link.state import State
from sipua.control.view import calls as calls_view
from sipua.control.view.calls import CallsView
from sipua.control.view.ring import Filter, Ring
from sipua.events.stream import Happened
from sipua.events.teller import Told

INCOMING = {
    "sip_call_id": "x@y",
    "from": "…1234",
    "to": "sip:agent@pbx",
    "source": "192.0.2.1:5060",
    "origin": "pbx",
    "route": "night",
    "rtp_port": 20_000,
    "worker": 1,
}
MEDIA = {
    "codec": "PCMA",
    "remote": "192.0.2.1:9",
    "direction": "sendrecv",
    "ssrc": "0000000a",
}
ENDED = {
    "status": "completed",
    "end": {"by": "caller", "reason": "hangup"},
    "duration_s": 2.5,
    "rtp": {"sent": 10},
}


class Events:
    def __init__(self) -> None:
        self._numbers: Iterator[int] = count(1)

    def __call__(self, kind: str, call_id: str = "c-1", **data: Any) -> Happened:
        number = next(self._numbers)
        told = Told(kind, 1000.0 + number, call_id, json.dumps(data).encode())
        return Happened(number, told, "boot", "edge")


@pytest.fixture
def event() -> Events:
    return Events()


def test_the_story_of_a_call(event: Events) -> None:
    view = CallsView()
    view.apply(event("call.incoming", **INCOMING))
    call = view.up["c-1"]
    assert (call.state, call.from_uri, call.route) == ("ringing", "…1234", "night")
    for kind, data in (
        ("engine.in_use", {"engine": "main"}),
        ("call.answered", {"setup_ms": 5}),
        (
            "call.media",
            {"codec": "PCMA", "remote": "192.0.2.1:9", "direction": "sendrecv", "ssrc": "0000000a"},
        ),
        ("turn.caller", {"turn": 1, "item": "i1", "start_ms": 100, "end_ms": 900}),
        ("turn.agent", {"turn": 1, "item": "i2", "start_ms": 1500, "end_ms": 2500}),
        ("turn.text", {"who": "caller", "item": "i1", "text": "hello"}),
        ("turn.latency", {"total_ms": 640}),
        ("call.held", {}),
        ("call.steered", {"act": "mute", "status": "done", "about": "agent", "on": True}),
        ("call.unheard_of", {"a": 1}),
    ):
        view.apply(event(kind, **data))
    assert (call.state, call.engine_up, call.held) == ("active", True, True)
    assert (call.turns, call.latency, call.muted) == (1, {"total_ms": 640}, {"agent"})
    assert [(span.who, span.from_ms, span.until_ms) for span in call.spans] == [
        ("caller", 100, 900),
        ("agent", 1500, 2500),
    ]
    assert [words.text for words in call.words] == ["hello"]
    view.apply(event("engine.outage"))
    view.apply(event("call.resumed"))
    assert (call.engine_up, call.held) == (False, False)
    view.apply(event("call.ended", **ENDED))
    assert "c-1" not in view.up
    assert view.get("c-1") is call
    assert (call.state, call.status, call.stats) == ("ended", "completed", {"rtp": {"sent": 10}})
    view.apply(event("call.media", codec="x", remote="", direction="", ssrc=""))
    assert call.media is not None
    assert call.media.codec == "PCMA", "nothing follows the end"


def test_a_call_that_we_place_rings_when_the_other_side_says_so(event: Events) -> None:
    view = CallsView()
    view.apply(event("call.placing", to="+49", account="pbx", route="", worker=2, by="one"))
    call = view.up["c-1"]
    assert (call.direction, call.state, call.by) == ("outgoing", "placing", "one")
    view.apply(event("call.progress", status=100))
    assert call.state == "placing"
    view.apply(event("call.progress", status=183))
    assert call.state == "ringing"
    view.apply(event("call.confirmed"))
    assert call.state == "active"


def test_the_ended_are_bounded_and_the_newest_come_first(
    event: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_view, "ENDED_KEPT", 3)
    view = CallsView()
    for number in range(6):
        view.apply(event("call.incoming", f"c-{number}", **INCOMING))
    for number in range(5):
        view.apply(event("call.ended", f"c-{number}", **ENDED))
    assert [call.id for call in view.newest_first()] == ["c-5", "c-4", "c-3", "c-2"]


def test_what_the_edge_has_lost_meanwhile_has_ended(event: Events) -> None:
    view = CallsView()
    for number in range(3):
        view.apply(event("call.incoming", f"c-{number}", **INCOMING))
    view.keep_only(["c-1"])
    assert list(view.up) == ["c-1"]


def test_the_edge_in_a_view(event: Events) -> None:
    state = State()
    state.take(
        [
            event("worker.ready", "", worker=1, pid=7, at_start=True),
            event("registration.waiting", "", account="a", registrar="r", waited_s=5, fix="wait"),
            event("registration.ok", "", account="a", registrar="r", expires_s=60),
            event("trunk.resolved", "", origin="t", name="n", addresses=["192.0.2.1"]),
            event(
                "call.rejected",
                "",
                status=403,
                reason="Forbidden",
                sip_call_id="i",
                to="t",
                source="s",
                kept_back=4,
                **{"from": None},
            ),
            event("worker.died", "", worker=1, cause="killed", deaths=1),
            event("edge.listening", ""),
        ]
    )
    edge = state.edge
    assert (edge.registrations["a"].state, edge.registrations["a"].fix) == ("registered", None)
    assert edge.names["t"]["n"].addresses == ["192.0.2.1"]
    assert (edge.workers[1].ready, edge.workers[1].cause) == (False, "killed")
    assert (edge.refused, edge.refusals[0].status, edge.listening) == (5, 403, True)


def test_a_registrar_that_fails_while_another_one_has_the_account(event: Events) -> None:
    state = State()
    failed = {"account": "a", "status": 408, "reason": "r", "retry_in_s": 1.0, "fix": "f"}
    state.take(
        [
            event("registration.failed", "", registrar="first", **failed),
            event("registration.ok", "", account="a", registrar="second", expires_s=60),
            event("registration.failed", "", registrar="first", meanwhile="second", **failed),
        ]
    )
    one = state.edge.registrations["a"]
    assert (one.state, one.registrar) == ("registered", "second")


def test_an_event_that_cannot_be_shown_costs_no_other_one(event: Events) -> None:
    state = State()
    broken = event("call.incoming", "c-0", nonsense=1)
    with capture_logs() as lines:
        state.take([broken, event("call.incoming", **INCOMING)])
    assert list(state.calls.up) == ["c-1"]
    assert [line["event"] for line in lines] == ["api.view_failed"]
    assert len(state.ring.after(0) or []) == 2


def test_the_ring_tells_a_gap_from_the_end(event: Events) -> None:
    ring = Ring(most=3)
    assert ring.after(0) == []
    ring.add([event("call.ringing") for _ in range(5)])

    def numbers(after: int) -> list[int] | None:
        kept = ring.after(after)
        return None if kept is None else [one.happened.sequence for one in kept]

    assert [numbers(after) for after in (1, 2, 4, 5, 6)] == [None, [3, 4, 5], [5], [], None]
    assert ring.position("boot-4") == 4
    for wrong in ("other-4", "boot-", "boot-x", "4", "", "boot--4", f"boot-{10**30}", "boot-٣"):
        assert ring.position(wrong) is None
    lost = [event("call.ringing") for _ in range(3)][-1]
    ring.add([lost])
    assert numbers(5) is None, "what was lost on the way is a gap, too"
    assert numbers(7) == [8]


def test_a_filter(event: Events) -> None:
    one = event("call.answered")
    assert Filter().takes(one)
    assert Filter(("call.*",)).takes(one)
    assert Filter(("turn.*", "call.answered"), "c-1").takes(one)
    assert not Filter(("call.answer",)).takes(one)
    assert not Filter((), "c-2").takes(one)
