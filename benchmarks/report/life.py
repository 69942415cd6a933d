"""The report's part about a life: how many calls were up, of which kinds, and what happened."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import cycle

import numpy as np

from sipua.bench.report import plots
from sipua.bench.results.soak import Life


def render(life: Life) -> Iterator[str]:
    minutes = np.array(life.at_s, np.float64) / 60
    yield '<section class="growth"><h2>Calls</h2>'
    lines = [plots.Line("calls up", "ok", minutes, np.array(life.up, np.float64))]
    yield plots.growth(lines, "minutes", "calls up")
    yield "</section>"
    yield from _kinds(life)
    yield from _happened(life)
    if life.lag_ms:
        yield '<section class="growth"><h2>Lag of the loops</h2><p>The longest of each interval, '
        yield "at most; not judged, because other programs on the machine cause it, too.</p>"
        yield lag(life)
        yield '<p class="legend">'
        for name, kind in zip(life.lag_ms, cycle(plots.PROCESS_KINDS)):
            yield f'<i class="{kind}"></i>{escape(name)} '
        yield "</p></section>"


def lag(life: Life) -> str:
    minutes = np.array(life.at_s, np.float64) / 60
    lines = [
        plots.Line(name, kind, minutes[-len(lags) :], np.array(lags[-len(minutes) :], np.float64))
        for (name, lags), kind in zip(life.lag_ms.items(), cycle(plots.PROCESS_KINDS))
    ]
    return plots.growth(lines, "minutes", "ms")


def _kinds(life: Life) -> Iterator[str]:
    yield "<section><h2>Kinds of calls</h2>"
    yield '<div class="wide"><table class="figures"><thead><tr>'
    for name in ("kind", "begun", "went well", "worker killed"):
        yield f"<th>{name}</th>"
    yield "</tr></thead><tbody>"
    for name, counts in life.kinds.items():
        cells = "".join(f"<td>{count:,}</td>" for count in counts)
        yield f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    yield "</tbody></table></div></section>"


def _happened(life: Life) -> Iterator[str]:
    yield "<section><h2>What happened beside</h2>"
    yield '<div class="wide"><table class="figures"><tbody>'
    for name, count in life.happened.items():
        yield f'<tr><th scope="row">{escape(name)}</th><td>{count:,}</td></tr>'
    yield "</tbody></table></div></section>"
