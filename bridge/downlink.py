"""From the engine's audio to frames on the wire: resample, encode, cut, hand out one at a time.

All work is done at `push`, so that a tick only takes a frame off a queue. Each item is its own
stream: the filter's delay is dropped at its start and flushed at its end, so that a sample handed
out is the sample pushed, at the same place in the item to 0.02 ms. Then the milliseconds reported
by `flush` are what the model needs to truncate its memory of what it said.

    push ──► 24 k → 8 k ──► G.711 ──► whole frames ──► queue ──► next_frame (the pacer's tick)
                                        └ rest, until more comes or the item ends
"""

from collections import OrderedDict, deque
from dataclasses import dataclass

import numpy as np
from sipua.codecs.g711 import Law, encode, transcoding_table
from sipua.codecs.resample import Downsampler24to8

_SAMPLES_PER_MS = 8
_BYTES_PER_SAMPLE = 2
# Items whose fate is remembered, so that late audio for one is known as such.
_ITEMS_KEPT = 64


# Not frozen: one is made for each frame of each call, and freezing triples the cost.
@dataclass(slots=True)
class PlayoutFrame:
    payload: bytes
    marker: bool
    """The first frame of a talkspurt (RFC 3551 §4.1)."""
    audio: bool
    """False: silence, because nothing was ready."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """An item that was cut off."""

    item_id: str
    played_ms: int
    dropped_ms: int


@dataclass(slots=True)
class _Item:
    item_id: str
    played: int = 0  # samples handed out
    queued: int = 0  # samples in whole frames
    growing: bool = True
    flushed: bool = False


class Playout:
    """One call's audio towards the phone. Bounded; what does not fit is dropped and counted."""

    __slots__ = (
        "_bound",
        "_byte",
        "_downsampler",
        "_frame_samples",
        "_frames",
        "_in_talkspurt",
        "_items",
        "_late",
        "_law",
        "_open",
        "_overflow",
        "_queued",
        "_rest",
        "_silence",
        "_skip",
        "_underruns",
    )

    def __init__(self, law: Law, *, frame_ms: int = 20, max_buffered_ms: int = 600_000) -> None:
        self._law = law
        self._frame_samples = frame_ms * _SAMPLES_PER_MS
        self._bound = max_buffered_ms * _SAMPLES_PER_MS
        self._frames: deque[tuple[bytes, _Item, int]] = deque()
        self._queued = 0  # samples of audio in `_frames`
        self._items: OrderedDict[str, _Item] = OrderedDict()
        # The item that is being received, and what of it does not fill a frame yet.
        self._open: _Item | None = None
        self._downsampler = Downsampler24to8()
        self._skip = 0
        self._byte = b""
        self._rest = b""
        self._in_talkspurt = False
        self._silence = self._silence_frame()
        self._overflow = 0
        self._late = 0
        self._underruns = 0

    @property
    def pending(self) -> bool:
        """Whether the next frame is audio."""
        return bool(self._frames)

    @property
    def buffered_ms(self) -> float:
        """Audio that was pushed and not handed out."""
        return (self._queued + len(self._rest)) / _SAMPLES_PER_MS

    def push(self, item_id: str, pcm24: bytes) -> None:
        """More audio of an item: PCM16 little-endian at 24 kHz, cut anywhere."""
        item = self._items.get(item_id)
        if item is not None and item.flushed:
            self._late += len(pcm24)
            return
        if self._open is None or self._open.item_id != item_id:
            self._close()
            self._begin(item_id, item)
        if self._byte:
            pcm24 = self._byte + pcm24
        whole = len(pcm24) // _BYTES_PER_SAMPLE * _BYTES_PER_SAMPLE
        self._byte = pcm24[whole:]
        wide = np.frombuffer(pcm24, "<i2", whole // _BYTES_PER_SAMPLE)
        room = self._bound - len(self._frames) * self._frame_samples - len(self._rest)
        fitting = wide[: max(0, room) * 3]
        self._overflow += len(wide) - len(fitting)
        self._encode(self._downsampler.process(fitting))

    def end_item(self, item_id: str) -> None:
        """Nothing more comes for it: its last frame is filled up with silence."""
        if self._open is not None and self._open.item_id == item_id:
            self._close()

    def next_frame(self) -> PlayoutFrame:
        """The frame to send now. Always one: silence when there is nothing to say."""
        if not self._frames:
            if self._in_talkspurt:
                self._in_talkspurt = False
                if self._open is not None:
                    self._underruns += 1
            return self._silence
        payload, item, samples = self._frames.popleft()
        self._queued -= samples
        item.queued -= samples
        item.played += samples
        marker = not self._in_talkspurt
        self._in_talkspurt = True
        return PlayoutFrame(payload, marker, audio=True)

    def flush(self) -> list[Flushed]:
        """Drop all that was not handed out. Tells of items that were not heard to their end."""
        rest = len(self._rest)
        cut = [item for item in self._items.values() if item.queued or item.growing]
        flushed = []
        for item in cut:
            dropped = item.queued + (rest if item is self._open else 0)
            flushed.append(
                Flushed(item.item_id, item.played // _SAMPLES_PER_MS, dropped // _SAMPLES_PER_MS)
            )
            item.queued = 0
            item.growing = False
            item.flushed = True
        self._frames.clear()
        self._queued = 0
        self._open = None
        self._rest = self._byte = b""
        return flushed

    def set_law(self, law: Law) -> None:
        """From the next frame on, in the other law; what is buffered is translated."""
        if law is self._law:
            return
        table = transcoding_table(self._law, law)
        self._law = law
        self._rest = self._rest.translate(table)
        self._frames = deque(
            (payload.translate(table), item, samples) for payload, item, samples in self._frames
        )
        self._silence = self._silence_frame()

    def counters(self) -> dict[str, int]:
        return {
            "overflow_ms": self._overflow // (3 * _SAMPLES_PER_MS),
            "late_ms": self._late // (3 * _SAMPLES_PER_MS * _BYTES_PER_SAMPLE),
            "underruns": self._underruns,
        }

    def _silence_frame(self) -> PlayoutFrame:
        payload = bytes([self._law.silence]) * self._frame_samples
        return PlayoutFrame(payload, marker=False, audio=False)

    def _begin(self, item_id: str, known: _Item | None) -> None:
        item = known or _Item(item_id)
        item.growing = True
        self._items[item_id] = item
        self._items.move_to_end(item_id)
        self._open = item
        self._downsampler.reset()
        self._skip = Downsampler24to8.DELAY_SAMPLES
        if len(self._items) > _ITEMS_KEPT:
            done = (old for old in self._items.values() if not old.queued and old is not item)
            if (oldest := next(done, None)) is not None:
                del self._items[oldest.item_id]

    def _close(self) -> None:
        item = self._open
        if item is None:
            return
        self._encode(self._downsampler.flush())
        if self._rest:
            samples = len(self._rest)
            padding = bytes([self._law.silence]) * (self._frame_samples - samples)
            self._queue(item, self._rest + padding, samples)
        self._rest = self._byte = b""
        item.growing = False
        self._open = None

    def _encode(self, pcm: np.typing.NDArray[np.int16]) -> None:
        item = self._open
        assert item is not None
        if self._skip:
            skipped = min(self._skip, len(pcm))
            self._skip -= skipped
            pcm = pcm[skipped:]
        codes = self._rest + encode(self._law, pcm)
        size = self._frame_samples
        whole = len(codes) // size * size
        for start in range(0, whole, size):
            self._queue(item, codes[start : start + size], size)
        self._rest = codes[whole:]

    def _queue(self, item: _Item, payload: bytes, samples: int) -> None:
        self._frames.append((payload, item, samples))
        self._queued += samples
        item.queued += samples
