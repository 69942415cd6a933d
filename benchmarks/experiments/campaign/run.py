"""A campaign of many numbers, with a `kill -9` in its middle, judged by what the called side saw:

    python benchmarks/experiments/campaign/run.py [--numbers 500] [--keep FOLDER]

SIPp plays persons, voicemail, busy, empty, refusing and dead lines behind two trunks. Two campaigns
call them within bounds of which each is less than the sum of those below it. In the end SIPp's
trace of messages says whether a number was called too often or too early, whether a bound was
exceeded, and whether the reports are what was on the wire. The exit code is 1 when not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sipua.bench.common.errors import BenchError
from sipua.bench.experiments.campaign import cast, people, proof, wire
from sipua.bench.experiments.campaign.cast import Cast
from sipua.bench.experiments.campaign.edge import CallingEdge
from sipua.bench.experiments.campaign.people import People
from sipua.bench.experiments.campaign.wire import Call

_SETTLES_S: Final = 2.0
_LOOKS_S: Final = 0.5
_LATER_S: Final = 3600.0
"""What is due later waits for another day."""
_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Seen:
    plan: Cast
    calls: Sequence[Call]
    told: dict[str, proof.Told]
    killed_s: float
    took_s: float
    edge_faults: dict[str, int]


def patience_s(numbers: int) -> float:
    """Twice what it should take: four calls in a second, and the last ones again."""
    return 120.0 + numbers / 2


def run(folder: Path, numbers: int, *, kill: bool = True) -> Seen:
    """Raises BenchError."""
    plan = cast.cast(numbers)
    people.make_sounds(folder)
    with ExitStack() as held:
        far = [held.enter_context(People(folder, one.name)) for one in plan.trunks]
        edge = CallingEdge(folder, plan, far)
        held.callback(edge.close)
        edge.start()
        began_s = time.monotonic()
        end_s = began_s + patience_s(numbers)
        _begin(edge, plan)
        killed_s = 0.0
        if kill:
            _until(end_s, "two fifths of the calls", lambda: len(_calls(far)) >= numbers * 2 // 5)
            killed_s = edge.kill()
            print(f"killed after {len(_calls(far))} calls", file=sys.stderr, flush=True)
            edge.start()
        _until(end_s, "the end of the campaigns", lambda: _is_over(edge, plan))
        took_s = time.monotonic() - began_s
        time.sleep(_SETTLES_S)
        told = {
            one.name: proof.Told(
                edge.ask(f"/v1/campaigns/{one.name}/report"), edge.contacts(one.name)
            )
            for one in plan.campaigns
        }
        edge_faults = dict(edge.faults())
    return Seen(plan, _calls(far, to_the_end=True), told, killed_s, took_s, edge_faults)


def _begin(edge: CallingEdge, plan: Cast) -> None:
    edge.ask("/v1/dnc", {"numbers": list(cast.LISTED), "reason": "wants no calls"})
    for one in plan.campaigns:
        edge.ask("/v1/campaigns", one.order())
        for at in range(0, len(one.numbers), _BATCH):
            contacts = [{"number": number} for number in one.numbers[at : at + _BATCH]]
            edge.ask(f"/v1/campaigns/{one.name}/contacts", {"contacts": contacts})
    for one in plan.campaigns:
        edge.ask(f"/v1/campaigns/{one.name}/start", {})


def _until(end_s: float, what: str, reached: object) -> None:
    assert callable(reached)
    while not reached():
        if time.monotonic() > end_s:
            raise BenchError(f"{what} did not come in time")
        time.sleep(_LOOKS_S)


def _calls(far: Sequence[People], *, to_the_end: bool = False) -> list[Call]:
    return [call for one in far for call in one.trace.read(to_the_end=to_the_end)]


def _is_over(edge: CallingEdge, plan: Cast) -> bool:
    """Nothing is being called, and what waits is not due today."""
    for one in plan.campaigns:
        found = edge.ask(f"/v1/campaigns/{one.name}")
        if found["state"] == "paused":
            raise BenchError(f"{one.name} was paused: {found['cause']}")
        report = found["report"]
        if report["calling"] or report["waiting"] > len(one.numbers) // 4:
            return False
        if report["waiting"] and not all(map(_is_due_later, edge.contacts(one.name))):
            return False
    return True


def _is_due_later(contact: proof.Fields) -> bool:
    if contact["state"] != "waiting":
        return bool(contact["state"] == "done")
    due = contact.get("due")
    later = datetime.now(UTC).timestamp() + _LATER_S
    return due is not None and datetime.fromisoformat(due).timestamp() > later


def render(seen: Seen) -> str:
    plan, calls = seen.plan, seen.calls
    parts = Counter(cast.part_of(number) for number in plan.numbers)
    lines = [
        f"{len(plan.numbers)} numbers: " + ", ".join(f"{n} {name}" for name, n in parts.items()),
        f"{len(calls)} INVITEs to {len(wire.by_number(calls))} numbers in {seen.took_s:.0f} s",
        "",
        f"{'':16}  at once, at most     begun in 1 s, in 10 s, may",
    ]
    for name, own, at_once, rate in proof.caps(plan, calls):
        most = wire.most_at_once(wire.cut(own, seen.killed_s))
        pace = f"{wire.most_in(own, 1):12}  {wire.most_in(own, 10):8}" + (
            f"  {rate:g} a second" if rate else ""
        )
        lines.append(f"{name:16}  {most:7}  {at_once:7}  {pace}")
    for name, told in seen.told.items():
        report = told.report
        done = ", ".join(f"{n} {outcome}" for outcome, n in report["done"].items() if n)
        attempts = ", ".join(f"{n} {outcome}" for outcome, n in report["attempts"].items() if n)
        live, left = report["answered_live"], report["abandoned"]
        lines += [
            "",
            f"{name}: {report['contacts']} contacts, {report['waiting']} for another day; {done}",
            f"  attempts: {attempts}",
            f"  answered by persons: {live}; abandoned {left} ({100 * left / max(1, live):.1f} %)",
        ]
    if seen.edge_faults:
        lines += ["", f"warnings of the edge: {seen.edge_faults}"]
    found = proof.faults(plan, calls, seen.told, seen.killed_s)
    lines += ["", *(found or ["every bound was kept, and the reports are what was on the wire"])]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--numbers", type=int, default=500, metavar="N", help="50 to 5000")
    parser.add_argument("--no-kill", action="store_true", help="let the edge live")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for traces and logs")
    args = parser.parse_args()
    if not 50 <= args.numbers <= 5000:
        parser.error("--numbers is to be from 50 to 5000")
    try:
        people.check()
        with ExitStack() as held:
            folder = args.keep or Path(held.enter_context(tempfile.TemporaryDirectory()))
            folder.mkdir(parents=True, exist_ok=True)
            seen = run(folder.absolute(), args.numbers, kill=not args.no_kill)
    except BenchError as error:
        print(f"campaign: {error}", file=sys.stderr)
        return 1
    print(render(seen))
    return bool(proof.faults(seen.plan, seen.calls, seen.told, seen.killed_s))


if __name__ == "__main__":
    sys.exit(main())
