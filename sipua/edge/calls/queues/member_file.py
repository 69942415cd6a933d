"""What members have said of themselves, in a file that outlives the process: who is signed out
stays so.

Read once, at the start. Written by a thread, the whole file in one step: a slow disk holds up no
call, and a reader never finds half of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec

from sipua.bridge.fault_owner import FaultOwner
from sipua.log import logs
from sipua.process.disk import make_private
from sipua.queue.presence import Presence


class MemberFile:
    def __init__(self, path: Path | None) -> None:
        """None: nothing is kept."""
        self._path = path
        self._faults = FaultOwner().harmless("call.failed")
        self._waiting: Mapping[str, Presence] | None = None
        self._writing: asyncio.Task[None] | None = None

    def read(self) -> dict[str, Presence]:
        """By the target. A file that cannot be read is told, and is none."""
        if self._path is None or not self._path.exists():
            return {}
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Presence])
        except (OSError, msgspec.MsgspecError) as error:
            logs.get().warning("queue.members_unread", file=str(self._path), error=str(error))
            return {}

    def write(self, presences: Mapping[str, Presence]) -> None:
        """Soon; of several in a row the last one counts."""
        if self._path is None:
            return
        self._waiting = dict(presences)
        if self._writing is None:
            self._writing = self._faults.task(self._write(self._path), "queue members")

    async def _write(self, path: Path) -> None:
        try:
            while self._waiting is not None:
                waiting, self._waiting = self._waiting, None
                await asyncio.to_thread(_written, path, waiting)
        finally:
            self._writing = None

    async def stop(self) -> None:
        if self._writing is not None:
            await self._writing


def _written(path: Path, presences: Mapping[str, Presence]) -> None:
    beside = path.with_name(f"{path.name}.new")
    try:
        make_private(beside)
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(presences)))
        beside.replace(path)
    except OSError as error:
        logs.get().warning("queue.members_not_kept", file=str(path), error=str(error))
