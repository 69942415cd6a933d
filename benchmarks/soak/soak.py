"""`sipua bench soak`: thousands of short calls through a real `sipua serve`, and whether it keeps
anything of them.

    callers (process) ══ SIP, RTP ══▶ sipua serve ─ workers, agent
                                           ▲ /proc, and the lines `edge.state` of the log

A few calls come first, so that what is opened once is open; then everything is read at rest. It is
read again when the last call has ended.
"""

from __future__ import annotations

import datetime as dt
import secrets
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sipua.bench.common import children
from sipua.bench.common.errors import BenchError
from sipua.bench.load import speech
from sipua.bench.load.call_loop import Add, Plan
from sipua.bench.load.edge import HOST, Edge
from sipua.bench.replay.measure import with_changes
from sipua.bench.results import machine, verdict
from sipua.bench.results.result import Health, Result, Verdict
from sipua.bench.results.soak import Rest, Soak
from sipua.bench.soak import callers
from sipua.bench.soak.readings import Readings, described, rests
from sipua.config.values.fields import MOST_WORKERS

WARM_UP_CALLS = 1000
_FIRST_CALLS = 8  # for each worker, so that each has had some
_STARTUP_S = 20.0
_ANSWER_S = 30.0
_CALL_ENDS_S = 40.0  # SIP gives up after 32
_REST_S = 20.0  # until everything of the last call is back
_MOST_SAMPLES = 600


@dataclass(frozen=True, slots=True)
class Options:
    calls_total: int
    cps: float
    call_s: float
    workers: int = 1
    every_s: float = 1.0


def run(options: Options, command: str, say: Callable[[str], None]) -> Result:
    """Raises BenchError."""
    _check(options)
    load = machine.load_average()
    children.raise_file_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sipua-soak-")))
        at_once = options.cps * 1.5 * options.call_s
        edge = stack.enter_context(
            Edge(folder, workers=options.workers, sessions=int(2 * at_once) + 64)
        )
        held = int(edge.wait_listening()["max_calls"])
        if at_once > held:
            raise BenchError(
                f"--cps {options.cps:g} with --call-s {options.call_s:g} is up to {at_once:.0f} "
                f"calls at once; the edge holds {held}"
            )
        plan = Plan((HOST, edge.port), speech.loop().frames, options.cps, secrets.token_hex(4))
        phones = stack.enter_context(children.Child("callers", callers.run, plan, options.call_s))
        phones.hear(_STARTUP_S)
        return _Soak(options, edge, phones, say).run(command, load)


def _check(options: Options) -> None:
    for name, value, low, high in (
        ("--calls-total", options.calls_total, 10, 10_000_000),
        ("--cps", options.cps, 0.1, 200),
        ("--call-s", options.call_s, 0.2, 3600),
        ("--workers", options.workers, 1, MOST_WORKERS),
        ("--every", options.every_s, 0.2, 3600),
    ):
        if not low <= value <= high:
            raise BenchError(f"{name} {value:g}: from {low:g} to {high:g}")


class _Soak:
    def __init__(
        self, options: Options, edge: Edge, phones: children.Child, say: Callable[[str], None]
    ) -> None:
        self._options = options
        self._edge = edge
        self._phones = phones
        self._say = say
        self._readings = Readings(edge)

    def run(self, command: str, load: float) -> Result:
        first = _FIRST_CALLS * self._options.workers
        self._phones.ask(Add(first), _ANSWER_S)
        self._wait_over()
        before = self._readings.rest(_REST_S)
        self._say(f"at rest before: {described(before)}")
        began_s = time.monotonic()
        self._phones.ask(Add(self._options.calls_total), _ANSWER_S)
        state, gone = self._watch(began_s, first)
        seconds = time.monotonic() - began_s
        if gone:
            self._wait_told(gone)
            after = before
        else:
            after = self._readings.rest(_REST_S)
        self._say(f"at rest after:  {described(after)}")
        soak = self._soak(state, first, gone, rests(before, after))
        made = Result(
            kind="soak",
            made_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            command=command,
            calls=max(self._readings.up, default=0),
            seconds=round(seconds, 1),
            engine="local",
            machine=machine.describe(load),
            verdict=Verdict("unknown", "unknown", ""),
            health=Health(
                failed_calls=sum(soak.faults.values()),
                generator_late_ms=round(state.max_late_ns / 1e6, 2),
            ),
            workers=self._options.workers,
            soak=soak,
        )
        return with_changes(made, verdict=verdict.judge(made))

    # --- what is read ---------------------------------------------------------------------

    def _watch(self, began_s: float, first: int) -> tuple[callers.State, str]:
        """Sample until all calls have ended; the name of a process that did not live so long."""
        options = self._options
        begin_s = options.calls_total / options.cps
        every_s = max(options.every_s, begin_s / _MOST_SAMPLES)
        deadline_s = began_s + 1.5 * begin_s + 1.5 * options.call_s + _CALL_ENDS_S
        next_s, told = began_s, 0
        while True:
            state: callers.State = self._phones.ask("state", _ANSWER_S)
            now = time.monotonic()
            gone = self._readings.sample(now - began_s, max(0, state.ended - first), state.up)
            if gone:
                return state, min(gone)
            if not state.up and not state.waiting:
                return state, ""
            if now > deadline_s:
                self._say(f"given up: {state.waiting} calls neither up nor over")
                return state, ""
            if (tenth := 10 * (state.ended - first) // options.calls_total) > told:
                told = tenth
                memory_mb = self._readings.memory_mb()
                self._say(f"{state.ended - first} calls, {state.up} up, {memory_mb:.0f} MB")
            next_s += every_s
            time.sleep(max(0.0, next_s - time.monotonic()))

    def _wait_over(self) -> None:
        end_s = time.monotonic() + 1.5 * self._options.call_s + _CALL_ENDS_S + _STARTUP_S
        while time.monotonic() < end_s:
            state: callers.State = self._phones.ask("state", _ANSWER_S)
            if not state.up and not state.waiting:
                return
            time.sleep(0.1)

    def _wait_told(self, gone: str) -> None:
        """The edge learns of a worker's death a moment after us; its cause is in the log then."""
        end_s = time.monotonic() + _ANSWER_S
        while gone.startswith("worker") and "worker.died" not in self._edge.faults():
            if time.monotonic() > end_s:
                return
            time.sleep(0.05)

    # --- what it says ---------------------------------------------------------------------

    def _soak(self, state: callers.State, first: int, gone: str, left: tuple[Rest, ...]) -> Soak:
        options = self._options
        faults = dict(state.faults)
        if never := state.up + state.waiting:
            faults["never ended"] = never
        if gone:
            faults[f"process `{gone}` has ended"] = 1
        warm_up = min(WARM_UP_CALLS, options.calls_total * 2 // 5)
        return Soak(
            calls_total=options.calls_total,
            cps=options.cps,
            call_s=options.call_s,
            warm_up_calls=warm_up,
            completed=max(0, state.completed - first),
            faults=faults,
            logged=self._edge.faults(),
            at_s=tuple(self._readings.at_s),
            ended=tuple(self._readings.ended),
            up=tuple(self._readings.up),
            samples=self._readings.samples(),
            slopes=self._readings.slopes(warm_up),
            rests=left,
        )
