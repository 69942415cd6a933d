"""The row of a call, from its events."""

from __future__ import annotations

import msgspec

from sipua.events import (
    call_events,
    engine_events,
    menu_events,
    queue_events,
    refer_events,
    supervise_events,
)
from sipua.events.ending import End, Reason
from sipua.outputs.cdr.calls_up import CallsUp
from sipua.outputs.cdr.row import QueueWait, Row, decode, encode
from support.calls.rows import ended, incoming, told

FIGURES = {
    "conversation": {
        "turns": 2,
        "latency_ms": {"p50": 500, "p95": 900, "max": 900},
        "engine_sessions": 2,
        "outages": 1,
        "outage_ms": 1200,
        "cost": 0.03,
        "currency": "USD",
    },
    "engine": {"rotated": 1},
    "rtp": {
        "sent": 400,
        "streams": [
            {"received": 100, "lost": 2, "jitter_ms": 1.5},
            {"received": 200, "lost": 1, "jitter_ms": 3.5},
        ],
        "rtcp": {"round_trip_ms": 20.5, "remote_lost": 4, "drift_ppm": None},
    },
    "record": {"file": "records/2026-11-18/c-1.jsonl", "lines": 9},
}


def row_of(*events: tuple[float, msgspec.Struct]) -> Row:
    calls = CallsUp("berlin")
    rows = [calls.feed(told(event, at_s=at_s)) for at_s, event in events]
    assert rows[:-1] == [None] * (len(events) - 1)
    assert rows[-1] is not None
    assert not len(calls)
    return rows[-1]


def test_the_row_of_a_call_with_everything() -> None:
    media = {"codec": "PCMU", "direction": "sendrecv", "ssrc": "0"}
    in_use = {"why": "first", "session_id": "s", "gap_ms": 0, "restored": 0, "caught_up_ms": 0}
    row = row_of(
        (0.0, incoming()),
        (0.5, call_events.Ringing()),
        (1.0, engine_events.EngineInUse(engine="main", **in_use)),
        (2.0, call_events.Media(remote="192.0.2.1:4000", **media)),
        (3.0, call_events.Held(direction="sendonly")),
        (4.5, call_events.Resumed(direction="sendrecv")),
        (5.0, engine_events.EngineInUse(engine="second", **in_use)),
        (5.0, engine_events.EngineUsage(of="answer", model="gpt-realtime")),
        *((5.5, call_events.Dtmf(digit="?", duration_ms=90, inband=False)) for _ in range(3)),
        (5.6, menu_events.MenuLeft(menu="main", by="key", key="2", to="menu other")),
        (5.8, menu_events.MenuLeft(menu="other", by="ended")),
        (6.0, call_events.Transfer(target="sip:200@pbx")),
        (7.0, call_events.TransferFailed(target="sip:200@pbx", status=486, reason="Busy Here")),
        (8.0, call_events.Held(direction="sendonly")),
        (8.5, supervise_events.Supervised(who="sip:anna@pbx", by="ops", mode="listen")),
        (8.6, supervise_events.SupervisorMode(mode="barge", by="key")),
        (
            9.5,
            supervise_events.SupervisorLeft(
                who="sip:anna@pbx", mode="barge", cause="hung_up", heard_s=1.0
            ),
        ),
        (10.0, ended(**FIGURES)),
    )
    assert msgspec.to_builtins(row) == {
        "schema": "sipua.cdr/1",
        "id": "c-1",
        "node": "berlin",
        "direction": "incoming",
        "from": "…3456",
        "to": "sip:100@edge",
        "origin": "carrier",
        "route": "support",
        "source": "192.0.2.1:5060",
        "sip_call_id": "abc@host",
        "worker": 1,
        "began": "2026-11-18T11:06:40.000Z",
        "ringing": "2026-11-18T11:06:40.500Z",
        "answered": "2026-11-18T11:06:42.000Z",
        "ended": "2026-11-18T11:06:50.000Z",
        "rang_ms": 2000,
        "talk_ms": 8000,
        "status": "completed",
        "end": {"by": "caller", "reason": "hangup", "sip": {"status": 200, "reason": "OK"}},
        "hold": {"count": 2, "ms": 3500},
        "transfers": [
            {
                "at": "2026-11-18T11:06:46.000Z",
                "target": "sip:200@pbx",
                "outcome": "failed",
                "status": 486,
                "reason": "Busy Here",
                "mode": "refer",
            }
        ],
        "menus": [
            {"menu": "main", "by": "key", "key": "2", "to": "menu other"},
            {"menu": "other", "by": "ended"},
        ],
        "supervisors": [
            {
                "at": "2026-11-18T11:06:48.500Z",
                "who": "sip:anna@pbx",
                "by": "ops",
                "modes": ["listen", "barge"],
                "heard_s": 1.0,
                "cause": "hung_up",
            }
        ],
        "digits": 3,
        "media": {
            "codec": "PCMU",
            "remote": "192.0.2.1:4000",
            "sent": 400,
            "received": 300,
            "lost": 3,
            "jitter_ms": 3.5,
            "remote_lost": 4,
            "round_trip_ms": 20.5,
        },
        "engine": {
            "name": "second",
            "used": ["main", "second"],
            "models": ["gpt-realtime"],
            "sessions": 2,
            "outages": 1,
            "outage_ms": 1200,
            "rotations": 1,
        },
        "conversation": FIGURES["conversation"],
        "cost": 0.03,
        "currency": "USD",
        "record": "records/2026-11-18/c-1.jsonl",
    }
    assert decode(encode(row)) == row


def test_a_call_of_which_only_the_end_is_known_has_a_row() -> None:
    end = End("edge", Reason.WORKER_DIED, "edge", "internal error: worker 1: killed")
    row = row_of((0.0, ended(status="failed", end=end, answered=None, duration_s=0.0)))
    assert (row.rang_ms, row.talk_ms, row.answered) == (10_000, 0, None)
    assert row.end == end
    assert (row.media, row.engine, row.hold) == (None, None, None)


def test_an_event_behind_the_end_leaves_nothing_behind() -> None:
    calls = CallsUp("berlin")
    calls.feed(told(ended()))
    assert calls.feed(told(call_events.Ringing())) is None
    assert not len(calls)


def test_texts_and_lists_of_a_call_that_never_settles_are_bounded() -> None:
    many = [(1.0, call_events.Transfer(target="sip:200@pbx")) for _ in range(100)]
    row = row_of((0.0, incoming()), *many, (10.0, ended()))
    assert len(row.transfers) == 32


def test_the_queues_of_a_call() -> None:
    row = row_of(
        (0.0, incoming()),
        (9.0, queue_events.QueueLeft(queue="support", reason="timeout", waited_ms=8000)),
        (12.0, queue_events.QueueConnected(queue="people", waited_ms=3000, member="anna")),
        (15.0, queue_events.QueueLeft(queue="people", reason="served", waited_ms=3000)),
        (20.0, ended()),
    )
    assert row.queues == [
        QueueWait("support", 8000, "timeout"),
        QueueWait("people", 3000, "served", "anna"),
    ]
    assert decode(encode(row)) == row


def test_another_party_is_a_transfer_of_the_other_side() -> None:
    row = row_of(
        (0.0, incoming()),
        (1.0, refer_events.ReferFailed(target="201", status=486, reason="Busy Here")),
        (2.0, refer_events.PartyChanged(party="…0202", way="refer", sip_call_id="x@edge")),
        (3.0, refer_events.PartyChanged(party=None, way="replaces", sip_call_id="y@pbx")),
        (10.0, ended()),
    )
    assert [(one.mode, one.target, one.outcome, one.status) for one in row.transfers] == [
        ("refer received", "201", "failed", 486),
        ("refer received", "…0202", "ok", 0),
        ("replaces received", "", "ok", 0),
    ]
