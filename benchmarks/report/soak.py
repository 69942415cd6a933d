"""The report's part about a soak, or a life: a plot for each figure, and a table of slopes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import cycle

import numpy as np

from sipua.bench.report import plots
from sipua.bench.results.soak import FIGURES, Figure, Samples, Slope, Watched
from sipua.bench.results.soak_verdict import figures, words

_UNITS: dict[Figure, str] = {
    "pss_mb": "MB",
    "rss_mb": "MB",
    "descriptors": "descriptors",
    "threads": "threads",
    "ports": "RTP ports",
    "tasks": "tasks",
    "transactions": "transactions",
    "dialogs": "dialogs",
    "legs": "legs",
    "waiting": "events",
    "spool_mb": "MB",
}


def render(watched: Watched) -> Iterator[str]:
    kinds = {one.process: kind for one, kind in zip(watched.samples, cycle(plots.PROCESS_KINDS))}
    if watched.faults or watched.logged:
        yield from _faults(watched)
    for figure in figures(watched):
        slopes = {slope.process: slope for slope in watched.slopes if slope.figure == figure}
        shown = [one for one in watched.samples if one.process in slopes]
        if not shown:
            continue
        name = FIGURES[figure]
        yield f'<section class="growth"><h2>{name[0].upper()}{name[1:]}</h2>'
        yield growth(watched, figure, shown, slopes, kinds)
        yield '<p class="legend">'
        for one in shown:
            said = f"{one.process}: {words(slopes[one.process])}"
            yield f'<i class="{kinds[one.process]}"></i>{said} '
        yield "</p></section>"
    yield from _rests(watched)


def growth(
    watched: Watched,
    figure: Figure,
    shown: Sequence[Samples],
    slopes: Mapping[str, Slope],
    kinds: Mapping[str, str],
) -> str:
    """The plot of a figure: samples of each process over the calls that had ended, and slopes."""
    lines = []
    for one in shown:
        found, column = slopes[one.process], one.column(figure)
        ended = np.array(watched.ended[one.first : one.first + len(column)], np.float64)
        born = float(ended[0]) if one.first else 0.0
        lines.append(
            plots.Line(
                name=f"{one.process}: {words(found)}",
                kind=kinds[one.process],
                x=ended,
                y=np.array(column, np.float64),
                per_x=found.per_1000 / 1000,
                since=born + watched.warm_up_calls,
            )
        )
    return plots.growth(lines, "calls", _UNITS[figure])


def _faults(watched: Watched) -> Iterator[str]:
    yield '<section><h2>What went wrong</h2><div class="wide"><table class="figures"><tbody>'
    for kind, found in (("seen by callers", watched.faults), ("in the edge's log", watched.logged)):
        for name, count in found.items():
            yield f'<tr><th scope="row">{escape(name)}</th><td>{count:,}</td>'
            yield f'<td class="words">{kind}</td></tr>'
    yield "</tbody></table></div></section>"


def _rests(watched: Watched) -> Iterator[str]:
    yield "<section><h2>At rest</h2><p>Without any call: before the first, and after the last.</p>"
    yield '<div class="wide"><table class="figures"><thead><tr>'
    for name in ("process", "figure", "before", "after", ""):
        yield f"<th>{name}</th>"
    yield "</tr></thead><tbody>"
    for rest in watched.rests:
        yield (
            f'<tr><th scope="row">{rest.process}</th><td>{FIGURES[rest.figure]}</td>'
            f"<td>{rest.before:g}</td><td>{rest.after:g}</td>"
            f'<td class="words">{"" if rest.returned else "did not come back"}</td></tr>'
        )
    yield "</tbody></table></div></section>"
