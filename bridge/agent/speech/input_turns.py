"""The session's input: its buffer, and the turns that voice detection cuts from it."""

from dataclasses import dataclass

from sipua.bridge.agent.speech.formats import WireFormat
from sipua.bridge.agent.speech.input_buffer import InputBuffer
from sipua.codecs.vad import EnergyVad, SpeechStarted, SpeechStopped, VadConfig

QUIET_KEPT_MS = 5000  # of input without speech: for the padding and manual commits


class InputBufferFull(Exception):  # noqa: N818 - a state of the buffer, not a fault in it
    """More uncommitted audio than may be kept."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A finished turn."""

    audio_end_ms: int
    audio: bytes


class InputTurnDetector:
    __slots__ = ("_buffer", "_limit_s", "_vad")

    def __init__(self, wire: WireFormat, vad: VadConfig | None, limit_s: int) -> None:
        self._limit_s = limit_s
        self._buffer = InputBuffer(wire)
        self._vad: EnergyVad | None = None
        self.tune(vad)

    @property
    def format(self) -> WireFormat:
        return self._buffer.format

    @property
    def speaking(self) -> bool:
        """The caller does."""
        return self._vad is not None and self._vad.speaking

    @property
    def end_ms(self) -> int:
        return int(self._buffer.end_ms)

    @property
    def buffered_ms(self) -> float:
        return self._buffer.duration_ms

    def change_format(self, wire: WireFormat) -> None:
        """The timeline goes on, uncommitted audio is dropped; call `tune` after it."""
        self._buffer = InputBuffer(wire, self._buffer.end_ms)

    def tune(self, vad: VadConfig | None) -> None:
        wire = self._buffer.format
        self._vad = None if vad is None else EnergyVad(vad, wire.rate, self._buffer.end_ms)

    def append(self, data: bytes) -> list[SpeechStarted | Turn]:
        buffer = self._buffer
        limit = self._limit_s * 1000 * buffer.format.bytes_per_ms
        if self._vad is None:
            if len(buffer) + len(data) > limit:
                raise InputBufferFull
            buffer.append(data)
            return []
        events: list[SpeechStarted | Turn] = []
        for event in self._vad.feed(buffer.format.decode(buffer.append(data))):
            if isinstance(event, SpeechStopped):
                events.append(Turn(event.audio_end_ms, buffer.take_until(event.audio_end_ms)))
            else:
                buffer.keep_from(event.audio_start_ms)
                events.append(event)
        if not self._vad.speaking:
            buffer.keep_from(buffer.end_ms - QUIET_KEPT_MS)
        elif len(buffer) > limit:
            self._vad.end_turn()
            events.append(Turn(self.end_ms, buffer.take()))
        return events

    def take(self) -> bytes:
        """Everything not yet committed; a turn in progress ends here."""
        if self._vad is not None:
            self._vad.end_turn()
        return self._buffer.take()
