"""The events of a call that has everything, and the spans that are made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sipua.events import call_events as told_of
from sipua.events import engine_events, menu_events, refer_events
from sipua.events.ending import End, Reason, SipEnd
from sipua.events.event import Event
from sipua.events.teller import Told
from sipua.outputs.traces import call_spans
from sipua.outputs.traces.span import Span, Trace
from sipua.outputs.traces.story import Stories, Story
from sipua.process.trace_context import CallTrace
from support.calls.rows import BEGAN_S, ended, incoming, told

TRACE = CallTrace("4bf92f3577b34da6a3ce929d0e0e4736", "c-1", sampled=True)
CANARIES = ("49305557", "canary", "192.0.2.", "1234")
"""Parts of numbers, words and hosts of the call below."""

At = tuple[float, Event]


def events(*moments: At, trace: CallTrace = TRACE) -> list[Told]:
    context = trace.traceparent()
    return [
        replace(told(event, trace.call_id, at_s=at_s), traceparent=context)
        for at_s, event in moments
    ]


def story(of: Iterable[Told], *, private: bool = True) -> Story | None:
    stories = Stories(private=private)
    found = [made for one in of if (made := stories.feed(one)) is not None]
    assert len(stories) == 0
    return found[0] if found else None


def trace(*moments: At, private: bool = False) -> Trace:
    made = story(events(*moments), private=private)
    assert made is not None
    found = call_spans.spans(made, private=private)
    assert found is not None
    return found


def root(found: Trace) -> Span:
    return found.spans[0]


def named(found: Trace, name: str) -> list[Span]:
    return [span for span in found.spans if span.name == name]


def one(found: Trace, name: str) -> Span:
    (span,) = named(found, name)
    return span


def since_s(span: Span) -> tuple[float, float]:
    """Its start and end, since the begin of the call."""
    return round(span.start_s - BEGAN_S, 3), round(span.end_s - BEGAN_S, 3)


def faulty(reason: Reason = Reason.MEDIA_TIMEOUT, **more: Any) -> Event:
    return ended(end=End("edge", reason, "network", "canary detail"), **more)


WHOLE: list[At] = [
    (
        0.0,
        told_of.Incoming(
            sip_call_id="abc-42",
            from_="sip:+49305557@192.0.2.1",
            to="sip:+49305557@edge",
            source="192.0.2.1:5060",
            origin="carrier",
            route="support",
            rtp_port=20000,
            worker=1,
            trace_id=TRACE.trace_id,
            trace_parent_id="00f067aa0ba902b7",
        ),
    ),
    (0.01, told_of.Ringing()),
    (
        0.5,
        engine_events.EngineInUse(
            engine="main",
            why="first",
            session_id="sess_1",
            gap_ms=0,
            restored=0,
            caught_up_ms=0,
            connect_ms=300,
        ),
    ),
    (0.9, told_of.GreetingLate(waited_s=0.4)),
    (1.0, told_of.Answered(setup_ms=1000.0)),
    (1.5, told_of.Media(codec="PCMU", remote="192.0.2.9:4000", direction="sendrecv", ssrc="1")),
    (2.0, told_of.Confirmed()),
    (2.2, told_of.SourceMoved(address="192.0.2.9:4000", rank=1)),
    (2.5, told_of.TurnLatency(turn=1, of="greeting", total_ms=500, model_ms=400, playout_ms=100)),
    (4.0, told_of.TurnAgent(turn=1, item="i1", start_ms=500, end_ms=2000, played_ms=1500)),
    (6.0, told_of.TurnCaller(turn=2, item="i2", start_ms=3000, end_ms=4000)),
    (6.1, told_of.ToolCalled(tool="find_order", tool_call_id="t1")),
    (7.1, told_of.ToolDone(tool="find_order", tool_call_id="t1", duration_ms=1000, outcome="ok")),
    (7.2, told_of.TurnText(who="caller", turn=2, item="i2", text="my canary words")),
    (
        7.5,
        told_of.TurnLatency(
            turn=2,
            of="caller",
            total_ms=1500,
            endpointing_ms=300,
            model_ms=100,
            tools_ms=1000,
            outage_ms=60,
            playout_ms=40,
        ),
    ),
    (
        7.6,
        engine_events.EngineUsage(
            of="response", model="voice-1", audio_in=10, audio_out=20, cost=0.5
        ),
    ),
    (8.0, told_of.Interrupted(item_id="i3", played_ms=500)),
    (
        8.0,
        told_of.TurnAgent(
            turn=2, item="i3", start_ms=5500, end_ms=6000, played_ms=500, of_ms=900, cut="caller"
        ),
    ),
    (8.5, told_of.ToolCalled(tool="pay", tool_call_id="t2")),
    (
        8.6,
        told_of.ToolFailed(
            tool="pay", tool_call_id="t2", duration_ms=100, outcome="error", reason="canary reason"
        ),
    ),
    (
        8.7,
        told_of.ToolFailed(
            tool="canary_tool", tool_call_id="t3", duration_ms=0, outcome="refused", reason="canary"
        ),
    ),
    (9.0, engine_events.EngineOutage(engine="main", cause="canary cause")),
    (
        11.0,
        engine_events.EngineInUse(
            engine="spare",
            why="fallback",
            session_id="sess_2",
            gap_ms=2000,
            restored=4,
            caught_up_ms=0,
            connect_ms=500,
        ),
    ),
    (11.5, engine_events.EngineSilent(waited_ms=4000, action="nudged")),
    (12.0, told_of.Held(direction="sendonly")),
    (13.0, told_of.Resumed(direction="sendrecv")),
    (13.1, told_of.Dtmf(digit="1234", duration_ms=100, inband=False)),
    (
        13.2,
        told_of.Quality(
            remote_fraction_lost=0.1, remote_lost=9, remote_jitter_ms=3.0, round_trip_ms=20.0
        ),
    ),
    (13.3, told_of.OfferRefused(status=488, cause="canary")),
    (13.3, told_of.RequestRefused(method="BYE", source="canary", fix="canary")),
    (13.4, told_of.Steered(act="say", by="ops", status="accepted", about="canary", size=17)),
    (13.4, told_of.Steered(act="mute", by="ops", status="done", about="agent", on=True)),
    (13.5, told_of.Steered(act="play", by="ops", status="refused", detail="canary")),
    (13.6, refer_events.TransferRefused(target="sip:+49305557@x", status=603)),
    (13.7, menu_events.MenuEntered(menu="main")),
    (13.8, menu_events.MenuKey(menu="main", digit="1234", valid=True)),
    (13.9, menu_events.MenuLeft(menu="main", by="key", key="1", to="transfer sip:+49305557@x")),
    (14.0, told_of.Transfer(target="sip:+49305557@x")),
    (14.1, told_of.Leg(target="sip:+49305557@x", account="carrier", sip_call_id="leg-42")),
    (15.0, told_of.TransferProgress(status=180, reason="canary")),
    (15.5, told_of.Joined(target="sip:+49305557@x")),
    (15.9, told_of.LegEnded(target="sip:+49305557@x", state="failed", sent=20, received=19)),
    (
        16.0,
        told_of.TransferFailed(
            target="sip:+49305557@x", status=486, reason="canary", mode="dial", cause="busy"
        ),
    ),
    (
        17.0,
        engine_events.EngineInUse(
            engine="main", why="rotated", session_id="sess_3", gap_ms=0, restored=4, caught_up_ms=0
        ),
    ),
    (18.0, told_of.TurnUnanswered(turn=3, waited_ms=1000, responses=1, nudges=1, failed="canary")),
    (18.1, engine_events.EngineOutage(engine="main", cause="canary")),
    (18.2, engine_events.EngineGone(engine="main", cause="canary")),
    (18.3, told_of.Fallback(step="playprompt", cause="canary")),
    (18.4, told_of.PromptUnheard(waited_s=1.0)),
    (
        20.0,
        ended(
            end=End(
                "edge", Reason.ENGINE_LOST, "engine", "canary detail", SipEnd(200, "canary reason")
            ),
            duration_s=18.0,
            first_audio_ms=500.0,
            interruptions=1,
            metadata={"customer": "canary"},
            sip_call_id="abc-42",
        ),
    ),
]
"""What it told, and when, in seconds since its begin."""

PLACED: list[At] = [
    (0.0, told_of.Placing(to="…3456", account="pbx", route="", worker=2, by="ops")),
    (0.1, told_of.Progress(status=100)),
    (0.4, told_of.Progress(status=180, reason="canary")),
    (5.0, ended(end=End("callee", Reason.BUSY, "callee"), status="busy", direction="outgoing")),
]
LOST: list[At] = [
    (0.0, incoming()),
    (1.0, told_of.Confirmed()),
    (2.0, told_of.ToolCalled(tool="pay", tool_call_id="t")),
    (6.0, ended(end=End("edge", Reason.WORKER_DIED, "edge", "canary"))),
]
LONG: list[At] = [
    (0.0, incoming()),
    (1.0, told_of.Confirmed()),
    (1.5, told_of.ToolCalled(tool="pay", tool_call_id="t")),
    *[(2.0 + 0.01 * n, told_of.Interrupted(item_id="i", played_ms=n)) for n in range(700)],
    (20.0, engine_events.EngineInUse("main", "reconnected", "s", 3000, 1, 0, 100)),
    (30.0, ended()),
]
