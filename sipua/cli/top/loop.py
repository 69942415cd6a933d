"""`sipua top` on a terminal, and `sipua top --once`."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
import time
from typing import Final

from sipua.cli.top import frame
from sipua.cli.top.fetching import Asker, Edge, Fetcher
from sipua.cli.top.lines import plain
from sipua.cli.top.model import Notice, Quit, State, arrived, press
from sipua.cli.top.terminal import Terminal
from sipua.process.exits import Exit
from sipua.process.terminal_text import json_text

_WIDE: Final = 160
"""Columns of `--once`, when its output is no terminal and COLUMNS is not set."""


def once(ask: Asker, words: str, *, as_json: bool) -> None:
    """`words`: of the filter. Raises what `ask` does."""
    snapshot = Edge(ask).snapshot()
    if as_json:
        sys.stdout.write(json_text(dataclasses.asdict(snapshot)))
        return
    columns = shutil.get_terminal_size((_WIDE, 24)).columns
    state = State(snapshot, filter=words)
    sys.stdout.write(plain(frame.once(state, columns, snapshot.at_s), columns))


def watch(ask: Asker, words: str, every_s: float) -> Exit:
    """Until `q` or Ctrl-C, or until the terminal is gone."""
    state = State(filter=words)
    with Terminal(colour=not os.environ.get("NO_COLOR")) as terminal:
        fetcher = Fetcher(Edge(ask), every_s, terminal.wake)
        fetcher.begin()
        while terminal.ended is None:
            now_s = time.time()
            columns, rows = terminal.size
            terminal.draw(frame.screen(state, columns, rows, now_s))
            for key in terminal.wait(1.0 - now_s % 1.0):
                if key == "redraw":
                    terminal.redraw()
                page, furthest = frame.body_rows(rows), frame.furthest(state, columns, rows)
                state, order = press(state, key, page, furthest)
                if isinstance(order, Quit):
                    return Exit.OK
                if order is not None and not fetcher.order(order):
                    state = arrived(state, Notice("the edge is too slow: not done", good=False))
            fetcher.look_at(state.looked_at)
            for news in fetcher.news():
                state = arrived(state, news)
    return terminal.ended
