"""A program in a real pseudo-terminal, and what a person would see on it (pyte)."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pyte

LEAVES = b"\x1b[?1049l"
"""The screen from before is back."""


class Screen:
    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        columns: int = 100,
        rows: int = 24,
    ) -> None:
        self._master, slave = os.openpty()
        self.raw = b""
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._size(columns, rows)
        self.before = termios.tcgetattr(slave)
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**env, "TERM": "xterm-256color"},
        )
        os.close(slave)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    @property
    def attributes(self) -> list[Any]:
        """Of the terminal itself."""
        return termios.tcgetattr(self._master)

    def colours(self) -> set[str]:
        return {cell.fg for row in self._screen.buffer.values() for cell in row.values()}

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        self._screen.resize(rows, columns)
        self._size(columns, rows)

    def wait_for(self, *texts: str, gone: str = "", timeout_s: float = 20) -> str:
        """Until all of them are on the screen, and `gone` is not."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._read(0.05)
            shown = self.text
            if all(text in shown for text in texts) and not (gone and gone in shown):
                return shown
            if time.monotonic() > deadline:
                raise TimeoutError(f"{texts} (without {gone!r}) is not on the screen:\n{shown}")

    def end(self, timeout_s: float = 20) -> int:
        """Its exit status, once it has ended by itself."""
        deadline = time.monotonic() + timeout_s
        while self._process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        status = self._process.wait(1)
        self._read(0.05)
        return status

    def hang_up(self) -> None:
        """As a terminal does whose window is closed, or whose SSH connection is lost."""
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._master >= 0:
            os.close(self._master)

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self, within_s: float) -> None:
        end = time.monotonic() + within_s
        while self._master >= 0:
            ready, _, _ = select.select([self._master], [], [], max(0, end - time.monotonic()))
            if not ready:
                return
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # EIO: nobody has it open any more
                time.sleep(max(0, end - time.monotonic()))
                return
            self.raw += data
            self._stream.feed(data)
