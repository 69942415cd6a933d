"""Pictures of one line: how a call sounded, and who spoke when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_BARS: Final = "▁▂▃▄▅▆▇█"


def bars(values: Sequence[float | None], most: float) -> str:
    """A bar for each; `most` and more is a full one. None: nothing is known."""
    return "".join(" " if value is None else _bar(value / most) for value in values)


def _bar(share: float) -> str:
    return _BARS[min(max(int(share * len(_BARS)), 0), len(_BARS) - 1)]


def track(
    spans: Sequence[Mapping[str, Any]], who: str, until_ms: float, cells: int, cell_ms: float
) -> str:
    """One side's speech in the last time before `until_ms`: `█` it spoke, `·` it did not."""
    begin_ms = until_ms - cells * cell_ms
    said = [
        (span["from_ms"], span["until_ms"])
        for span in spans
        if span["who"] == who and span["until_ms"] > begin_ms
    ]
    return "".join(
        _cell(said, begin_ms + at * cell_ms, begin_ms + (at + 1) * cell_ms) for at in range(cells)
    )


def _cell(said: Sequence[tuple[float, float]], begin_ms: float, end_ms: float) -> str:
    if end_ms <= 0:
        return " "  # before the call
    return "█" if any(first < end_ms and last > begin_ms for first, last in said) else "·"
