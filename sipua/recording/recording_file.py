"""The file of one recording: packets in on the loop, samples out on a thread.

    loop:    packets ──▶ two deques (nothing else happens there)
    thread:  every second both deques ──▶ channels ──▶ file, up to 1.5 s before now

The call never waits for the disk. When there is no room, sound is dropped and the loop is told
once; when there is room again, silence takes the place of what is missing, so that the rest stays
at its time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from structlog.typing import FilteringBoundLogger

from sipua.bridge.fault_owner import FaultOwner
from sipua.codecs.g711 import Law
from sipua.log import logs
from sipua.recording.channels import RATE_HZ, RESTART, CallerChannel, Heard, SentChannel
from sipua.recording.wav_file import StereoWav
from sipua.rtp.events import Address, RtpEvent

_BEHIND: Final = RATE_HZ * 3 // 2
"""Sound is written so late: until then a packet can still get its place."""
_MOST_WAITING: Final = 1500
"""30 s of packets: longer than any disk stalls that will recover."""
_BLOCK: Final = 10 * RATE_HZ
_CLOSE_WITHIN_S: Final = 2.0
_SOON_S: Final = 60.0


class RecordingFile:
    """The loop calls all methods, except where it is said."""

    def __init__(
        self,
        path: Path,
        began_s: float,
        laws: Mapping[int, Law],
        *,
        law: Law | None = None,
        mask_digits: bool = False,
        complain: Callable[[str], None] = lambda why: None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        """`began_s`: its beginning, by the monotonic clock. `law`: the file's; None: PCM.
        `complain`: told once why it is incomplete, on the thread.
        """
        self.path = path
        self.taking = True
        """False: what comes is not kept."""
        self.closed = threading.Event()
        self.failed = ""
        """Why sound is missing, at last."""
        self.dropped = 0
        """Packets that the thread was too late for."""
        self._law = law
        self._began_s = began_s
        self._complain = complain
        self._faults = FaultOwner("recording.fault", log or logs.get(), self._give_up)
        self._heard: deque[Heard] = deque()
        self._sent: deque[tuple[float, bytes]] = deque()
        self._left = CallerChannel(began_s, laws, mask_digits=mask_digits)
        self._right = SentChannel(began_s, laws, mask_digits=mask_digits)
        self._wav: StereoWav | None = None
        self._missing = 0  # samples in a row, up to now, that are not in the file
        self._missed = 0
        self._ended_s: float | None = None

    # --- on the loop ----------------------------------------------------------------------

    def heard(self, events: Sequence[RtpEvent]) -> None:
        if not self.taking:
            return
        if len(self._heard) < _MOST_WAITING:
            self._heard.extend(events)
        else:
            self.dropped += len(events)

    def tap(self, now: float, sent: bool, _peer: Address, datagram: bytes) -> None:
        """See `Tap`: of what is received the reorder buffer tells more."""
        if not (sent and self.taking):
            return
        if len(self._sent) < _MOST_WAITING:
            self._sent.append((now, datagram))
        else:
            self.dropped += 1

    def pause(self) -> None:
        self.taking = False

    def go_on(self) -> None:
        self._heard.append(RESTART)
        self.taking = True

    def end(self, now: float) -> None:
        """Take no more; the thread writes the rest. A second call does nothing."""
        self.taking = False
        if self._ended_s is None:
            self._ended_s = now

    @property
    def seconds(self) -> float:
        """In the file."""
        return self._wav.frames / RATE_HZ if self._wav else 0.0

    @property
    def missed_s(self) -> float:
        """Silence in place of sound that could not be written, or came too late."""
        return round((self._missed + self._left.late) / RATE_HZ, 3)

    # --- on the thread --------------------------------------------------------------------

    def drain(self, now: float) -> bool:
        """Write what is due; False when this was the last time. Never raises: the same thread
        writes the files of other calls.
        """
        ended_s = self._ended_s  # read before the deques, which then hold all earlier packets
        self._faults.run("recording thread", self._write, now, ended_s)
        if ended_s is None:
            return True
        if self._missing and not self._faults.cause and now < ended_s + _CLOSE_WITHIN_S:
            return True  # there may be room again
        self._faults.run("recording thread", self._close)
        self.closed.set()
        return False

    def _write(self, now: float, ended_s: float | None) -> None:
        if self._faults.cause:
            self._heard.clear()
            self._sent.clear()
            return
        self._feed()
        if ended_s is None:
            until = round((now - self._began_s) * RATE_HZ) - _BEHIND
            self._left.settle(until + RATE_HZ)
        else:
            until = round((ended_s - self._began_s) * RATE_HZ)
            self._left.settle(until + round(_SOON_S * RATE_HZ))
        left, right = self._left.track.take(until), self._right.track.take(until)
        try:
            if self._wav is None:
                self._wav = StereoWav(self.path, self._law)
            self._make_up(self._wav)
            if len(left):
                self._wav.write(left, right)
        except OSError as error:
            self._missing += len(left)
            why = error.strerror or str(error) or type(error).__name__
            if not self.failed:
                self._complain(why)
            self.failed = why

    def _feed(self) -> None:
        heard, sent = self._heard, self._sent
        for _ in range(len(heard)):
            self._left.feed(heard.popleft())
        for _ in range(len(sent)):
            self._right.feed(*sent.popleft())

    def _make_up(self, wav: StereoWav) -> None:
        """Write silence for what is missing. Raises OSError."""
        while self._missing:
            block = np.zeros(min(self._missing, _BLOCK), np.int16)
            wav.write(block, block)
            self._missing -= len(block)
            self._missed += len(block)

    def _close(self) -> None:
        self._missed += self._missing
        if self._wav is not None:
            try:
                self._wav.close()
            except OSError as error:
                self.failed = self.failed or error.strerror or type(error).__name__

    def _give_up(self, cause: str) -> None:
        self.failed = cause
        self._complain(cause)
