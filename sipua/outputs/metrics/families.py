"""What can be counted: counters, gauges and histograms, each with labels that are closed lists.

Written by one thread, the edge's loop, and read by another: every read is one copy of a built-in
container, which the interpreter does at once. A label's value that its list does not have is
counted as `other`: what a stranger sends never makes a series.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

OTHER = "other"
MOST_AT_START = 64
"""So many series a family has from the start, as 0: the first event is then seen as a rise."""

Labels: TypeAlias = Mapping[str, Iterable[str]]
"""The name of each label, with the values that it may have."""
Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
Sample: TypeAlias = tuple[str, tuple[tuple[str, str], ...], float]
"""Suffix of the name, labels, value."""


class Family:
    kind: Kind
    begins = True
    """Its series are there from the start."""

    def __init__(self, name: str, text: str, labels: Labels | None = None, unit: str = "") -> None:
        """`name`: without `_total`; it ends with the unit, where it has one."""
        assert not unit or name.endswith(f"_{unit}")
        self.name = name
        self.text = text
        self.unit = unit
        self.labels: tuple[str, ...] = tuple(labels or ())
        self._allowed = [frozenset(values) for values in (labels or {}).values()]

    def samples(self) -> Iterator[Sample]:
        raise NotImplementedError

    def key(self, values: Sequence[object]) -> tuple[str, ...]:
        """The labels under which these are counted."""
        assert len(values) == len(self._allowed)
        return tuple(
            value if isinstance(value, str) and value in allowed else OTHER
            for value, allowed in zip(values, self._allowed, strict=True)
        )

    def learn(self, values: Labels) -> None:
        """These values are good, too, for labels of these names."""
        self._allowed = [
            allowed.union(values.get(label, ()))
            for label, allowed in zip(self.labels, self._allowed, strict=True)
        ]

    def _at_start(self) -> list[tuple[str, ...]]:
        if not self.begins or math.prod(map(len, self._allowed)) > MOST_AT_START:
            return []
        return list(itertools.product(*self._allowed))

    def _named(self, key: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        return tuple(zip(self.labels, key, strict=True))


class Counter(Family):
    kind = "counter"

    def __init__(self, name: str, text: str, labels: Labels | None = None, unit: str = "") -> None:
        super().__init__(name, text, labels, unit)
        self._values = dict.fromkeys(self._at_start(), 0.0)

    def add(self, *values: object, by: float = 1.0) -> None:
        """`by`: what is no number from 0 on is left out, so that the counter never falls."""
        if not 0 <= by < float("inf"):
            return
        key = self.key(values)
        self._values[key] = self._values.get(key, 0.0) + by

    def expect(self, *values: object) -> None:
        """There may be such ones soon."""
        self._values.setdefault(self.key(values), 0.0)

    def samples(self) -> Iterator[Sample]:
        for key, value in sorted(self._values.copy().items()):
            yield "_total", self._named(key), value


class CounterOfPairs(Counter):
    """See `GaugeOfPairs`."""

    begins = False


class Gauge(Family):
    kind = "gauge"

    def __init__(self, name: str, text: str, labels: Labels | None = None, unit: str = "") -> None:
        super().__init__(name, text, labels, unit)
        self._values = dict.fromkeys(self._at_start(), 0.0)

    def set(self, value: float, *values: object) -> None:
        self._values[self.key(values)] = value

    def expect(self, value: float, *values: object) -> None:
        """There is such a one, and this is it until something is known."""
        self._values.setdefault(self.key(values), value)

    def only(self, *values: object) -> None:
        """1 for these, and no other series."""
        self._values = {self.key(values): 1.0}

    def add(self, by: float, *values: object) -> None:
        key = self.key(values)
        self._values[key] = self._values.get(key, 0.0) + by

    def samples(self) -> Iterator[Sample]:
        for key, value in sorted(self._values.copy().items()):
            yield "", self._named(key), value


class GaugeOfPairs(Gauge):
    """Its labels belong together: not every value of one goes with every value of the other."""

    begins = False


class Histogram(Family):
    kind = "histogram"

    def __init__(
        self,
        name: str,
        text: str,
        bounds: Sequence[float],
        labels: Labels | None = None,
        unit: str = "",
    ) -> None:
        super().__init__(name, text, labels, unit)
        self._bounds = tuple(bounds)
        self._rows = {key: self._empty() for key in self._at_start()}
        """For each bound, and for what is beyond the last one, how many; then the sum."""

    def observe(self, value: object, *values: object) -> None:
        """What is no number from 0 on is left out."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return
        if not 0 <= value < float("inf"):
            return
        row = self._row(values)
        row[bisect_left(self._bounds, value)] += 1
        row[-1] += value

    def add(self, more: Sequence[float], *values: object) -> None:
        """What was observed elsewhere by the same bounds: how many up to each, and beyond; then the
        sum."""
        row = self._row(values)
        for place, by in enumerate(more[: len(row)]):
            row[place] += by

    def _row(self, values: Sequence[object]) -> list[float]:
        return self._rows.setdefault(self.key(values), self._empty())

    def _empty(self) -> list[float]:
        return [0.0] * (len(self._bounds) + 2)

    def samples(self) -> Iterator[Sample]:
        for key, live in sorted(self._rows.copy().items()):
            row = live.copy()
            named = self._named(key)
            up_to = 0.0
            for bound, count in zip((*self._bounds, float("inf")), row[:-1], strict=True):
                up_to += count
                yield "_bucket", (*named, ("le", number(bound))), up_to
            yield "_count", named, up_to
            yield "_sum", named, row[-1]


def number(value: float) -> str:
    """As OpenMetrics writes it."""
    if value == float("inf"):
        return "+Inf"
    if value != value:  # noqa: PLR0124 (not a number)
        return "NaN"
    return repr(float(value))
