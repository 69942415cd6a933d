"""`sipua bench load`: many calls at once through a real `sipua serve`, and how many it holds.

    callers (process) ══ SIP, RTP ══▶ sipua serve ══ websocket ══▶ agent (process)

The edge is the product as it is, without probes: its figures come from both ends of it and from
the kernel's account of its process.
"""

from __future__ import annotations

import datetime as dt
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sipua.bench.common import children
from sipua.bench.common.certificate import certificate
from sipua.bench.common.errors import BenchError
from sipua.bench.load import callers, speech
from sipua.bench.load.call_loop import Add, Plan
from sipua.bench.load.edge import HOST, Edge
from sipua.bench.load.figures import Window, figures
from sipua.bench.load.meter import BESIDES, Meter
from sipua.bench.load.setup_times import setup
from sipua.bench.replay import engine_side, measure
from sipua.bench.replay.engine_types import ENGINE_TYPES
from sipua.bench.results import machine, verdict
from sipua.bench.results.result import (
    Cost,
    Downlink,
    Health,
    Process,
    Result,
    Setup,
    Spread,
    Step,
    Uplink,
    Verdict,
)
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server import doors
from sipua.config.values.fields import MOST_WORKERS

_STARTUP_S = 20.0
_SETUP_S = 30.0  # for the calls of a step, after the last INVITE
_SETTLE_S = 3.0  # greetings and start-up are not what is measured
_REPORT_S = 120.0
_MAX_CALLS = 4000
_LOST_SHARE = 0.001  # of the frames may be missing or changed before a load counts as too much


@dataclass(frozen=True, slots=True)
class Options:
    calls: int
    seconds: float
    rate: float
    step_up: bool
    limit_uplink_ms: float
    limit_spacing_ms: float
    workers: int = 1
    engine_type: str = "local"
    pin: bool = False
    tls: bool = False
    """To the engine, with a certificate of the run's own."""


def run(options: Options, command: str, say: Callable[[str], None]) -> Result:
    """Raises BenchError."""
    if not 1 <= options.calls <= _MAX_CALLS:
        raise BenchError(f"--calls {options.calls}: from 1 to {_MAX_CALLS}")
    if not 1 <= options.seconds <= 86_400:
        raise BenchError(f"--seconds {options.seconds:g}: from 1 to 86400")
    if not 0.1 <= options.rate <= 200:
        raise BenchError(f"--rate {options.rate:g}: from 0.1 to 200")
    if not 1 <= options.workers <= MOST_WORKERS:
        raise BenchError(f"--workers {options.workers}: from 1 to {MOST_WORKERS}")
    kind = ENGINE_TYPES[options.engine_type]
    load = machine.load_average()
    children.raise_file_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sipua-bench-")))
        settings = AgentSettings(max_sessions=_MAX_CALLS + 8)
        path = stack.enter_context(certificate()) if options.tls else ""
        agent = stack.enter_context(children.Child("agent", engine_side.run, settings, path))
        edge = stack.enter_context(
            Edge(
                folder,
                workers=options.workers,
                engine_type=options.engine_type,
                engine_url=agent.hear(_STARTUP_S).replace(doors.REALTIME, kind.door),
            )
        )
        listening = edge.wait_listening()
        held = int(listening["max_calls"])
        if options.calls > held:
            raise BenchError(
                f"--calls {options.calls}: this build of pjsua2 holds {held}; `make pjsua2` "
                "builds one for more"
            )
        loop = speech.loop(options.engine_type)
        plan = Plan((HOST, edge.port), loop.frames, options.rate, secrets.token_hex(4))
        phones = stack.enter_context(children.Child("callers", callers.run, plan))
        phones.hear(_STARTUP_S)
        load_run = _Load(
            options, edge=edge, agent=agent, phones=phones, loop=loop, say=say, most=held
        )
        load_run.go()
        return load_run.result(command, load)


class _Load:
    def __init__(
        self,
        options: Options,
        *,
        edge: Edge,
        agent: children.Child,
        phones: children.Child,
        loop: speech.Loop,
        say: Callable[[str], None],
        most: int,
    ) -> None:
        self._options = options
        self._edge = edge
        self._agent = agent
        self._phones = phones
        self._loop = loop
        self._say = say
        self._most = most
        self._meter = Meter(edge.processes(), callers=phones.pid, engine=agent.pid)
        self._pinned = self._meter.pin(options.workers) if options.pin else ""
        if self._pinned:
            say(self._pinned)
        self._idle_mb = self._meter.memory_mb()
        self._steps: list[tuple[Step, Window]] = []
        self._calls = 0
        self._setup = Setup()
        self._late_ms = 0.0

    def go(self) -> None:
        options = self._options
        calls = options.calls
        while True:
            step = self._step(calls)
            if not options.step_up:
                break
            if not step.holds:
                self._say("once more, as a busy machine fails by chance …")
                step = self._step(calls)
            if not step.holds or calls == self._most:
                break
            calls = min(calls + max(10, options.calls // 2), self._most)
        self._phones.ask("hang up", _REPORT_S)
        time.sleep(0.5)

    def _step(self, calls: int) -> Step:
        options = self._options
        self._say(f"{calls} calls …")
        if calls > self._calls:
            self._phones.ask(Add(calls - self._calls), _STARTUP_S)
            self._wait_up((calls - self._calls) / options.rate + _SETUP_S)
        time.sleep(_SETTLE_S)
        # Its set-ups are this step's, its media is not.
        earlier: callers.Notes = self._phones.ask("report", _REPORT_S)
        if calls > self._calls:
            self._setup = setup(earlier.setups, earlier.wall)
            self._calls = calls
        self._agent.ask("report", _REPORT_S)
        time.sleep(0.5)
        began_ns = time.monotonic_ns()
        self._meter.begin()
        time.sleep(options.seconds)
        processes = self._meter.end()
        ended_ns = time.monotonic_ns()
        time.sleep(0.5)
        notes: callers.Notes = self._phones.ask("report", _REPORT_S)
        sessions = self._agent.ask("report", _REPORT_S)
        state: callers.State = self._phones.ask("state", _REPORT_S)
        self._late_ms = max(self._late_ms, notes.max_late_ns / 1e6)
        window = figures(notes, sessions, self._edge.sessions(), self._loop, (began_ns, ended_ns))
        seconds = (ended_ns - began_ns) / 1e9
        failed = sum(state.failed.values()) + state.waiting
        why = self._why(window, failed)
        ours = [process for process in processes if process.name not in BESIDES]
        cpu_percent = sum(process.cpu_percent for process in ours)
        step = Step(
            calls=calls,
            seconds=round(seconds, 3),
            mouth_to_engine_ms=Spread.of(window.up_ms),
            engine_to_ear_ms=Spread.of(window.down_ms),
            spacing_error_ms=Spread.of(window.spacing_ms),
            cpu_percent=round(cpu_percent, 2),
            cpu_percent_per_call=round(cpu_percent / calls, 4),
            memory_mb=round(sum(process.memory_mb for process in ours), 1),
            failed_calls=failed,
            lost=window.missing,
            holds=not why,
            why=why,
            processes=processes,
            setup=self._setup,
        )
        self._steps.append((step, window))
        answered = step.setup.invite_to_200_ms
        self._say(
            f"  200 p50 {verdict.ms(answered.p50)}, p99 {verdict.ms(answered.p99)}, "
            f"up p99 {verdict.ms(step.mouth_to_engine_ms.p99)}, spacing p99 "
            f"{verdict.ms(step.spacing_error_ms.p99)}, {step.cpu_percent:.0f} % of a core"
            + (f": {why}" if why else "")
        )
        return step

    def _wait_up(self, timeout_s: float) -> None:
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            state: callers.State = self._phones.ask("state", _REPORT_S)
            if not state.waiting:
                return
            time.sleep(0.2)

    def _why(self, window: Window, failed: int) -> str:
        """What breaks at this load; empty: nothing."""
        options = self._options
        if failed:
            return f"{failed} calls failed"
        if not len(window.up_ms):
            return "no audio reached the engine"
        for what, values, limit in (
            ("uplink p99", window.up_ms, options.limit_uplink_ms),
            ("spacing p99", window.spacing_ms, options.limit_spacing_ms),
        ):
            if len(values) and (p99 := float(np.percentile(values, 99))) > limit:
                return f"{what} {verdict.ms(p99)} is above {limit:g} ms"
        if window.missing > _LOST_SHARE * window.sent:
            return f"{window.missing} of {window.sent} frames did not arrive as they were sent"
        return ""

    def result(self, command: str, load: float) -> Result:
        steps = [step for step, _ in self._steps]
        holding = [pair for pair in self._steps if pair[0].holds]
        step, window = holding[-1] if holding else self._steps[-1]
        made = Result(
            kind="load",
            made_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            command=command,
            calls=step.calls,
            seconds=step.seconds,
            engine=self._options.engine_type,
            machine=machine.describe(load),
            verdict=Verdict("unknown", "unknown", ""),
            setup=step.setup,
            uplink=Uplink(mouth_to_engine_ms=step.mouth_to_engine_ms),
            downlink=Downlink(
                engine_to_ear_ms=step.engine_to_ear_ms,
                spacing_error_ms=step.spacing_error_ms,
                drift_ppm=window.drift_ppm,
                packets=window.heard,
            ),
            cost=Cost(
                cpu_percent=step.cpu_percent,
                cpu_percent_per_call=step.cpu_percent_per_call,
                cpu_us_per_frame=round(step.cpu_percent_per_call * 200, 1),
                calls_per_core=int(100 / step.cpu_percent_per_call),
                calls_per_worker=_calls_per_worker(step.processes),
                memory_mb=step.memory_mb,
                memory_mb_per_call=round((step.memory_mb - self._idle_mb) / step.calls, 3),
            ),
            health=Health(
                failed_calls=step.failed_calls,
                generator_late_ms=round(self._late_ms, 2),
                unpaired=window.missing,
            ),
            steps=tuple(steps),
            workers=self._options.workers,
            pinned=self._pinned,
            holds_calls=(holding[-1][0].calls if holding else 0) if self._options.step_up else None,
        )
        return measure.with_changes(made, verdict=verdict.judge(made))


def _calls_per_worker(processes: Iterable[Process]) -> int:
    """How many calls fill a worker's core: of the worker that has the most work for each."""
    most = max((each.cpu_percent / each.calls for each in processes if each.calls), default=0.0)
    return int(100 / most) if most else 0
