"""A network in simulated time: the same seed, the same trouble.

Times at which packets leave go in; when and how often each arrives comes out. The tests judge the
reorder buffer by it, and `sipua bench --impair` puts it between a recording and the edge.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sipua.bench.common.errors import BenchError


@dataclass(frozen=True)
class Network:
    loss: float = 0.0
    burst: float = 0.0
    """Chance that the packet after a lost one is lost too (besides `loss`)."""
    delay_ms: float = 30.0
    jitter_ms: float = 0.0
    """Added delay, uniform from 0; each packet on its own, so it reorders beyond the ptime."""
    in_order: bool = False
    """Jitter without reordering: a queue."""
    reorder: float = 0.0
    """Chance of an extra `reorder_ms`."""
    reorder_ms: float = 30.0
    duplicate: float = 0.0
    seed: int = 1

    def arrivals(self, left_at: Iterable[float]) -> list[tuple[float, int]]:
        """(arrival, index of the packet) in order of arrival, for packets that left at these
        seconds."""
        arrived = list(self._each(left_at, random.Random(self.seed)))
        arrived.sort(key=lambda packet: packet[0])
        return arrived

    def _each(self, left_at: Iterable[float], rng: random.Random) -> Iterator[tuple[float, int]]:
        lost = False
        last_at = 0.0
        for index, left in enumerate(left_at):
            lost = rng.random() < self.loss or (lost and rng.random() < self.burst)
            if lost:
                continue
            for _ in range(2 if rng.random() < self.duplicate else 1):
                delay_ms = self.delay_ms + rng.uniform(0, self.jitter_ms)
                if rng.random() < self.reorder:
                    delay_ms += self.reorder_ms
                at = left + delay_ms / 1000
                if self.in_order:
                    at = last_at = max(at, last_at)
                yield at, index


_SHARES = ("loss", "burst", "reorder", "dup")
_FORM = "write it as loss=3%,burst=30%,jitter=40ms,reorder=1%,dup=1%,drift=100ppm,seed=7"
_MAX_JITTER_MS = 10_000
_MAX_DRIFT_PPM = 10_000


@dataclass(frozen=True, slots=True)
class Impairment:
    """What `--impair` asks for."""

    loss: float = 0.0
    burst: float = 0.0
    jitter_ms: float = 0.0
    reorder: float = 0.0
    dup: float = 0.0
    drift_ppm: float = 0.0
    seed: int = 1

    @classmethod
    def parse(cls, text: str) -> Impairment:
        """Raises BenchError."""
        given: dict[str, float | int] = {}
        for part in text.split(","):
            name, value = _setting(part.strip())
            if name in given:
                raise BenchError(f"--impair: {name} is there twice")
            given[name] = value
        return cls(**given)  # type: ignore[arg-type] # only `seed` is an int, and is made one

    def carry(self, left_at: Sequence[float], call: int = 0) -> list[tuple[float, int]]:
        """(arrival, index) of what arrives; each call has its own luck, the same in each run."""
        pace = 1 + self.drift_ppm * 1e-6
        network = Network(
            loss=self.loss,
            burst=self.burst,
            delay_ms=0.0,
            jitter_ms=self.jitter_ms,
            reorder=self.reorder,
            duplicate=self.dup,
            seed=self.seed + call,
        )
        return network.arrivals([at * pace for at in left_at])

    def __str__(self) -> str:
        settings = (
            (self.loss, f"loss={100 * self.loss:g}%"),
            (self.burst, f"burst={100 * self.burst:g}%"),
            (self.jitter_ms, f"jitter={self.jitter_ms:g}ms"),
            (self.reorder, f"reorder={100 * self.reorder:g}%"),
            (self.dup, f"dup={100 * self.dup:g}%"),
            (self.drift_ppm, f"drift={self.drift_ppm:g}ppm"),
        )
        shown = [text for value, text in settings if value]
        return ",".join([*shown, f"seed={self.seed}"])


def _setting(part: str) -> tuple[str, float | int]:
    name, _, value = part.partition("=")
    if name in _SHARES and (number := _number(value, "%", 100)) is not None:
        return name, number / 100
    if name == "jitter" and (number := _number(value, "ms", _MAX_JITTER_MS)) is not None:
        return "jitter_ms", number
    if name == "drift":
        sign = -1 if value.startswith("-") else 1
        number = _number(value.removeprefix("-"), "ppm", _MAX_DRIFT_PPM)
        if number is not None:
            return "drift_ppm", sign * number
    if name == "seed" and re.fullmatch(r"[0-9]{1,9}", value):
        return name, int(value)
    raise BenchError(f"--impair: {part!r} is not understood; {_FORM}")


def _number(text: str, unit: str, most: float) -> float | None:
    match = re.fullmatch(rf"([0-9]+(?:\.[0-9]+)?)({unit})?", text)
    if match is None or float(match[1]) > most:
        return None
    return float(match[1])
