"""The plots of docs/reliability.md, from the JSON of a life:

.venv/bin/python scripts/life_plots.py build/life.json docs/life.svg
"""

import argparse
from collections.abc import Iterator
from html import escape
from importlib import resources
from itertools import cycle
from pathlib import Path

import numpy as np

from sipua.bench import report
from sipua.bench.report import plots, soak
from sipua.bench.results.result import load
from sipua.bench.results.soak import FIGURES, Figure, Life

SHOWN: tuple[Figure, ...] = ("pss_mb", "descriptors", "tasks", "dialogs", "transactions")
TITLE, GAP = 26, 10


def panels(life: Life) -> Iterator[tuple[str, str]]:
    """Title and plot of each."""
    minutes = np.array(life.at_s, np.float64) / 60
    up = [plots.Line("calls up", "ok", minutes, np.array(life.up, np.float64))]
    yield "calls up", plots.growth(up, "minutes", "calls")
    kinds = {one.process: kind for one, kind in zip(life.samples, cycle(plots.PROCESS_KINDS))}
    for figure in SHOWN:
        slopes = {slope.process: slope for slope in life.slopes if slope.figure == figure}
        lines = [one for one in life.samples if one.process in slopes]
        if lines:
            names = ", ".join(dict.fromkeys(one.process.rstrip(" 0123456789") for one in lines))
            yield f"{FIGURES[figure]}: {names}", soak.growth(life, figure, lines, slopes, kinds)


def picture(life: Life) -> str:
    style = resources.files(report).joinpath("report.css").read_text(encoding="utf-8")
    parts, y = [], 0
    for title, plot in panels(life):
        svg = plot[plot.index("<svg") : plot.index("</svg>") + len("</svg>")]
        height = int(svg.split('viewBox="0 0 ')[1].split('"')[0].split()[1])
        parts.append(
            f'<text class="axis" x="{plots.WIDTH / 2}" y="{y + 18}">{escape(title)}</text>'
        )
        parts.append(
            svg.replace(
                "<svg ", f'<svg y="{y + TITLE}" width="{plots.WIDTH}" height="{height}" ', 1
            )
        )
        y += TITLE + height + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="growth" viewBox="0 0 {plots.WIDTH} {y}">'
        f"<style>{style} text {{ font-family: sans-serif }} .paper {{ fill: var(--card) }}</style>"
        f'<rect class="paper" width="{plots.WIDTH}" height="{y}"/>{"".join(parts)}</svg>\n'
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("svg", type=Path)
    arguments = parser.parse_args()
    found = load(arguments.result).life
    assert found is not None, f"{arguments.result} is not of a life"
    arguments.svg.write_text(picture(found), encoding="utf-8")
