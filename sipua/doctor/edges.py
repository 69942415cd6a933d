"""What the edges of this user say of their workers, in one small file each, for `sipua doctor`.

An edge writes its file when a worker is ready or has died, and removes it at its end; one that ends
because no worker lives leaves it behind. The next edge clears away what the dead have left.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sipua.doctor.findings import Finding, Level

WORKERS_FIX = (
    "please report the lines of the log before it; if it repeats, see `edge.worker_memory_mb` and "
    "the functions of `tools.python`, which run in the workers"
)


class WorkerState(msgspec.Struct, frozen=True):
    worker: int
    up: bool
    deaths: int
    cause: str
    """Of the last death."""


class EdgeState(msgspec.Struct, frozen=True):
    pid: int
    workers: tuple[WorkerState, ...]
    hopeless: bool = False
    """Whether it ends because no worker lives."""


def folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return (
        Path(runtime, "sipua") if runtime else Path(tempfile.gettempdir(), f"sipua-{os.getuid()}")
    )


def write(state: EdgeState) -> None:
    """Without a place for it doctor has less to say, and nothing else happens."""
    with contextlib.suppress(OSError):
        where = folder()
        where.mkdir(mode=0o700, exist_ok=True)
        if not _is_ours(where):
            return
        file = where / f"edge-{state.pid}.json"
        new = file.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(_as_text(state)))
        new.replace(file)


def _as_text(state: EdgeState) -> EdgeState:
    """A cause may name a path that has bytes that are no text (lone surrogates)."""
    workers = (
        msgspec.structs.replace(one, cause=one.cause.encode(errors="backslashreplace").decode())
        for one in state.workers
    )
    return msgspec.structs.replace(state, workers=tuple(workers))


def remove(pid: int) -> None:
    with contextlib.suppress(OSError):
        (folder() / f"edge-{pid}.json").unlink(missing_ok=True)


def clear_the_dead() -> None:
    for state in _states():
        if not _runs(state.pid):
            remove(state.pid)


def findings() -> list[Finding]:
    """Of the edges that run, and of those that could not."""
    known = ((state, _runs(state.pid)) for state in _states())
    return [_finding(state, runs=runs) for state, runs in known if runs or state.hopeless]


def _finding(state: EdgeState, *, runs: bool) -> Finding:
    up = sum(worker.up for worker in state.workers)
    said = f"{up} of {len(state.workers)} workers up" if runs else "it has ended: no worker lived"
    deaths = [
        f"worker {worker.worker} died {_times(worker.deaths)}, the last time: {worker.cause}"
        for worker in state.workers
        if worker.deaths
    ]
    level = Level.ERROR if not (runs and up) else Level.WARN if deaths else Level.OK
    advice = WORKERS_FIX if deaths else ""
    return Finding(level, f"edge {state.pid}", "; ".join([said, *deaths]), advice)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _states() -> Iterator[EdgeState]:
    where = folder()
    if not _is_ours(where):
        return
    for file in sorted(where.glob("edge-*.json")):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            yield msgspec.json.decode(file.read_bytes(), type=EdgeState)


def _is_ours(where: Path) -> bool:
    """Whether only this user can have written there: all users may write in the folder above."""
    try:
        status = where.lstat()
    except OSError:
        return False
    return where.is_dir() and not where.is_symlink() and status.st_uid == os.getuid()


def _runs(pid: int) -> bool:
    try:
        return b"sipua" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
