"""The file of one recording: samples in on the loop, written on a thread.

    loop:    samples ──▶ a deque (nothing else happens there)
    thread:  every second the deque ──▶ file; at the end it is put in its place, or removed

The call never waits for the disk. A recording with a hole is no recording: when it cannot be
written, nothing of it stays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.codecs.pcm import Pcm
from sipua.log import logs
from sipua.recording.wav_file import MonoWav
from sipua.twilio.recordings import store
from sipua.twilio.recordings.listening import RATE_HZ
from sipua.twilio.recordings.store import About

_MOST_WAITING: Final = 1500
"""30 s of packets: longer than any disk stalls that will recover."""
TOO_SLOW: Final = "the disk does not answer"


class SoundFile:
    """The loop calls all methods but `drain`."""

    def __init__(
        self,
        part: Path,
        about: About,
        on_over: Callable[[], None],
        log: FilteringBoundLogger | None = None,
    ) -> None:
        """`on_over`: it is in its place, or removed; called once, on the thread."""
        self.failed = ""
        """Why there is none, once it is over."""
        self._part = part
        self._about = about
        self._on_over = on_over
        self._faults = FaultOwner("recording.fault", log or logs.get(), self._broken)
        self._waiting: deque[Pcm] = deque()
        self._wav: MonoWav | None = None
        self._samples: int | None = None
        """How many are to stay; None: it goes on."""
        self._full = False
        """The thread is too late for it."""

    def add(self, pcm: Pcm) -> bool:
        """False: it has failed, and takes no more."""
        self._full = self._full or len(self._waiting) >= _MOST_WAITING
        if self._full or self.failed:
            return False
        self._waiting.append(pcm)
        return True

    def end(self, samples: int) -> None:
        """The first ones of what came are the recording; 0: there is none. Only the first call
        counts, but for one of none: then it is not put in its place any more."""
        if self._samples is None or not samples:
            self._samples = samples

    def drain(self, _now: float) -> bool:
        """See `Drained`."""
        if self._full:
            self.failed = self.failed or TOO_SLOW
        samples = self._samples  # read before the deque, which then holds all that came before
        self._faults.run("recording thread", self._write, samples)
        if samples is None and not self.failed:
            return True
        self._faults.end = nothing
        with suppress(RuntimeError):  # the loop is closed
            self._on_over()
        return False

    def _write(self, samples: int | None) -> None:
        try:
            if not self.failed and samples != 0:
                self._write_waiting()
            if not self.failed and samples:
                self._put_in_place(samples)
            elif self.failed or samples == 0:
                self._remove()
        except OSError as error:
            self._broken(error.strerror or str(error) or type(error).__name__)

    def _write_waiting(self) -> None:
        pieces = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if pieces:
            if self._wav is None:
                self._wav = MonoWav(self._part)
            self._wav.write(pieces)

    def _put_in_place(self, samples: int) -> None:
        assert self._wav is not None
        self._wav.cut(samples)
        wav, self._wav = self._wav, None
        wav.close()
        self._about.seconds = round(samples / RATE_HZ, 3)
        if self._samples:  # else it was given up meanwhile
            store.put_in_place(self._part, self._about)
        else:
            self._remove()

    def _broken(self, cause: str) -> None:
        self.failed = cause
        with suppress(OSError):
            self._remove()

    def _remove(self) -> None:
        self._waiting.clear()
        wav, self._wav = self._wav, None
        try:
            if wav is not None:
                wav.close()
        finally:
            store.remove(self._part, self._about)
