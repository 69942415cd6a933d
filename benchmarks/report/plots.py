"""The report's plots as SVG: plain lines and marks, coloured by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sipua.bench.report.pictures import Timeline
from sipua.bench.results.result import Spread, Step

Floats = npt.NDArray[np.float64]

WIDTH = 960
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 30
_MAX_MARKS = 4000
PROCESS_KINDS = ("ok", "held", "gave-up", "late")
"""Colours of the style sheet, for one process each."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A plot's area and how values lie in it."""

    height: int
    x_max: float
    y_max: float
    left: int = _LEFT

    def x(self, value: float) -> float:
        return self.left + value / self.x_max * (WIDTH - self.left - _RIGHT)

    def y(self, value: float) -> float:
        room = self.height - _TOP - _BOTTOM
        return self.height - _BOTTOM - min(value / self.y_max, 1.0) * room


def timeline(shown: Timeline, seconds: float) -> str:
    """Delay of each packet; what was held as a bar up to its release, what was lost below."""
    top = float((shown.behind_ms + shown.held_ms).max(initial=1.0))
    frame = Frame(250, seconds, _nice_top(max(top, 5.0)))
    parts = [*_axes(frame, "ms behind the fastest packet", "s")]
    quick = (shown.held_ms == 0) & ~shown.dropped
    parts.append(_dots("ok", frame, shown.at_s[quick], shown.behind_ms[quick]))
    for kind, which in (
        ("held", (shown.held_ms > 0) & ~shown.given_up),
        ("gave-up", (shown.held_ms > 0) & shown.given_up),
    ):
        bars = "".join(
            f"M{frame.x(at):.1f} {frame.y(low):.1f}V{frame.y(low + high):.1f}"
            for at, low, high in _thinned(
                shown.at_s[which], shown.behind_ms[which], shown.held_ms[which]
            )
        )
        parts.append(f'<path class="bar {kind}" d="{bars}"/>')
        parts.append(_dots(kind, frame, shown.at_s[which], shown.behind_ms[which]))
    parts.append(_dots("late", frame, shown.at_s[shown.dropped], shown.behind_ms[shown.dropped]))
    floor = frame.height - _BOTTOM
    ticks = "".join(f"M{frame.x(at):.1f} {floor}v-14" for at in shown.lost_at_s[:_MAX_MARKS])
    parts.append(f'<path class="lost" d="{ticks}"/>')
    return _svg(frame.height, parts, "packets over time")


def depth(at_s: Floats, count: npt.NDArray[np.int64], seconds: float) -> str:
    frame = Frame(130, seconds, max(3, int(count.max(initial=0))))
    path = [f"M{frame.x(0):.1f} {frame.y(0):.1f}"]
    for at, packets in _thinned(at_s, count.astype(np.float64)):
        path.append(f"H{frame.x(min(max(at, 0.0), seconds)):.1f}V{frame.y(packets):.1f}")
    path.append(f"H{frame.x(seconds):.1f}V{frame.y(0):.1f}Z")
    return _svg(
        frame.height,
        [*_axes(frame, "packets waiting", "s"), f'<path class="depth" d="{"".join(path)}"/>'],
        "depth of the reorder buffer over time",
    )


_DECADES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
_DECADE_NAMES = ("1 µs", "10 µs", "0.1 ms", "1 ms", "10 ms", "100 ms")
_ROW, _NAME_WIDTH = 34, 200


def distributions(rows: Sequence[tuple[str, Spread, Floats, bool]]) -> str:
    """One row for each stage on a logarithmic axis: shape, median, 99 %, worst."""
    height = _ROW * len(rows) + 34

    def x(milliseconds: float) -> float:
        place = math.log10(min(max(milliseconds, 0.001), 1000.0) / 0.001) / 6
        return _NAME_WIDTH + place * (WIDTH - _NAME_WIDTH - 20)

    parts = []
    for decade, name in zip(_DECADES, _DECADE_NAMES, strict=True):
        parts.append(f'<path class="grid" d="M{x(decade):.1f} 4V{height - 26}"/>')
        parts.append(f'<text class="tick" x="{x(decade):.1f}" y="{height - 8}">{name}</text>')
    edges = np.logspace(-3, 3, 121)
    for number, (name, spread, values, total) in enumerate(rows):
        base = _ROW * (number + 1) - 4
        counts, _ = np.histogram(np.clip(values, 0.001, 999.0), edges)
        tallest = math.sqrt(max(1, int(counts.max(initial=1))))
        shape = [f"M{x(edges[0]):.1f} {base}"]
        for place, count in enumerate(counts.tolist()):
            shape.append(f"V{base - math.sqrt(count) / tallest * 22:.1f}H{x(edges[place + 1]):.1f}")
        kind = "total" if total else "step"
        parts += [
            f'<path class="grid" d="M{_NAME_WIDTH} {base}H{WIDTH - 20}"/>',
            (
                f'<path class="shape {kind}" d="{"".join(shape)}V{base}Z"><title>{name}: median '
                f"{spread.p50:.3f} ms, 95 % {spread.p95:.3f}, 99 % {spread.p99:.3f}, worst "
                f"{spread.max:.3f}</title></path>"
            ),
            f'<path class="median" d="M{x(spread.p50):.1f} {base}v-26"/>',
            f'<path class="p99" d="M{x(spread.p99):.1f} {base}v-16"/>',
            f'<circle class="worst" cx="{x(spread.max):.1f}" cy="{base - 5}" r="3"/>',
            f'<text class="name {kind}" x="{_NAME_WIDTH - 10}" y="{base - 6}">{name}</text>',
        ]
    return _svg(height, parts, "delays of each stage")


def steps(found: Sequence[Step]) -> str:
    """A load that was stepped up: p99 of both directions and the processor, over calls."""
    frame = Frame(
        260,
        max(step.calls for step in found) * 1.05,
        _nice_top(
            max(max(s.mouth_to_engine_ms.p99, s.spacing_error_ms.p99, 1.0) for s in found) * 1.1
        ),
    )
    parts = [*_axes(frame, "ms, 99 %", "calls")]
    lines: tuple[tuple[str, Callable[[Step], float]], ...] = (
        ("ok", lambda step: step.mouth_to_engine_ms.p99),
        ("held", lambda step: step.spacing_error_ms.p99),
    )
    for kind, value in lines:
        points = [(frame.x(step.calls), frame.y(value(step))) for step in found]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path class="line {kind}" d="M{path}"/>')
        parts += [
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{step.calls} calls: '
            f"{value(step):.2f} ms, {step.cpu_percent:.0f} % of a core</title></circle>"
            for step, (x, y) in zip(found, points, strict=True)
        ]
    return _svg(frame.height, parts, "delay over the number of calls")


@dataclass(frozen=True, slots=True)
class Line:
    """What grew, or did not: samples of one process, and the slope that was found in them."""

    name: str
    kind: str
    """The colour."""
    x: Floats
    y: Floats
    per_x: float = 0.0
    since: float | None = None
    """From where on the slope is of; None: there is none."""


def growth(lines: Sequence[Line], x_name: str, y_name: str) -> str:
    """Samples as dots, slopes as lines; what is left of the dashed line is the warm-up."""
    frame = Frame(
        190,
        max(float(line.x.max(initial=1.0)) for line in lines),
        _nice_top(max(1.0, *(float(line.y.max(initial=1.0)) for line in lines)) * 1.05),
    )
    parts = [*_axes(frame, y_name, x_name)]
    for line in lines:
        kind = line.kind
        parts.append(_dots(kind, frame, line.x, line.y))
        if line.since is None:
            continue
        since = frame.x(line.since)
        parts.append(f'<path class="since" d="M{since:.1f} {_TOP}V{frame.height - _BOTTOM}"/>')
        after = line.x >= line.since
        if after.any():
            begin = float(np.median(line.y[after] - line.per_x * line.x[after]))
            path = "L".join(
                f"{frame.x(x):.1f} {frame.y(begin + line.per_x * x):.1f}"
                for x in (line.since, float(line.x.max()))
            )
            parts.append(f'<path class="line {kind}" d="M{path}"><title>{line.name}</title></path>')
    return _svg(frame.height, parts, y_name)


def image(uri: str, seconds: float, axis_s: float, label: str) -> str:
    """A spectrogram of so many seconds on a longer axis, so that two can be compared."""
    height = 190
    frame = Frame(height, max(axis_s, 0.1), 4.0)
    parts = [
        (
            f'<image href="{uri}" x="{_LEFT}" y="{_TOP}" width="{frame.x(seconds) - _LEFT:.1f}" '
            f'height="{height - _TOP - _BOTTOM}" preserveAspectRatio="none"/>'
        ),
        *_axes(frame, "kHz", "s", grid=False),
    ]
    return _svg(height, parts, label)


def _axes(frame: Frame, y_name: str, x_name: str, *, grid: bool = True) -> Iterable[str]:
    for value in _ticks(frame.y_max, 4):
        y = frame.y(value)
        if grid:
            yield f'<path class="grid" d="M{frame.left} {y:.1f}H{WIDTH - _RIGHT}"/>'
        yield f'<text class="left" x="{frame.left - 6}" y="{y + 4:.1f}">{value:g}</text>'
    for value in _ticks(frame.x_max, 8):
        kind = "tick" if frame.x(value) < WIDTH - _RIGHT - 16 else "tick left"
        yield (
            f'<text class="{kind}" x="{frame.x(value):.1f}" y="{frame.height - 12}">{value:g}'
            f"{' ' + x_name if value == 0 else ''}</text>"
        )
    middle = (_TOP + frame.height - _BOTTOM) / 2
    yield f'<text class="axis" transform="translate(13 {middle:.0f}) rotate(-90)">{y_name}</text>'


def _dots(kind: str, frame: Frame, x: Floats, y: Floats) -> str:
    marks = "".join(f"M{frame.x(a):.1f} {frame.y(b):.1f}h0" for a, b in _thinned(x, y))
    return f'<path class="dot {kind}" d="{marks}"/>'


def _thinned(*columns: Floats) -> Iterable[tuple[float, ...]]:
    """All of them, or as many as can be told apart: in each stretch the lowest and the highest."""
    count = len(columns[0])
    if count > _MAX_MARKS:
        groups = np.array_split(np.arange(count), _MAX_MARKS // 2)
        value = columns[1]
        keep = sorted({i for g in groups for i in (g[value[g].argmin()], g[value[g].argmax()])})
        columns = tuple(column[keep] for column in columns)
    return zip(*(column.tolist() for column in columns), strict=True)


def _ticks(top: float, about: int) -> list[float]:
    raw = top / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= raw * 0.99)
    return [round(step * n, 10) for n in range(int(top / step + 1e-9) + 1)]


def _nice_top(value: float) -> float:
    power = 10 ** math.floor(math.log10(value))
    return float(next(power * k for k in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if power * k >= value))


def _svg(height: int, parts: Iterable[str], label: str) -> str:
    return (
        f'<div class="plot"><svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg></div>"
    )
