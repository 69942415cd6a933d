"""Captures of our calls as pcap files: RTP as it was sent and received, and the call's SIP.

    loop:    datagram ──▶ a deque of the call (nothing else happens there)
    thread:  every 100 ms all deques ──▶ files

A call never waits for the disk and never ends because of it: packets that the thread cannot write
in time are dropped and counted; a full disk, or a full file, ends the capture, not the call.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from structlog.typing import FilteringBoundLogger

from sipua.bridge.fault_owner import FaultOwner
from sipua.capture.settings import CaptureSettings
from sipua.log import logs
from sipua.process.disk import delete_oldest, make_private
from sipua.rtp.events import Address
from sipua.rtp.pcap.writer import PcapWriter
from sipua.rtp.session.transport import Tap

_DRAIN_EVERY_S = 0.1
_CLOSE_WITHIN_S = 2.0
LINGER_S = 0.5
"""Our call object ends before its BYE and the answer to it have gone over the wire."""
# 20 s of a call's audio in both directions: longer than any disk stalls that will recover.
_MAX_WAITING = 2048

_Item = tuple[float, Address, Address, bytes]


class CallCapture:
    """The capture file of one call. The loop calls all methods, except where it is said."""

    def __init__(
        self,
        path: Path,
        max_bytes: int,
        local: Address,
        *,
        rtp: bool = True,
        make_room: Callable[[], None] = lambda: None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self.faults = FaultOwner("capture.failed", log or logs.get(), self._stop)
        self.path = path
        self._make_room = make_room
        self._max_bytes = max_bytes
        self._local = local
        self._rtp = rtp
        # Wall time for the reader, but without the steps of the wall clock, which are no jitter.
        self._epoch = time.time() - time.monotonic()
        self._waiting: deque[_Item] = deque()
        self._writer: PcapWriter | None = None
        self._file: BinaryIO | None = None
        self._closing = False
        self.closed = threading.Event()
        self.stopped = ""
        """Why the file ends before the call."""
        self._dropped = 0
        self._given_up = 0

    # --- on the loop ----------------------------------------------------------------------

    @property
    def tap(self) -> Tap | None:
        """The function for each datagram of the call's RTP transport; None: RTP is not wanted."""
        return self._take_rtp if self._rtp else None

    def tap_of(self, local_of: Callable[[str], Address]) -> Tap | None:
        """The same for another leg. `local_of`: its address as this peer sees it."""
        ours: dict[str, Address] = {}  # looked up once

        def take(now: float, sent: bool, peer: Address, datagram: bytes) -> None:
            if peer[0] not in ours:
                ours.clear()
                ours[peer[0]] = local_of(peer[0])
            local = ours[peer[0]]
            self.add(now, *((local, peer) if sent else (peer, local)), datagram)

        return take if self._rtp else None

    def _take_rtp(self, now: float, sent: bool, peer: Address, datagram: bytes) -> None:
        if sent:
            self.add(now, self._local, peer, datagram)
        else:
            self.add(now, peer, self._local, datagram)

    def add(self, now: float, source: Address, target: Address, payload: bytes) -> None:
        if self.stopped or self._closing:
            return
        if len(self._waiting) >= _MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append((now, source, target, payload))

    def end(self) -> None:
        """Take no more packets; the thread writes the rest. A second call does nothing."""
        self._closing = True

    async def close(self, linger_s: float = LINGER_S) -> None:
        """Wait until the rest is written, or until the disk has taken too long."""
        await asyncio.sleep(linger_s)
        self.end()
        await asyncio.to_thread(self.closed.wait, _CLOSE_WITHIN_S)

    def stats(self) -> dict[str, object]:
        writer = self._writer
        figures: dict[str, object] = {
            "file": str(self.path) if writer else None,
            "packets": writer.packets if writer else 0,
            "dropped": self._dropped + self._given_up + (writer.refused if writer else 0),
        }
        return figures | ({"stopped": self.stopped} if self.stopped else {})

    @property
    def summary(self) -> str:
        """The result as one line for the user."""
        figures = self.stats()
        if figures["file"] is None:
            return f"not captured: {self.stopped}"
        lost = f", {figures['dropped']} left out" if figures["dropped"] else ""
        ended = f" ({self.stopped})" if self.stopped else ""
        return f"captured to {self.path}, {figures['packets']} packets{lost}{ended}"

    # --- on the thread --------------------------------------------------------------------

    def drain(self) -> bool:
        """Write what waits; False when this was the last time. Never raises: the same thread writes
        the files of other calls.
        """
        closing = self._closing  # read before the deque, which then holds all earlier packets
        self.faults.run("capture thread", self._write)
        if not closing:
            return True
        self.faults.run("capture thread", self._close_file)
        self.closed.set()
        return False

    def _write(self) -> None:
        try:
            self._write_waiting()
        except OSError as error:
            self._stop(error.strerror or type(error).__name__)

    def _write_waiting(self) -> None:
        waiting = self._waiting
        if self.stopped:
            waiting.clear()
            return
        if self._writer is None:
            self._make_room()
            self._file = _create(self.path)
            self._writer = PcapWriter(self._file, self._max_bytes)
        writer, file = self._writer, self._file
        assert file is not None
        while waiting:
            at_s, source, target, payload = waiting.popleft()
            if not writer.write(self._epoch + at_s, source, target, payload):
                self._stop("the file is as big as it may be")
                return
        file.flush()

    def _stop(self, why: str) -> None:
        self.stopped = why
        self._given_up += len(self._waiting)
        self._waiting.clear()
        self._close_file()

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.close()
        except OSError as error:  # the buffered rest did not fit any more
            self.stopped = self.stopped or error.strerror or type(error).__name__


def _create(path: Path) -> BinaryIO:
    """A new file, readable by its owner alone: it holds a private conversation."""
    make_private(path)
    return path.open("wb", buffering=65_536)


class CaptureThread:
    """The thread that writes the files of all calls. It starts with the first capture."""

    def __init__(self) -> None:
        self._captures: list[CallCapture] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, capture: CallCapture) -> None:
        with self._lock:
            self._captures.append(capture)
            if self._thread is None:
                # A daemon: a disk that never answers must not keep the process from ending.
                thread = threading.Thread(target=self._run, name="captures", daemon=True)
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        while True:
            with self._lock:
                captures = list(self._captures)
                if not captures:
                    self._thread = None
                    return
            over = [capture for capture in captures if not capture.drain()]
            if over:
                with self._lock:
                    self._captures = [one for one in self._captures if one not in over]
            time.sleep(_DRAIN_EVERY_S)


class CallCaptures:
    """The captures of calls, and the limit of their size. The loop calls it."""

    def __init__(self, settings: CaptureSettings) -> None:
        self._settings = settings
        self._thread = CaptureThread()

    def begin(self, call_id: str, local: Address, open_calls: Collection[str]) -> CallCapture:
        """`open_calls`: all that are captured now, by any process, this one included. A capture
        without room reports that itself.
        """
        settings = self._settings
        room = settings.max_total_bytes - settings.max_bytes_per_call * len(open_calls)
        in_use = {_path(settings.directory, one) for one in open_calls}
        capture = CallCapture(
            _path(settings.directory, call_id),
            settings.max_bytes_per_call,
            local,
            rtp=settings.rtp,
            make_room=lambda: _prune(settings.directory, room, in_use),
            log=logs.bind_call(call_id),
        )
        if room < 0:
            capture.stopped = "capture.max_total_mb is taken by the calls that are up"
        capture.faults.run("capture thread", self._thread.begin, capture)
        return capture


def _path(directory: Path, call_id: str) -> Path:
    return directory / f"{call_id}.pcap"


def _prune(directory: Path, room: int, in_use: set[Path]) -> None:
    """Delete the oldest captures to make room for a new one."""
    with suppress(OSError):  # no permission: writing reports that
        delete_oldest((path for path in directory.glob("c-*.pcap") if path not in in_use), room)
