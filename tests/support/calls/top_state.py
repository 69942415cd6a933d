"""States of `sipua top`, as the API's answers would make them."""

from __future__ import annotations

from typing import Any

from sipua.cli.top.model import Snapshot, State

NOW_S = 1_795_000_000.0


def call(call_id: str = "c-1", **changes: Any) -> dict[str, Any]:
    return {
        "id": call_id,
        "direction": "incoming",
        "state": "active",
        "from": "…1234",
        "to": "sip:100@edge",
        "origin": "carrier",
        "route": "night",
        "worker": 1,
        "created_at": "2026-11-18T11:06:40.000Z",
        "age_s": 42.0,
        "sip_call_id": "x@y",
        "source": "192.0.2.1:5060",
        "held": False,
        "muted": [],
        "media": {"codec": "PCMU", "remote": "192.0.2.1:4000", "direction": "sendrecv"},
        "engine": "main",
        "engine_up": True,
        "turns": 3,
        "last_latency_ms": 801,
        "quality": {},
    } | changes


def stats(loss_in: float = 0.0, loss_out: float | None = None, **changes: Any) -> dict[str, Any]:
    received = {"packets": 500, "lost": 3, "loss": loss_in, "jitter_ms": 4.2, "mos": 4.3}
    sent = {"packets": 490, "loss": loss_out, "mos": 4.1}
    return {"talk": "caller", "received": received, "sent": sent, "round_trip_ms": 31.0} | changes


def snapshot(*calls: dict[str, Any], **changes: Any) -> Snapshot:
    edge = {
        "node": "berlin",
        "version": "1.2.3",
        "up_s": 3700.0,
        "calls": len(calls),
        "max_calls": 100,
        "draining": False,
        "refused": 2,
        "denied": {},
    } | changes.pop("edge", {})
    more: dict[str, Any] = {
        "registrations": [{"account": "pbx", "state": "registered"}],
        "workers": [{"worker": 1, "ready": True, "deaths": 0, "calls": len(calls)}],
    }
    return Snapshot(NOW_S, edge, calls, **{**more, **changes})


def state(*calls: dict[str, Any], **changes: Any) -> State:
    return State(snapshot(*calls), **changes)
