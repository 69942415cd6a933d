"""What the processes of an edge hold: read again and again, and at rest.

The kernel is asked (/proc), and the edge for its tasks; a life has more questions.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sipua.bench.common import usage
from sipua.bench.common.errors import BenchError
from sipua.bench.load.edge import RTP_PORTS, Edge
from sipua.bench.results.soak import FIGURES, KERNEL, MEMORY, Figure, Rest, Samples, Slope
from sipua.bench.soak.slopes import of_all, slope

_CALM_S = 1.0

More = Mapping[Figure, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """Of one process at one moment."""

    used: usage.Usage
    told: More
    """Figures that the kernel does not have."""

    def value(self, figure: Figure) -> float | None:
        match figure:
            case "pss_mb":
                return round(self.used.pss_mb, 3)
            case "rss_mb":
                return round(self.used.rss_mb, 3)
            case "descriptors":
                return self.used.descriptors
            case "threads":
                return self.used.threads
            case "ports":
                return len(self.used.ports)
            case _:
                return self.told.get(figure)


class Readings:
    def __init__(self, edge: Edge, more: Callable[[], More] = dict) -> None:
        """`more`: further figures of the edge, from elsewhere."""
        self._edge = edge
        self._more = more
        self._names: dict[int, str] = {}
        self._kinds: Counter[str] = Counter()
        self._found: defaultdict[str, list[Reading]] = defaultdict(list)
        self._first: dict[str, int] = {}
        self._last: dict[str, Reading] = {}
        self.at_s: list[float] = []
        self.ended: list[int] = []
        self.up: list[int] = []

    def sample(self, at_s: float, ended: int, up: int) -> frozenset[str]:
        """The names of processes that are gone since the last time."""
        self._see_processes()
        now = self._read()
        gone = frozenset(self._last) - frozenset(now)
        self._last = now
        for name, reading in now.items():
            self._first.setdefault(name, len(self.at_s))
            self._found[name].append(reading)
        self.at_s.append(round(at_s, 3))
        self.ended.append(ended)
        self.up.append(up)
        return gone

    def rest(
        self,
        longest_s: float,
        settled: Callable[[Mapping[str, Reading]], bool] = lambda _: True,
    ) -> dict[str, Reading]:
        """Everything without a call, as soon as it is settled and nothing changes any more.

        Raises BenchError when the edge is gone.
        """
        end_s = time.monotonic() + longest_s
        before: object = None
        while True:
            time.sleep(_CALM_S)
            self._see_processes()
            found = self._read()
            if "edge" not in found:
                raise BenchError(f"the edge has ended: {self._edge.faults()}")
            counts = {
                (name, figure): reading.value(figure)
                for name, reading in found.items()
                for figure in FIGURES
                if figure not in MEMORY
            }
            state = self._edge.state()
            calls = [state.get("calls", 0), *(one["calls"] for one in state.get("workers", ()))]
            idle = bool(state) and not any(calls)
            idle &= not any(reading.used.ports for reading in found.values())
            idle &= settled(found)
            if (idle and counts == before) or time.monotonic() > end_s:
                self._last = found
                return found
            before = counts

    def memory_mb(self) -> float:
        return sum(one.used.pss_mb for one in self._last.values())

    def samples(self) -> tuple[Samples, ...]:
        return tuple(
            _samples(name, self._first[name], found) for name, found in self._found.items()
        )

    def slopes(self, warm_up: int) -> tuple[Slope, ...]:
        """Each figure of each process, judged together."""
        columns = [
            (one, figure, column)
            for one in self.samples()
            for figure in FIGURES
            if (column := one.column(figure))
        ]
        return tuple(
            slope(
                one.process,
                figure,
                self.ended[one.first : one.first + len(column)],
                column,
                warm_up + self._born(one),
                limits=of_all(len(columns)),
            )
            for one, figure, column in columns
        )

    def _born(self, one: Samples) -> int:
        """A process that came later has a warm-up of its own."""
        return self.ended[one.first] if one.first else 0

    def _see_processes(self) -> None:
        for name, pid in self._edge.processes().items():
            if pid not in self._names:
                kind = name.rstrip("0123456789").rstrip()
                if kind == "other":
                    continue  # a child of a moment, such as espeak-ng
                self._kinds[kind] += 1
                several = kind == "worker" or self._kinds[kind] > 1
                self._names[pid] = f"{kind} {self._kinds[kind]}" if several else kind

    def _read(self) -> dict[str, Reading]:
        """Of each process that is there."""
        state, more = self._edge.state(), self._more()
        tasks: dict[int, More] = {
            worker["pid"]: {"tasks": worker["tasks"]} for worker in state.get("workers", ())
        }
        own: More = {"tasks": state["tasks"]} if state else {}
        tasks[self._edge.pid] = {**own, **more}
        found = {}
        for pid, name in list(self._names.items()):
            try:
                found[name] = Reading(usage.usage(pid, RTP_PORTS), tasks.get(pid, {}))
            except OSError:
                del self._names[pid]  # its number may be another process's one day
        return found


def rests(before: Mapping[str, Reading], after: Mapping[str, Reading]) -> tuple[Rest, ...]:
    """Of processes that were there both times."""
    return tuple(
        Rest(name, figure, was, remains)
        for name in before
        if name in after
        for figure in FIGURES
        if (was := before[name].value(figure)) is not None
        and (remains := after[name].value(figure)) is not None
    )


def described(found: Mapping[str, Reading]) -> str:
    return "; ".join(
        f"{name} {reading.used.pss_mb:.0f} MB, {reading.used.descriptors} descriptors, "
        f"{reading.used.threads} threads"
        + "".join(
            f", {reading.value(figure):g} {FIGURES[figure]}"
            for figure in FIGURES
            if figure not in (*MEMORY, "descriptors", "threads") and reading.value(figure)
        )
        for name, reading in found.items()
    )


def _samples(name: str, first: int, readings: list[Reading]) -> Samples:
    used = [reading.used for reading in readings]

    def column(figure: Figure) -> tuple[float, ...]:
        values = tuple(value for one in readings if (value := one.told.get(figure)) is not None)
        return values if len(values) == len(readings) else ()

    return Samples(
        process=name,
        first=first,
        pss_mb=tuple(round(one.pss_mb, 3) for one in used),
        rss_mb=tuple(round(one.rss_mb, 3) for one in used),
        descriptors=tuple(one.descriptors for one in used),
        threads=tuple(one.threads for one in used),
        ports=tuple(len(one.ports) for one in used),
        cpu_s=tuple(round(one.cpu_s, 2) for one in used),
        more={
            figure: values
            for figure in FIGURES
            if figure not in KERNEL and (values := column(figure))
        },
    )
