"""`sipua bench life`: what an edge meets in a year, in hours: calls of all kinds, in and out, and
all that goes wrong around them. Does it keep anything of it?

    people (process) ══ SIP, RTP ══▶ sipua serve ─ workers, agent ──▶ shaky engine (process)
    operator (process) ── API ─────▶      │  ▲ /proc, metrics, the lines `edge.state` of the log
    strangers (process) ── all ────▶      └──▶ receiver of webhooks (process)

One call of each kind comes first, so that what is opened once is open; then everything is read at
rest. It is read again when the life is over.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import secrets
import shutil
import signal
import tempfile
import time
import wave
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sipua.bench.common import children
from sipua.bench.common.certificate import certificate
from sipua.bench.common.errors import BenchError
from sipua.bench.life import config, operator, people, receiver, strangers
from sipua.bench.life.scrape import Scrape
from sipua.bench.life.shaky import ShakyEngine
from sipua.bench.load import speech
from sipua.bench.load.edge import HOST, Edge, free_port
from sipua.bench.replay.measure import with_changes
from sipua.bench.results import machine, verdict
from sipua.bench.results.result import Health, Result, Verdict
from sipua.bench.results.soak import SLACK, Life
from sipua.bench.soak.readings import Reading, Readings, described, rests
from sipua.bridge.playout import sounds
from sipua.config.values.fields import MOST_WORKERS

WARM_UP_CALLS = 1500
"""The API remembers the last 1,000 calls, with their SIP messages: until then the edge grows."""
_STARTUP_S = 180.0
_ANSWER_S = 120.0
_TICK_S = 0.25
_CALLS_END_S = 160.0
"""The longest kind, and what SIP takes to give up."""
_LEGS_END_S = 5.0
_REST_S = 90.0
"""pjsip keeps what belongs to a call for 32 s; connections of strangers wait for their time-out."""
_NOTHING: Mapping[str, Reading] = {}
_RELOAD_S = 8.0
_TOLD_EVERY_S = 60.0
_KILL_SEEN_S = 20.0


@dataclass(frozen=True, slots=True)
class Options:
    minutes: float
    calls: int
    workers: int = 2
    every_s: float = 5.0
    reload_s: float = 60.0
    fault_s: float = 30.0
    kill_s: float = 0.0
    """0: no worker is killed."""
    log: Path | None = None
    """Where the edge's log is kept."""
    brief: bool = False
    """Nothing is compared at rest: does it all work here?"""


def run(options: Options, command: str, say: Callable[[str], None]) -> Result:
    """Raises BenchError."""
    _check(options)
    load = machine.load_average()
    children.raise_file_limit()
    with ExitStack() as stack:
        life = _Life(options, stack, say)
        try:
            return life.run(command, load)
        finally:
            life.keep_log()


def _check(options: Options) -> None:
    for name, value, low, high in (
        ("--minutes", options.minutes, 0.2, 100_000),
        ("--calls", options.calls, 1, 1000),
        ("--workers", options.workers, 1, MOST_WORKERS),
        ("--every", options.every_s, 0.5, 3600),
        ("--reload", options.reload_s, 0, 100_000),
        ("--fault", options.fault_s, 0, 100_000),
        ("--kill-worker", options.kill_s, 0, 100_000),
    ):
        if not low <= value <= high:
            raise BenchError(f"{name} {value:g}: from {low:g} to {high:g}")


class _Life:
    def __init__(self, options: Options, stack: ExitStack, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        self._happened: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._variant = False
        self._killed_s = self._reloaded_s = float("-inf")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sipua-life-")))
        self._folder = folder
        self._ports = config.Ports(*(free_port() for _ in range(6)))
        prepare(folder)

        def child(name: str, target: Callable[..., None], argument: object) -> children.Child:
            return stack.enter_context(children.Child(name, target, argument))

        self._receiver = child("receiver", receiver.run, self._ports.receiver)
        self._shaky = stack.enter_context(ShakyEngine(self._ports.shaky))
        self._edge = stack.enter_context(
            Edge(folder, workers=options.workers, text=self._config(), port=self._ports.sip)
        )
        plan = people.Plan(
            (HOST, self._ports.sip),
            self._ports.people,
            speech.loop().frames,
            max(2.0, options.calls / 10),
            secrets.token_hex(3),
        )
        self._people = child("people", people.run, plan)
        self._operator = child("operator", operator.run, self._ports)
        self._strangers = child("strangers", strangers.run, strangers.Plan(self._ports))
        for one in (self._receiver, self._people, self._operator, self._strangers):
            one.hear(_STARTUP_S)
        self._edge.wait_listening()
        self._scrape = Scrape(self._ports, folder / "hooks")
        self._readings = Readings(self._edge, self._scrape.look)

    def run(self, command: str, load: float) -> Result:
        brief = self._options.brief
        before = _NOTHING if brief else self._first_calls()
        first = self._state()
        began_s = time.monotonic()
        self._begin_others()
        if brief:
            self._people.ask(people.Once(), _ANSWER_S)
        self._people.ask(people.Keep(self._options.calls), _ANSWER_S)
        self._live(60 * self._options.minutes, measured=True, first=first.ended)
        seconds = time.monotonic() - began_s
        self._drain()
        after = _NOTHING if brief else self._rest(before)
        self._say(f"at rest after:  {described(after) or 'not looked at'}")
        life = self._found(first, before, after)
        made = Result(
            kind="life",
            made_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            command=command,
            calls=max(life.up, default=0),
            seconds=round(seconds, 1),
            engine="local",
            machine=machine.describe(load),
            verdict=Verdict("unknown", "unknown", ""),
            health=Health(
                failed_calls=sum(life.faults.values()),
                generator_late_ms=round(self._state().max_late_ns / 1e6, 2),
            ),
            workers=self._options.workers,
            life=life,
        )
        return with_changes(made, verdict=verdict.judge(made))

    def _first_calls(self) -> Mapping[str, Reading]:
        """One of each kind, and what is there when they are over."""
        self._begin_others()
        self._people.ask(people.Once(), _ANSWER_S)
        self._live(2 * self._options.every_s, measured=False)
        self._drain()
        before = self._rest()
        self._say(f"at rest before: {described(before)}")
        return before

    def keep_log(self) -> None:
        if self._options.log is not None:
            shutil.copyfile(self._folder / "edge.log", self._options.log)

    # --- the life ---------------------------------------------------------------------------

    def _begin_others(self) -> None:
        for one in (self._receiver, self._operator, self._strangers):
            one.ask("go", _ANSWER_S)

    def _live(self, seconds: float, *, measured: bool, first: int = 0) -> None:
        """Samples are taken when it is measured; all else happens in any case, once at least."""
        options = self._options
        began_s = time.monotonic()
        end_s = began_s + seconds
        half_s = seconds / 2
        sample_s = began_s
        reload_s = began_s + min(options.reload_s, half_s) if options.reload_s else end_s
        fault_s = began_s + min(options.fault_s, half_s) if options.fault_s else end_s
        kill_s = began_s + min(options.kill_s, half_s) if options.kill_s and measured else end_s
        say_s = began_s + _TOLD_EVERY_S
        while (now := time.monotonic()) < end_s:
            self._place()
            if measured and now >= sample_s:
                sample_s += options.every_s
                self._sample(now - began_s, first)
            if now >= reload_s:
                reload_s += options.reload_s
                self._reload(variant=not self._variant)
            if now >= fault_s:
                fault_s += options.fault_s
                self._happened[f"engine's fault: {self._shaky.fail_anew()}"] += 1
            if now >= kill_s:
                kill_s += options.kill_s
                self._kill_worker()
            if now >= say_s:
                say_s += _TOLD_EVERY_S
                self._tell(now - began_s, first)
            time.sleep(_TICK_S)

    def _state(self) -> people.State:
        state: people.State = self._people.ask("state", _ANSWER_S)
        for kind in state.place:
            self._operator.ask(kind, _ANSWER_S)
        return state

    def _place(self) -> None:
        self._state()

    def _sample(self, at_s: float, first: int) -> None:
        state = self._state()
        for name in self._readings.sample(at_s, state.ended - first, state.up):
            if name == "edge":
                raise BenchError(f"the edge has ended: {self._edge.faults()}")
            if name.startswith("worker") and time.monotonic() < self._killed_s + _KILL_SEEN_S:
                continue
            self._faults[f"process `{name}` has ended"] += 1

    def _reload(self, *, variant: bool) -> None:
        self._variant = variant
        self._edge.config.write_text(self._config())
        self._edge.reload()
        self._reloaded_s = time.monotonic()
        self._happened["reloads of a changed configuration"] += 1

    def _kill_worker(self) -> None:
        workers = self._edge.state().get("workers", ())
        if not workers:
            return
        victim = max(workers, key=lambda one: int(one["calls"]))
        elsewhere = self._scrape.calls_elsewhere(victim["worker"])
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim["pid"], signal.SIGKILL)
        self._killed_s = time.monotonic()
        self._people.ask(people.Excuse(elsewhere), _ANSWER_S)
        self._happened["workers killed"] += 1

    def _tell(self, at_s: float, first: int) -> None:
        state = self._state()
        self._say(
            f"{at_s / 60:.0f} min: {state.ended - first} calls ended, {state.up} up, "
            f"{state.legs} second legs, {sum(state.faults.values())} faults, "
            f"{self._readings.memory_mb():.0f} MB"
        )

    # --- its end ----------------------------------------------------------------------------

    def _drain(self) -> None:
        self._people.ask(people.Keep(0), _ANSWER_S)
        self._strangers.ask("rest", _ANSWER_S)
        self._receiver.ask("rest", _ANSWER_S)
        if self._variant:
            # A second reload would be refused while one is under way.
            time.sleep(max(0.0, self._reloaded_s + _RELOAD_S - time.monotonic()))
            self._reload(variant=False)
        state = self._wait(lambda state: not state.up, _CALLS_END_S)
        if state.up:
            self._faults["calls that never ended"] += state.up
        state = self._wait(lambda state: not state.legs, _LEGS_END_S)
        if state.legs:
            self._faults["second legs that were left behind"] += state.legs
        self._wait(lambda state: not state.legs, _CALLS_END_S)
        self._operator.ask("rest", _ANSWER_S)

    def _wait(self, done: Callable[[people.State], bool], longest_s: float) -> people.State:
        end_s = time.monotonic() + longest_s
        while not done(state := self._state()) and time.monotonic() < end_s:
            time.sleep(_TICK_S)
        return state

    def _rest(self, before: Mapping[str, Reading] = _NOTHING) -> dict[str, Reading]:
        def settled(found: Mapping[str, Reading]) -> bool:
            edge = found["edge"]
            busy = (edge.value("transactions") or 0) > SLACK["transactions"]
            busy |= bool(edge.value("waiting") or edge.value("legs") or edge.value("dialogs"))
            return not busy and all(one.returned for one in rests(before, found))

        return self._readings.rest(_REST_S, settled)

    def _found(
        self, first: people.State, before: Mapping[str, Reading], after: Mapping[str, Reading]
    ) -> Life:
        state = self._state()
        did: operator.State = self._operator.ask("state", _ANSWER_S)
        happened = self._happened + Counter(did.done)
        for one in (self._strangers, self._receiver):
            happened += Counter(one.ask("state", _ANSWER_S))
        kinds = {
            name: tuple(now - was for now, was in zip(found, first.kinds[name], strict=True))
            for name, found in state.kinds.items()
        }
        faults = self._faults + Counter(state.faults) + Counter(did.faults)
        # The API has refused these, and no INVITE was to come.
        faults = faults - Counter({people.NEVER_CAME: did.not_placed})
        return Life(
            calls=self._options.calls,
            workers=self._options.workers,
            kinds=kinds,  # type: ignore[arg-type] # three counts each
            happened=dict(sorted(happened.items())),
            lag_ms={name: tuple(lags) for name, lags in self._scrape.lag_ms.items()},
            warm_up_calls=WARM_UP_CALLS,
            faults=dict(faults.most_common()),
            logged=self._edge.faults(),
            at_s=tuple(self._readings.at_s),
            ended=tuple(self._readings.ended),
            up=tuple(self._readings.up),
            samples=self._readings.samples(),
            slopes=self._readings.slopes(WARM_UP_CALLS),
            rests=rests(before, after),
        )

    def _config(self) -> str:
        return config.text(
            self._folder,
            self._ports,
            workers=self._options.workers,
            sessions=4 * self._options.calls + 64,
            variant=self._variant,
        )


def prepare(folder: Path) -> None:
    """What the configuration names: secrets, a certificate, a menu."""
    config.write_secrets(folder)
    with certificate() as path:
        (folder / "life.pem").write_bytes(Path(path).read_bytes())
    (folder / "life.pem").chmod(0o600)
    with wave.open(str(folder / "menu.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sounds.RATE_HZ)
        file.writeframes(sounds.prompt("sorry").tobytes())
