"""Traces of real calls: what a collector gets is read with OpenTelemetry's own types."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.calls.steer.commands import (
    HangUp,
    Inject,
    Play,
    PressKeys,
    Say,
    SetMetadata,
    Transfer,
)
from support.calls.edge import Config, Edge
from support.calls.hook_server import HookServer, Received, answer, later
from support.calls.otlp_receiver import Seen, trees, within
from support.calls.rehearsed_call import GREETING_MS, SAID, SAID_MS
from support.calls.steered_edge import SteeredEdge
from support.engine.scenarios import scenario
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.raw_caller import RawCaller
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]


def received(server: HookServer, count: int = 1) -> list[Seen]:
    return wait_until(
        lambda: found if len(found := trees(server.requests)) >= count else [], 15, "the trace"
    )


def config(url: str, **traces: Any) -> dict[str, Any]:
    return {"traces": {"enabled": True, "endpoint": url, **traces}}


@pytest.mark.sound
def test_a_call_with_a_tool_an_interruption_and_an_outage(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd], tmp_path: Path
) -> None:
    plan = scenario(
        tmp_path,
        """
        [[steps]]
        on = "greeting"

        [[steps]]
        on = "speech"
        scope = "server"
        call = [{ name = "find_order", arguments = { order = "4711" } }]

        [[steps]]
        on = "tool_result"
        scope = "server"
        tone_ms = 8000

        [[steps]]
        on = "speech"
        scope = "server"
        close = 1011
        after_ms = 300
        tone_ms = 4000

        [[steps]]
        on = "any"
        tone_ms = 1000
        """,
    )
    caller = np.concatenate(
        [audio.silence(GREETING_MS + 500), SAID, audio.silence(3500), SAID, audio.silence(3000)]
    )
    with (
        HookServer([answer(200)]) as collector,
        HookServer([later(0.5, answer(200, b"canary"))]) as crm,
        HookServer([answer(200)]) as events,
    ):
        tool = {
            "name": "find_order",
            "description": "Looks up an order by its number.",
            "url": f"{crm.url}/find",
        }
        hook = {"name": "crm", "url": events.url, "allow": ["127.0.0.1", "::1"]}
        edge = edge_factory(
            {
                **config(f"{collector.url}/"),
                "agent": {"scenario": plan, "journal": tmp_path / "journal.jsonl"},
                "engine": {"turn_detection": {"silence_duration_ms": 300}},
                "tools": {"webhooks": [tool]},
                "webhooks": [hook],
                "webhook_spool": {"directory": tmp_path / "spool"},
                "record": {"enabled": True, "directory": tmp_path / "records"},
            }
        )
        media = far_end(1, caller)
        call_ms = GREETING_MS + 2 * SAID_MS + 8000
        sipp.run("uac_call", edge.address, media=media, pause_ms=round(call_ms))
        media.finish()
        (root,) = received(collector)
        wait_until(
            lambda: any(one.json["type"] == "call.ended" for one in events.requests), 15, "the end"
        )
    assert collector.requests[0].path == "/v1/traces"
    within(root)
    tree = tree_of(root)
    tree["turn"] -= {"model", "playout"}  # stages of less than a millisecond are none
    assert tree == {
        "call": {"setup", "engine connect", "engine outage", "turn", "execute_tool find_order"},
        "setup": {"ringing", "ack"},
        "turn": {"caller", "endpointing", "tools", "agent"},
    }
    times_are_those_of_the_events(root, edge)
    (first, answered, cut_off) = root.named("turn")
    assert {span.name for span in first.children} <= {"model", "playout", "agent"}
    assert first.attributes["sipua.turn.of"] == "greeting"
    assert answered.attributes["sipua.turn.of"] == "caller"
    assert answered.one("agent").attributes["sipua.cut"] == "caller"
    assert answered.one("tools").end_s - answered.one("tools").start_s > 0.4
    assert len(cut_off.named("agent")) == 2
    assert [happened.name for happened in root.happenings].count("interrupted") == 1
    assert (root.failed, root.one("engine outage").failed) == (False, True)
    assert root.resource["service.name"] == "sipua"
    goes_out_with_everything(root, crm.requests, events.requests)
    (ended,) = edge.events(name="call.ended")
    lines = [line for line in edge.events(call_id=ended["call_id"]) if line["event"] in TOLD]
    assert {line["event"] for line in lines} == TOLD
    assert {line["trace_id"] for line in lines} == {root.trace_id}
    (record,) = (tmp_path / "records").rglob("*.jsonl")
    first, *_ = record.read_text().splitlines()
    assert json.loads(first)["trace_id"] == root.trace_id


TOLD = {"call.incoming", "call.answered", "call.ended", "turn.caller", "tool.done", "engine.outage"}


def tree_of(root: Seen) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for span in root.all():
        if span.children:
            found.setdefault(span.name, set()).update(child.name for child in span.children)
    return found


def times_are_those_of_the_events(root: Seen, edge: Edge) -> None:
    """To a hundredth of a second: the line of the log is written just before the event."""

    def at_s(name: str) -> list[float]:
        return [datetime.fromisoformat(event["ts"]).timestamp() for event in edge.events(name=name)]

    def near(ours: list[float], theirs: list[float]) -> None:
        assert ours == pytest.approx(theirs, abs=0.05)

    setup, outage, tool = (
        root.one(name) for name in ("setup", "engine outage", "execute_tool find_order")
    )
    near([root.start_s, root.end_s], at_s("call.incoming") + at_s("call.ended"))
    near([setup.start_s, setup.end_s], at_s("call.incoming") + at_s("call.confirmed"))
    near([outage.start_s, outage.end_s], at_s("engine.outage") + at_s("engine.in_use")[1:])
    near([tool.start_s, tool.end_s], at_s("tool.called") + at_s("tool.done"))
    (answered_s,) = at_s("call.confirmed")
    for event, name in (("turn.caller", "caller"), ("turn.agent", "agent")):
        told = sorted(edge.events(name=event), key=lambda one: float(one["start_ms"]))
        spans = root.named(name)
        near([span.start_s for span in spans], [answered_s + e["start_ms"] / 1000 for e in told])
        near([span.end_s for span in spans], [answered_s + e["end_ms"] / 1000 for e in told])


def goes_out_with_everything(
    root: Seen, tools: Sequence[Received], events: Sequence[Received]
) -> None:
    """The trace's context, to the tool as its span and to the receiver of events as the call's."""
    (asked,) = tools
    tool = root.one("execute_tool find_order")
    assert asked.headers["traceparent"] == f"00-{root.trace_id}-{tool.span_id}-01"
    context = f"00-{root.trace_id}-{root.span_id}-01"
    for one in events:
        of_call = "subject" in one.json
        assert one.headers.get("traceparent") == (context if of_call else None)
        assert one.json.get("traceparent") == (context if of_call else None)
    ids = {one.json["data"].get("trace_id") for one in events if one.json["type"] in FIRST_AND_LAST}
    assert ids == {root.trace_id}


FIRST_AND_LAST = {"call.incoming", "call.ended"}


OUTSIDE = f"00-{'ab' * 16}-{'cd' * 8}-01"
ANOTHER = f"00-{'12' * 16}-{'34' * 8}-01"
INSIDE_HOST, OTHER_HOST = "127.0.0.2", "127.0.0.3"
TRUNKS = [
    {"name": "inside", "hosts": [INSIDE_HOST], "traceparent": True},
    {"name": "other", "hosts": [OTHER_HOST]},
]


def test_a_trunk_that_may_say_so_calls_within_its_trace_and_no_other_peer_does(
    edge_factory: Edges,
) -> None:
    good: list[tuple[str, dict[str, str]]] = [
        (INSIDE_HOST, {"traceparent": OUTSIDE}),
        (INSIDE_HOST, {"X-Traceparent": OUTSIDE}),
        (INSIDE_HOST, {"TraceParent": f"  {OUTSIDE}"}),
    ]
    bad: list[tuple[str, dict[str, str]]] = [
        (OTHER_HOST, {"traceparent": OUTSIDE}),
        (LOOPBACK, {"traceparent": OUTSIDE}),
        (INSIDE_HOST, {}),
        (INSIDE_HOST, {"traceparent": OUTSIDE, "Traceparent": ANOTHER}),
        (INSIDE_HOST, {"traceparent": f"{OUTSIDE}, {ANOTHER}"}),
        (INSIDE_HOST, {"traceparent": OUTSIDE.upper()}),
        (INSIDE_HOST, {"traceparent": f"{OUTSIDE[:-2]}\r\n 01"}),
        (INSIDE_HOST, {"traceparent": "\udcff" * 55}),
        (INSIDE_HOST, {"traceparent": f"00-{'0' * 32}-{'0' * 16}-00"}),
        (INSIDE_HOST, {"traceparent": "a" * 40_000}),
    ]
    with HookServer([answer(200)]) as collector:
        edge = edge_factory({**config(collector.url), "trunks": TRUNKS})
        for host, says in (*good, *bad):
            with RawCaller(edge.address, host=host, says=says) as caller:
                talk(caller)
        received(collector, len(good) + len(bad))
        roots = trees(collector.requests)
    calls = [event["call_id"] for event in edge.events(name="call.incoming")]
    assert len(calls) == len(good) + len(bad)
    by_call = {root.attributes["sipua.call_id"]: root for root in roots}
    for call_id in calls[: len(good)]:
        root = by_call[call_id]
        assert (root.trace_id, root.parent_id) == ("ab" * 16, "cd" * 8)
    own = [by_call[call_id] for call_id in calls[len(good) :]]
    assert {root.parent_id for root in own} == {""}
    assert len({root.trace_id for root in own} - {"ab" * 16, "12" * 16}) == len(bad)


def talk(caller: RawCaller) -> None:
    caller.invite()
    assert caller.final("INVITE").status == 200
    caller.ack()
    caller.bye()
    assert caller.final("BYE").status == 200


NUMBER, WORD = "493055571234", "kanarienvogel"


@pytest.mark.parametrize("private", [False, True])
def test_no_number_and_no_word_leaves_unless_that_is_asked_for(
    tmp_path: Path, private: bool
) -> None:
    with HookServer([answer(200)]) as collector:
        told: Config = {
            **config(collector.url, private=private),
            "record": {"numbers": "full", "transcripts": "full"},
            "calls": {"mask_dtmf": False},
        }
        with contextlib.closing(SteeredEdge(tmp_path, told)) as edge:
            a_call_full_of_words(edge)
            (root,) = received(collector)
        bodies = b"".join(request.body for request in collector.requests)
    within(root)
    assert {span.attributes["sipua.command"] for span in root.named("command")} >= {
        *("say", "inject", "press_keys", "play", "hang_up", "set_metadata")
    }
    for text in (NUMBER, WORD):
        assert (text.encode() in bodies) == private
    assert (b"sipua.private." in bodies) == private
    if private:
        said = root.attributes
        assert NUMBER in str(said["sipua.private.from"])
        assert said["sipua.private.metadata.customer"] == f"{WORD} metadata"
        assert root.one("transfer").attributes["sipua.private.target"]


def a_call_full_of_words(edge: SteeredEdge) -> None:
    says = {
        "From": f'"{WORD} from" <sip:{NUMBER}@127.0.0.1>;tag=x',
        "To": f'"{WORD} to" <sip:agent@127.0.0.1>',
        "Subject": f"{WORD} {NUMBER}",
        "User-Agent": WORD,
    }
    with RawCaller(edge.address, says=says) as caller:
        caller.invite()
        caller.final("INVITE")
        caller.ack()
        call_id = str(edge.wait_event("call.confirmed")["call_id"])
        for command in (
            SetMetadata({"customer": f"{WORD} metadata"}),
            Say(f"{WORD} said"),
            Inject("system", f"{WORD} injected"),
            PressKeys(NUMBER),
            Play(f"{WORD}.wav"),
            Transfer(f"sip:{NUMBER}@127.0.0.1"),
            HangUp(f"{WORD} detail"),
        ):
            edge.steer(call_id, command)
        edge.wait_event("call.ended", timeout_s=60)


def test_calls_that_are_not_drawn_are_written_when_they_have_a_fault(
    edge_factory: Edges, sipp: Sipp
) -> None:
    with HookServer([answer(200)]) as collector:
        edge = edge_factory(config(collector.url, sample=0))
        sipp.run("uac_call", edge.address, pause_ms=200)
        edge.wait_event("call.ended")
        with RawCaller(edge.address) as caller:
            caller.invite()
            caller.final("INVITE")
            caller.ack()
            call_id = str(edge.wait_event("call.confirmed", count=2)["call_id"])
            worker = edge.worker_of(call_id)
            os.kill(edge.worker_pid(worker), signal.SIGKILL)
            edge.wait_event("call.ended", count=2)
        (root,) = received(collector)
    within(root)
    assert root.attributes["sipua.call_id"] == call_id
    assert (root.failed, root.message) == (True, "worker_died")
    lost = root.one("worker lost")
    assert lost.failed
    assert lost.end_s == root.end_s
    (ended, _) = edge.events(name="call.ended")
    assert ended["trace_id"] not in {root.trace_id, None}
