"""The terminal: signals end it at any moment, and it is given back as it was."""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sipua.cli.top.terminal import Terminal
from sipua.process.exits import Exit


@contextmanager
def unread() -> Iterator[int]:
    """Standard input and output are a terminal of which nothing is read. No fixture: pytest sets
    the output anew for the test itself."""
    master, slave = os.openpty()
    with (
        os.fdopen(master, "rb"),
        os.fdopen(slave) as given,
        os.fdopen(slave, "w", closefd=False) as taken,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stdin", given)
        patch.setattr(sys, "stdout", taken)
        yield slave


class Freed:
    """While it is freed, somebody presses Ctrl-C: an exception is lost there."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_counts_also_where_an_exception_would_be_lost() -> None:
    with unread() as slave:
        before = termios.tcgetattr(slave)
        with Terminal(colour=False) as terminal:
            assert termios.tcgetattr(slave) != before
            assert terminal.ended is None
            Freed()
            assert terminal.ended is Exit.INTERRUPTED
        assert termios.tcgetattr(slave) == before


@pytest.mark.parametrize(
    ("number", "how"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
def test_a_signal_ends_it_also_while_the_terminal_takes_nothing(number: int, how: Exit) -> None:
    with unread() as slave:
        before = termios.tcgetattr(slave)
        with Terminal(colour=False) as terminal:
            timer = threading.Timer(0.3, os.kill, (os.getpid(), number))
            timer.start()
            try:
                terminal._put("x" * 1_000_000)
                assert terminal.ended is how
            finally:
                timer.join()
        assert termios.tcgetattr(slave) == before
