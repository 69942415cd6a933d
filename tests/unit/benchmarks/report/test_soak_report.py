"""A soak for people: on a terminal and as a page."""

from __future__ import annotations

import re

from sipua.bench.report import html, text
from sipua.bench.results.soak import FIGURES
from support.soaks import result_of, soak


def test_a_plot_for_each_figure_and_what_went_wrong() -> None:
    made = soak(faults={"INVITE: 503 <x>": 3}, logged={"worker.died": 1})
    slopes = tuple(
        made.slopes[0].__class__("edge", figure, 0.0, 0.0, 0.0, "none") for figure in FIGURES
    )
    page = html.render(result_of(soak(faults=made.faults, logged=made.logged, slopes=slopes)), None)
    assert page.count("<svg") == len(FIGURES)
    assert "INVITE: 503 &lt;x&gt;" in page
    assert "worker.died" in page
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_the_terminal_has_the_same() -> None:
    told = text.render(result_of(soak(completed=1997, faults={"INVITE: 503": 3})))
    assert "3 × INVITE: 503" in told
    assert "1997 of 2000" in told
