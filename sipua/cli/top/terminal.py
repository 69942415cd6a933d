"""The terminal: raw keys in, changed lines out, and given back as it was, however this ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final, Self

from sipua.cli.top.keys import keys
from sipua.cli.top.lines import Line
from sipua.process.exits import Exit

_ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
"""Another screen, no cursor, no wrapping at the right edge."""
_LEAVE: Final = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_ESC_S: Final = 0.05
"""What belongs to an ESC follows it sooner."""
_SIGNALS: Final = (signal.SIGWINCH, signal.SIGTERM, signal.SIGTSTP, signal.SIGINT)


class _CutOffError(Exception):
    """A signal ends us while the terminal takes nothing, as over a dead SSH connection."""


class Terminal:
    """`with Terminal(colour=…) as terminal:`; on the main thread."""

    def __init__(self, *, colour: bool) -> None:
        self._in = sys.stdin.fileno()
        self._out = sys.stdout.fileno()
        self._encoding = sys.stdout.encoding or "utf-8"
        self._colour = colour
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        self._saved: list[Any] = []
        self._drawn: list[str] = []
        self._half = b""
        self._handlers: dict[int, Any] = {}
        self._writing = False
        self.ended: Exit | None = None
        """By SIGTERM or Ctrl-C, or because the terminal is gone. Ctrl-C is no KeyboardInterrupt
        here: one that is raised while an object is freed is lost, and one between two lines of
        `__enter__` would leave the terminal as it is."""

    def __enter__(self) -> Self:
        self._saved = termios.tcgetattr(self._in)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        handlers = (self._resized, self._terminated, self._stopped, self._interrupted)
        for number, handler in zip(_SIGNALS, handlers, strict=True):
            self._handlers[number] = signal.signal(number, handler)
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        try:
            columns, rows = os.get_terminal_size(self._out)
        except OSError:
            columns, rows = 0, 0
        return columns or 80, rows or 24

    def wake(self) -> None:
        """From any thread: `wait` returns."""
        with contextlib.suppress(OSError):  # it is full of wakes already, or closed
            os.write(self._write, b"\0")

    def wait(self, timeout_s: float) -> list[str]:
        """The keys that were pressed; none: another reason, or the time is over."""
        timeout_s = _ESC_S if self._half else max(0.0, timeout_s)
        ready, _, _ = select.select([self._in, self._read], [], [], timeout_s)
        if self._read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read, 4096)
        if self._in in ready:
            try:
                data = os.read(self._in, 1024)
            except OSError:
                data = b""
            if not data:
                self._end(Exit.TERMINATED)
            found, self._half = keys(self._half + data, over=False)
        elif not ready:
            found, self._half = keys(self._half, over=True)
        else:
            found = []
        return found

    def draw(self, lines: Sequence[Line]) -> None:
        columns, _ = self.size
        texts = [line.ansi(columns, colour=self._colour) for line in lines]
        drawn = self._drawn if len(self._drawn) == len(texts) else []
        changed = [
            f"\x1b[{row};1H{text}\x1b[K"
            for row, text in enumerate(texts, 1)
            if not drawn or drawn[row - 1] != text
        ]
        if not drawn:
            changed.insert(0, "\x1b[2J")
        self._drawn = texts
        self._put("".join(changed))

    def redraw(self) -> None:
        """The next `draw` draws all."""
        self._drawn = []

    # --- the terminal itself --------------------------------------------------------------

    def _take(self) -> None:
        tty.setcbreak(self._in, termios.TCSANOW)
        self._put(_ENTER)
        self.redraw()

    def _give_back(self) -> None:
        self._put(_LEAVE)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._in, termios.TCSANOW, self._saved)

    def _put(self, text: str) -> None:
        data = text.encode(self._encoding, "replace")
        try:
            self._writing = True
            while data:
                data = data[os.write(self._out, data) :]
        except OSError:
            self._end(Exit.TERMINATED)
        except _CutOffError:
            self._writing = False  # first of all: another signal may come
            with contextlib.suppress(termios.error):
                termios.tcflush(self._out, termios.TCOFLUSH)
        finally:
            self._writing = False

    # --- signals --------------------------------------------------------------------------

    def _resized(self, _number: int, _frame: FrameType | None) -> None:
        self.redraw()

    def _terminated(self, _number: int, _frame: FrameType | None) -> None:
        self._end(Exit.TERMINATED)
        self._cut_off()

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        self._end(Exit.INTERRUPTED)
        self._cut_off()

    def _end(self, how: Exit) -> None:
        self.ended = self.ended or how

    def _cut_off(self) -> None:
        """A write that a signal has broken into goes on behind it, unless it raises."""
        if self._writing:
            raise _CutOffError

    def _stopped(self, _number: int, _frame: FrameType | None) -> None:
        """Ctrl-Z: the shell gets its terminal, and we another start by `fg`."""
        self._give_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._take()
