"""The first lines: the edge, its accounts and workers, and what is wrong with it now."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from sipua.cli.top.figures import age
from sipua.cli.top.lines import Line
from sipua.cli.top.model import Snapshot, State

ROWS: Final = 3
_FRESH_S: Final = 300.0
"""A refusal is news for so long."""


def lines(state: State, now_s: float) -> list[Line]:
    clock = time.strftime("%H:%M:%S", time.localtime(now_s))
    snapshot = state.snapshot
    if snapshot is None:
        return [Line("sipua top", "head").add(f"  {clock}", "dim"), Line(), _worst(state, now_s)]
    return [_first(snapshot, clock, now_s), _second(snapshot), _worst(state, now_s)]


def _first(snapshot: Snapshot, clock: str, now_s: float) -> Line:
    edge, drain = snapshot.edge, snapshot.drain
    up_s = edge.get("up_s", 0.0) + max(0.0, now_s - snapshot.at_s)
    line = Line("sipua ", "head").add(edge.get("node", "?"), "head")
    line.add(f" {edge.get('version', '')}", "dim").add(f"  {clock}  up {age(up_s)}", "dim")
    calls, most = edge.get("calls", 0), edge.get("max_calls", 0)
    line.add("  calls ").add(f"{calls}/{most}", "bad" if most and calls >= most else "bold")
    if edge.get("draining"):
        line.add("  DRAINING", "warn")
        line.add(f" {calls} left")
        if calls and drain.get("oldest_s") is not None:
            line.add(f", the oldest {age(drain['oldest_s'])}")
        if drain.get("left_s") is not None:
            line.add(f", hung up in {age(drain['left_s'])}")
        if drain.get("stopping"):
            line.add(", then it stops")
    return line


def _second(snapshot: Snapshot) -> Line:
    accounts, workers = snapshot.registrations, snapshot.workers
    registered = sum(one.get("state") == "registered" for one in accounts)
    ready = sum(bool(one.get("ready")) for one in workers)
    deaths = sum(one.get("deaths", 0) for one in workers)
    line = Line("registered ", "dim")
    line.add(f"{registered}/{len(accounts)}", "" if registered == len(accounts) else "bad")
    line.add("  workers ", "dim").add(f"{ready}/{len(workers)}", _if(ready < len(workers)))
    if workers:
        line.add(f" ({' '.join(str(one.get('calls', 0)) for one in workers)} calls)", "dim")
    if deaths:
        line.add(f", {deaths} died", "bad")
    line.add("  refused ", "dim").add(snapshot.edge.get("refused", 0))
    denied = sum(snapshot.edge.get("denied", {}).values())
    if denied:
        line.add("  API denied ", "dim").add(denied, "warn")
    return line


def _if(wrong: bool) -> Any:
    return "bad" if wrong else ""


def _worst(state: State, now_s: float) -> Line:
    """One line, the worst first; the rest is counted."""
    if state.trouble is not None:
        since = age(now_s - state.trouble.at_s)
        return Line(f"! the API is lost for {since}: {state.trouble.text}", "bad")
    if state.snapshot is None:
        return Line("asking the edge …", "dim")
    found = list(_troubles(state.snapshot, now_s))
    if not found:
        return Line()
    more = f"  (and {len(found) - 1} more)" if len(found) > 1 else ""
    return Line(f"! {found[0]}{more}", "warn")


def _troubles(snapshot: Snapshot, now_s: float) -> Iterator[str]:
    for one in snapshot.workers:
        if not one.get("ready"):
            yield f"worker {one.get('worker')} is down: {one.get('cause') or 'it starts'}"
    for one in snapshot.registrations:
        if one.get("state") != "registered":
            yield f"{one.get('account')} is not registered: {_answer(one)}"
    for one in snapshot.trunks:
        for name in one.get("names", ()):
            if not name.get("addresses"):
                yield f"{one.get('name')}: {name.get('name')} has no address: {name.get('cause')}"
        for server in one.get("servers", ()):
            if server.get("state") == "down":
                yield f"{one.get('name')}: {server.get('uri')} is down: {server.get('cause')}"
    for one in snapshot.refusals:
        ago = now_s - datetime.fromisoformat(one["at"]).timestamp()
        if ago < _FRESH_S:
            cause = f" ({one['cause']})" if one.get("cause") else ""
            words = f"{one.get('status')} {one.get('reason')}{cause} to {one.get('source')}"
            yield f"refused {age(ago)} ago: {words}"


def _answer(one: Mapping[str, Any]) -> str:
    said = f"{one.get('status') or ''} {one.get('reason') or ''}".strip()
    return said or str(one.get("state"))
