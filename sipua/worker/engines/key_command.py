"""A command of the user that prints a key: run once, bounded in time and output.

What it prints is in no error and in no log; what it writes to its error output is not read, as it
may quote the key as well.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LONGEST_S: Final = 10.0
"""That a run may take."""
_MOST_BYTES: Final = 16_384
_PIECE: Final = 4096
_LOOK_S: Final = 0.1
"""How often it is seen whether it has been given up."""

# What a command-line client of a token service needs to find itself. All other variables, and the
# secrets of this program among them, are none of its business.
_PASSED: Final = frozenset(
    {
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "TZ",
        "TMPDIR",
        "CREDENTIALS_DIRECTORY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
    }
)


class KeyCommandError(Exception):
    """There is no key; the text says why, and nothing of what was printed."""


def run(
    words: Sequence[str],
    environ: Mapping[str, str],
    given_up: threading.Event,
    longest_s: float = LONGEST_S,
) -> str:
    """The key that it prints. Blocks: for a thread. `given_up`: set, it is killed. Raises
    KeyCommandError.
    """
    try:
        child = subprocess.Popen(  # noqa: S603 - the operator's own program; no shell
            words,
            env={name: value for name, value in environ.items() if name in _PASSED},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # its children end with it
        )
    except (OSError, ValueError) as error:
        words_of_it = error.strerror if isinstance(error, OSError) else ""
        raise KeyCommandError(f"cannot be run: {words_of_it or type(error).__name__}") from None
    try:
        printed = _read(child, _Time(time.monotonic() + longest_s, given_up))
    finally:
        with contextlib.suppress(OSError):  # gone, or another user's by now
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if printed is None:
        raise KeyCommandError(f"has not ended within {longest_s:g} s, and was killed")
    if len(printed) > _MOST_BYTES:
        raise KeyCommandError(f"prints more than {_MOST_BYTES} bytes: that is no key")
    if child.returncode:
        raise KeyCommandError(f"has ended {_ended(child.returncode)}")
    return _only_line(printed)


@dataclass(frozen=True, slots=True)
class _Time:
    until_s: float
    given_up: threading.Event

    def over(self) -> bool:
        return self.given_up.is_set() or time.monotonic() >= self.until_s


def _read(child: subprocess.Popen[bytes], left: _Time) -> bytes | None:
    """All that it prints, until it has ended; None: that takes too long."""
    assert child.stdout is not None
    printed = bytearray()
    with child.stdout as pipe, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(printed) <= _MOST_BYTES:
            if left.over():
                return None
            if not selector.select(_LOOK_S):
                continue
            piece = os.read(pipe.fileno(), _PIECE)
            if not piece:
                break
            printed += piece
        else:
            return bytes(printed)
    while not left.over():
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_LOOK_S)
            return bytes(printed)
    return None


def _ended(code: int) -> str:
    return f"with status {code}" if code > 0 else f"by signal {-code}"


def _only_line(printed: bytes) -> str:
    text = printed.decode("ascii", "replace").rstrip("\r\n")
    if not text.strip():
        raise KeyCommandError("prints nothing")
    if "\n" in text or "\r" in text:
        raise KeyCommandError("prints several lines: the key alone belongs on its output")
    if not text.isascii() or not text.isprintable():
        raise KeyCommandError("prints characters that no key has")
    if text != text.strip() or " " in text:
        raise KeyCommandError("prints blanks: the key alone belongs on its output")
    return text
