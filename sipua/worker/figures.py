"""The figures of a worker for the metrics of its edge: added up while calls run, cheaply."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Final

from sipua.process import linux
from sipua.process.loop_lag import LATE_S
from sipua.rtp.session.traffic import Traffic
from sipua.worker.link.messages import Figures

EVERY: Final = 4
"""Pongs from one to the next."""


class WorkerFigures:
    def __init__(
        self,
        running: Callable[[], Iterable[tuple[str, Traffic]]],
        pacer_late: Callable[[], tuple[float, ...]],
        spares: Callable[[], int],
    ) -> None:
        """`running`: what came and went so far in each call that is up."""
        self._running = running
        self._pacer_late = pacer_late
        self._spares = spares
        self._counted: dict[str, Traffic] = {}
        """Of each call that is up, as far as it is in the total."""
        self._total = [0] * len(Traffic._fields)
        self._late = [0.0] * (len(LATE_S) + 2)

    def loop_was_late(self, late_s: float) -> None:
        self._late[bisect_left(LATE_S, late_s)] += 1
        self._late[-1] += late_s

    def ended(self, call_id: str, traffic: Traffic) -> None:
        """The call is over."""
        self._add(call_id, traffic)
        self._counted.pop(call_id, None)

    def now(self) -> Figures:
        for call_id, traffic in self._running():
            self._add(call_id, traffic)
        return Figures(
            cpu_s=time.process_time(),
            descriptors=linux.descriptors(),
            spares=self._spares(),
            traffic=Traffic(*self._total),
            loop_late=tuple(self._late),
            pacer_late=self._pacer_late(),
        )

    def _add(self, call_id: str, traffic: Traffic) -> None:
        """A count may fall, when a lost packet has come after all: the total never does."""
        before = self._counted.get(call_id, Traffic())
        highest = Traffic(*map(max, before, traffic))
        for place, (new, old) in enumerate(zip(highest, before, strict=True)):
            self._total[place] += new - old
        self._counted[call_id] = highest
