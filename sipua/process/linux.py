"""What the kernel is asked about a process, its parent and its threads.

Where a sandbox forbids it, nothing is done.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import threading
from pathlib import Path

FIRST_NICE = -10

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent is gone, also when it hangs."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def go_first() -> None:
    """On a busy machine this process runs before others, if it may: as root, or with a limit for it
    (RLIMIT_NICE). Threads and processes that it starts have it from here."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, min(FIRST_NICE, nice_of(0)))


def nice_of(pid: int) -> int:
    """The priority of a process: lower is better; 0 is usual, and where it is gone."""
    try:
        return os.getpriority(os.PRIO_PROCESS, pid)
    except OSError:
        return 0


def call_process(name: str) -> None:
    """Its name in `ps` and `top`, at most 15 bytes; the command line stays."""
    _prctl(_PR_SET_NAME, name.encode())


def adopt_orphans(adopt: bool) -> None:
    """Whether a process further down whose parent ends becomes a child of this one."""
    _prctl(_PR_SET_CHILD_SUBREAPER, int(adopt))


def threads() -> int:
    """How many this process has, those of libraries included."""
    try:
        return len(list(Path("/proc/self/task").iterdir()))
    except OSError:
        return threading.active_count()


def descriptors() -> int:
    """How many this process has open; 0: not known, as when it can have no other one."""
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # without the one that lists
    except OSError:
        return 0


def memory_bytes(pid: int) -> int:
    """What a process has in memory; 0: not known."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * resource.getpagesize()


def _prctl(option: int, value: int | bytes) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
