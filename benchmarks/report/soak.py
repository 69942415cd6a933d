"""The report's part about a soak: a plot for each figure, and a table of slopes."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import cycle

import numpy as np

from sipua.bench.report import plots
from sipua.bench.results.soak import FIGURES, Figure, Soak
from sipua.bench.results.soak_verdict import words

_UNITS: dict[Figure, str] = {
    "pss_mb": "MB",
    "rss_mb": "MB",
    "descriptors": "descriptors",
    "threads": "threads",
    "ports": "RTP ports",
    "tasks": "tasks",
}


def render(soak: Soak) -> Iterator[str]:
    kinds = {one.process: kind for one, kind in zip(soak.samples, cycle(plots.PROCESS_KINDS))}
    if soak.faults or soak.logged:
        yield from _faults(soak)
    for figure, name in FIGURES.items():
        slopes = {slope.process: slope for slope in soak.slopes if slope.figure == figure}
        told = [one for one in soak.samples if one.process in slopes]
        if not told:
            continue  # an older result
        yield f'<section class="growth"><h2>{name[0].upper()}{name[1:]}</h2>'
        yield plots.growth(
            [
                plots.Line(
                    name=f"{one.process}: {words(slopes[one.process])}",
                    kind=kinds[one.process],
                    x=np.array(soak.ended, np.float64),
                    y=np.array(getattr(one, figure), np.float64),
                    per_x=slopes[one.process].per_1000 / 1000,
                    since=float(soak.warm_up_calls),
                )
                for one in told
            ],
            "calls",
            _UNITS[figure],
        )
        yield '<p class="legend">'
        for one in told:
            said = f"{one.process}: {words(slopes[one.process])}"
            yield f'<i class="{kinds[one.process]}"></i>{said} '
        yield "</p></section>"
    yield from _rests(soak)


def _faults(soak: Soak) -> Iterator[str]:
    yield '<section><h2>What went wrong</h2><div class="wide"><table class="figures"><tbody>'
    for kind, found in (("seen by callers", soak.faults), ("in the edge's log", soak.logged)):
        for name, count in found.items():
            yield f'<tr><th scope="row">{escape(name)}</th><td>{count:,}</td>'
            yield f'<td class="words">{kind}</td></tr>'
    yield "</tbody></table></div></section>"


def _rests(soak: Soak) -> Iterator[str]:
    yield "<section><h2>At rest</h2><p>Without any call: before the first, and after the last.</p>"
    yield '<div class="wide"><table class="figures"><thead><tr>'
    for name in ("process", "figure", "before", "after", ""):
        yield f"<th>{name}</th>"
    yield "</tr></thead><tbody>"
    for rest in soak.rests:
        yield (
            f'<tr><th scope="row">{rest.process}</th><td>{FIGURES[rest.figure]}</td>'
            f"<td>{rest.before:g}</td><td>{rest.after:g}</td>"
            f'<td class="words">{"" if rest.returned else "did not come back"}</td></tr>'
        )
    yield "</tbody></table></div></section>"
