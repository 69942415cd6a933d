"""Sends recordings to S3 as they are finished. One for the whole edge, on a loop of its own.

What waits is known by its marks on disk. A recording that cannot be sent is tried again, ever
later, for as long as its file is here; others go on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sipua.bridge.backoff import BackOff
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.events.event import Event
from sipua.events.recording_events import RecordingUploaded, RecordingUploadFailed
from sipua.events.stream import EventStream
from sipua.log import logs
from sipua.process.side_loop import SideLoop
from sipua.recording.files import waiting
from sipua.recording.files.waiting import Waiting
from sipua.recording.s3 import sending
from sipua.recording.s3.answers import S3Error
from sipua.recording.s3.bucket import Bucket
from sipua.recording.s3.sending import GoneError, NotYetError
from sipua.recording.s3.settings import S3Settings

_LOOK_EVERY_S: Final = 1.0
_FIRST_WAIT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 1800.0
_LAST_S: Final = 2.0
"""For those that are on their way at the end; the next run sends them again."""
_DISK: Final = "it is tried again: look at the disk of `recording.directory`"
_GONE: Final = "keep recordings for longer (`keep_days`, `keep_mb`) than the server may be down"


@dataclass(slots=True)
class _Tries:
    back_off: BackOff = field(
        default_factory=lambda: BackOff(_FIRST_WAIT_S, _LONGEST_WAIT_S, random.random)
    )
    count: int = 0
    due_s: float = 0.0
    told: bool = False
    """That it has failed."""


class Uploads:
    """The edge's loop calls `start` and `stop`, the side loop everything else."""

    def __init__(self, settings: S3Settings, events: EventStream) -> None:
        self._settings = settings
        self._events = events
        self._side = SideLoop("uploads")
        self._done: Future[None] | None = None
        self._edge_loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self._tries: dict[str, _Tries] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        self._edge_loop = asyncio.get_running_loop()
        self._done = self._side.submit(self._run())

    async def stop(self) -> None:
        self._stopping = True
        if self._done is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_S + 2 * _LOOK_EVERY_S):
                await asyncio.wrap_future(self._done)
        await self._side.close()

    # --- the side loop ----------------------------------------------------------------------

    async def _run(self) -> None:
        async with Bucket(self._settings) as bucket:
            while not self._stopping:
                _faults().run("uploads", self._begin, bucket)
                await asyncio.sleep(_LOOK_EVERY_S)
            if self._sending:
                await asyncio.wait(self._sending.values(), timeout=_LAST_S)
            for task in self._sending.values():
                task.cancel()

    def _begin(self, bucket: Bucket) -> None:
        """Those that are due, as far as there is room."""
        now = time.monotonic()
        every = waiting.every(self._settings.directory)
        here = {one.mark.name for one in every}
        for name in [name for name in self._tries if name not in here]:
            del self._tries[name]
        for one in every:
            name = one.mark.name
            if len(self._sending) >= self._settings.parallel:
                break
            if name not in self._sending and self._tries.setdefault(name, _Tries()).due_s <= now:
                task = asyncio.get_running_loop().create_task(self._send(one, bucket))
                self._sending[name] = task
                task.add_done_callback(partial(self._sent, name))

    def _sent(self, name: str, _: asyncio.Task[None]) -> None:
        del self._sending[name]

    async def _send(self, one: Waiting, bucket: Bucket) -> None:
        tries = self._tries[one.mark.name]
        try:
            with one.held() as mine:
                if mine:
                    await self._attempt(one, bucket, tries)
                else:
                    tries.due_s = time.monotonic() + _FIRST_WAIT_S
        except NotYetError:
            tries.count -= 1
            tries.due_s = time.monotonic() + _LOOK_EVERY_S
        except S3Error as error:
            self._failed(one, tries, str(error), error.fix)
        except OSError as error:
            self._failed(one, tries, error.strerror or str(error), _DISK)
        except Exception as error:  # noqa: BLE001 (a bug of ours costs one attempt)
            _faults().failed("uploads", error)
            self._failed(one, tries, f"internal error: {type(error).__name__}", _DISK)

    async def _attempt(self, one: Waiting, bucket: Bucket, tries: _Tries) -> None:
        began_s = time.monotonic()
        tries.count += 1
        try:
            about = await sending.send(one, bucket, self._settings)
        except GoneError:
            one.over()
            self._tell_failed(
                one, tries, "it was deleted here before it was sent", _GONE, given_up=True
            )
            return
        if about is not None and about.upload is not None:
            sent = RecordingUploaded(
                path=str(one.folder / about.file),
                to=about.upload.to,
                bytes=about.bytes,
                sha256=about.sha256,
                verified=about.upload.verified,
                attempts=tries.count,
                took_ms=round((time.monotonic() - began_s) * 1000),
                deleted=self._settings.delete_local,
            )
            self._tell(one, sent)
        one.over()

    def _failed(self, one: Waiting, tries: _Tries, why: str, fix: str) -> None:
        """Told once for each recording."""
        tries.due_s = time.monotonic() + tries.back_off.next_s()
        if not tries.told:
            tries.told = True
            self._tell_failed(one, tries, why, fix, given_up=False)

    def _tell_failed(
        self, one: Waiting, tries: _Tries, why: str, fix: str, *, given_up: bool
    ) -> None:
        failed = RecordingUploadFailed(
            path=str(one.metadata), error=why, attempts=tries.count, given_up=given_up, fix=fix
        )
        self._tell(one, failed)

    def _tell(self, one: Waiting, event: Event) -> None:
        assert self._edge_loop is not None
        with contextlib.suppress(RuntimeError):  # it has ended
            self._edge_loop.call_soon_threadsafe(self._events.teller(one.call_id).tell, event)


def _faults() -> FaultOwner:
    """A new one each time: the second fault is another one."""
    return FaultOwner("recording.upload_fault", logs.get(), nothing)
