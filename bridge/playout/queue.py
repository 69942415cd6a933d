"""From the engine's audio to frames on the wire: resample, encode, cut, hand out one at a time.

All work is done at `push`, so that a tick only takes a frame off a queue. A sample handed out is
the sample pushed, at the same place in the item (see pcm_stream.py): then the milliseconds reported
by `flush` are what the model needs to truncate its memory of what it said.

    push, PCM16 ──► to 8 kHz ──► G.711 ───┬► whole frames ──► queue ──► next_frame (a tick)
    push, G.711 ──► the call's law ───────┤   └ rest, until more comes or the item ends
    push_local ───► G.711 ────────────────┘             fill ──► when the queue is empty

An engine's G.711 in the call's own law is handed out as it came, byte for byte. Local sounds are
items like any other, but are not cut by `flush` unless they may be.

A mark stands behind all that was queued before it, and is told when that has been handed out. What
of an item does not fill a frame then is waited for only as long as there is something else to send:
after that the frame is filled up with silence, and the item goes on with the next one.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import AudioLeft, AudioPlayed, PlayoutNews
from sipua.bridge.playout.marks import Marks
from sipua.bridge.playout.pcm_stream import PcmStream
from sipua.codecs.g711 import Law, encode, transcoding_table
from sipua.codecs.pcm import Pcm

_SAMPLES_PER_MS = 8
# Items whose end is remembered, so that late audio for one is known as such.
_ITEMS_KEPT = 64
# What is dropped is counted in bytes of PCM16 at 24 kHz, whatever the format.
_COUNTED_PER_MS = AudioFormat.PCM16.bytes_per_ms
_LAW_OF = {AudioFormat.PCMU: Law.PCMU, AudioFormat.PCMA: Law.PCMA}


# A Struct, because one is made for each frame of each call (see rtp/packet.py).
class PlayoutFrame(msgspec.Struct, gc=False):
    payload: bytes
    marker: bool
    """The first frame of a talkspurt (RFC 3551 §4.1)."""
    audio: bool
    """False: silence or filler, because nothing was ready."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """An item that was cut off."""

    item_id: str
    played_ms: int
    dropped_ms: int


@dataclass(slots=True)
class _Item:
    item_id: str
    kept: bool = False  # by `flush`
    played: int = 0  # samples handed out
    queued: int = 0  # samples in whole frames
    growing: bool = True
    flushed: bool = False


class PlayoutQueue:
    """One call's audio towards the phone. Bounded; what does not fit is dropped and counted."""

    __slots__ = (
        "_bound",
        "_filler",
        "_filler_at",
        "_format",
        "_frame_samples",
        "_frames",
        "_in_talkspurt",
        "_items",
        "_late",
        "_law",
        "_marks",
        "_open",
        "_overflow",
        "_paused_for",
        "_pcm",
        "_queued",
        "_rest",
        "_silence",
        "_translation",
        "_underruns",
        "news",
        "paused",
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
        self._format = AudioFormat.PCM16
        self._pcm: PcmStream | None = PcmStream(self._format.rate_hz)
        self._rest = b""
        self._in_talkspurt = False
        self._silence = self._silence_frame()
        self._overflow = 0
        self._late = 0
        self._underruns = 0
        self._translation: bytes | None = None
        self._filler: Sequence[bytes] = ()
        self._filler_at = 0
        self._paused_for: set[str] = set()
        self.paused = False
        """What is to be said waits, and the filler is heard."""
        self.news: deque[PlayoutNews] = deque()
        """Of the frames that were handed out, in their order, and of the marks between them. The
        sender tells it when its step is over, and takes it off."""
        self._marks = Marks(self.news.append)

    @property
    def pending(self) -> bool:
        """Whether the next frame is audio."""
        waits = self._frames or (self._in_talkspurt and self._marks.pending)
        return bool(waits) and not self.paused

    @property
    def buffered_ms(self) -> float:
        """Audio that was pushed and not handed out."""
        return (self._queued + len(self._rest)) / _SAMPLES_PER_MS

    @property
    def speaking(self) -> bool:
        """Something is to be heard now, or was with the last frame."""
        return bool(self._frames) or self._in_talkspurt

    @property
    def saying(self) -> str:
        """The item that is to be heard now, or was with the last frame, or of which more is to
        come; empty: none."""
        if self._frames:
            return self._frames[0][1].item_id
        if self._open is not None:
            return self._open.item_id
        if not self._in_talkspurt:
            return ""
        played = (item.item_id for item in reversed(self._items.values()) if item.played)
        return next(played, "")

    def knows(self, item_id: str) -> bool:
        """Whether it has been pushed before."""
        return item_id in self._items

    def played_ms(self, item_id: str) -> int:
        item = self._items.get(item_id)
        return item.played // _SAMPLES_PER_MS if item is not None else 0

    def push(self, item_id: str, audio: bytes) -> None:
        """More audio of an item in the engine's format, cut anywhere."""
        item = self._items.get(item_id)
        if item is not None and item.flushed:
            self._late += len(audio) * _COUNTED_PER_MS // self._format.bytes_per_ms
            return
        if self._open is None or self._open.item_id != item_id:
            self._close()
            self._begin(item_id, item)
            if self._pcm is not None:
                self._pcm.begin()
        if self._pcm is not None:
            pcm, lost = self._pcm.feed(audio, self._room())
            if lost:
                self._overflow += lost * _COUNTED_PER_MS // self._format.bytes_per_ms
            self._cut(encode(self._law, pcm))
            return
        if self._translation is not None:
            audio = audio.translate(self._translation)
        self._cut(self._fitting(audio))

    def push_local(self, item_id: str, pcm: Pcm, *, interruptible: bool = False) -> None:
        """A whole sound of ours at 8 kHz, behind what is queued."""
        interrupted = self._open
        self._close(for_good=False)
        item = _Item(item_id, kept=not interruptible)
        self._begin(item.item_id, item)
        self._cut(self._fitting(encode(self._law, pcm)))
        self._close()
        self._go_on(interrupted)

    def mark(self, name: str) -> None:
        """Tell, by `news`, when all that was pushed before has been handed out, or dropped."""
        unfinished = -(-self._unfinished // self._frame_samples)
        self._marks.add(name, len(self._frames) + unfinished)

    def pause(self, on: bool, asker: str) -> None:
        """What is to be said waits while one has asked for it."""
        (self._paused_for.add if on else self._paused_for.discard)(asker)
        self.paused = bool(self._paused_for)

    def fill(self, pcm: Pcm | None) -> None:
        """What is heard, over and over, whenever nothing else is to be; None: silence."""
        if pcm is None:
            self._filler = ()
            return
        size = self._frame_samples
        codes = encode(self._law, np.pad(pcm, (0, -len(pcm) % size)))
        self._filler = [codes[start : start + size] for start in range(0, len(codes), size)]
        self._filler_at = 0

    def end_item(self, item_id: str) -> None:
        """Nothing more comes for it: its last frame is filled up with silence."""
        if self._open is not None and self._open.item_id == item_id:
            self._close()

    def end_all(self) -> None:
        """The engine is gone: what it had begun to say has ended where it stands."""
        self._close()

    @property
    def format(self) -> AudioFormat:
        """What `push` gets."""
        return self._format

    def set_format(self, audio_format: AudioFormat) -> None:
        """What `push` gets from now on."""
        self._close()
        self._format = audio_format
        self._pcm = None if audio_format.is_g711 else PcmStream(audio_format.rate_hz)
        self._translate()

    def next_frame(self) -> PlayoutFrame:
        """The frame to send now. Always one: silence when there is nothing to say."""
        if self.paused or not (self._frames or (self._marks.pending and self._fill_up())):
            if self._in_talkspurt:
                self._in_talkspurt = False
                if self._open is not None and not self.paused:
                    self._underruns += 1
            return self._next_filler() if self._filler else self._silence
        payload, item, samples = self._frames.popleft()
        self._queued -= samples
        item.queued -= samples
        if not item.played:
            self.news.append(AudioLeft(item.item_id))
        item.played += samples
        if not (item.queued or item.growing):
            self.news.append(AudioPlayed(item.item_id, item.played // _SAMPLES_PER_MS))
        if self._marks.pending:
            self._marks.frame_left()
        marker = not self._in_talkspurt
        self._in_talkspurt = True
        return PlayoutFrame(payload, marker, audio=True)

    def flush(self) -> list[Flushed]:
        """Drop what was not handed out and may be cut, and the marks. Tells which items were not
        heard to their end."""
        rest = len(self._rest)
        cut = [
            item for item in self._items.values() if (item.queued or item.growing) and not item.kept
        ]
        flushed = []
        for item in cut:
            dropped = item.queued + (rest if item is self._open else 0)
            flushed.append(
                Flushed(item.item_id, item.played // _SAMPLES_PER_MS, dropped // _SAMPLES_PER_MS)
            )
            item.queued = 0
            item.growing = False
            item.flushed = True
        # What is open is the engine's: a local sound is whole when it is pushed.
        self._frames = deque(frame for frame in self._frames if not frame[1].flushed)
        self._queued = sum(samples for _, _, samples in self._frames)
        self._open = None
        self._rest = b""
        if self._pcm is not None:
            self._pcm.begin()
        self._marks.drop()
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
        self._filler = [payload.translate(table) for payload in self._filler]
        self._silence = self._silence_frame()
        self._translate()

    def counters(self) -> dict[str, int]:
        return {
            "overflow_ms": self._overflow // _COUNTED_PER_MS,
            "late_ms": self._late // _COUNTED_PER_MS,
            "underruns": self._underruns,
            "marks_dropped": self._marks.overflow,
        }

    def _silence_frame(self) -> PlayoutFrame:
        payload = bytes([self._law.silence]) * self._frame_samples
        return PlayoutFrame(payload, marker=False, audio=False)

    def _next_filler(self) -> PlayoutFrame:
        payload = self._filler[self._filler_at]
        self._filler_at = (self._filler_at + 1) % len(self._filler)
        return PlayoutFrame(payload, marker=False, audio=False)

    def _translate(self) -> None:
        law = _LAW_OF.get(self._format, self._law)
        self._translation = None if law is self._law else transcoding_table(law, self._law)

    def _begin(self, item_id: str, known: _Item | None) -> None:
        item = known or _Item(item_id)
        item.growing = True
        self._items[item_id] = item
        self._items.move_to_end(item_id)
        self._open = item
        if len(self._items) > _ITEMS_KEPT:
            done = (old for old in self._items.values() if not old.queued and old is not item)
            if (oldest := next(done, None)) is not None:
                del self._items[oldest.item_id]

    def _close(self, *, for_good: bool = True) -> None:
        """What is open gets no more audio; not `for_good`: for the moment."""
        item = self._open
        if item is None:
            return
        if self._pcm is not None:
            self._cut(encode(self._law, self._pcm.end()))
        if self._rest:
            samples = len(self._rest)
            padding = bytes([self._law.silence]) * (self._frame_samples - samples)
            self._queue(item, self._rest + padding, samples)
        self._rest = b""
        self._open = None
        if for_good:
            item.growing = False
            if item.played and not item.queued:
                self.news.append(AudioPlayed(item.item_id, item.played // _SAMPLES_PER_MS))

    def _go_on(self, item: _Item | None) -> None:
        """It was interrupted, and is still to end."""
        if item is not None:
            self._begin(item.item_id, item)
            if self._pcm is not None:
                self._pcm.go_on()

    def _fill_up(self) -> bool:
        """A mark waits for less than a frame, and there is nothing else to hand out."""
        item = self._open
        self._close(for_good=False)
        self._go_on(item)
        return bool(self._frames)

    @property
    def _unfinished(self) -> int:
        """Samples of the open item that are in no frame yet."""
        held = self._pcm.held_samples if self._pcm is not None else 0
        return len(self._rest) + held if self._open is not None else 0

    def _room(self) -> int:
        return max(0, self._bound - len(self._frames) * self._frame_samples - len(self._rest))

    def _fitting(self, codes: bytes) -> bytes:
        fitting = codes[: self._room()]
        self._overflow += (len(codes) - len(fitting)) * _COUNTED_PER_MS // _SAMPLES_PER_MS
        return fitting

    def _cut(self, codes: bytes) -> None:
        item = self._open
        assert item is not None
        codes = self._rest + codes
        size = self._frame_samples
        whole = len(codes) // size * size
        for start in range(0, whole, size):
            self._queue(item, codes[start : start + size], size)
        self._rest = codes[whole:]

    def _queue(self, item: _Item, payload: bytes, samples: int) -> None:
        self._frames.append((payload, item, samples))
        self._queued += samples
        item.queued += samples
