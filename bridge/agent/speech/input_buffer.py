"""The input audio buffer: bytes of the wire, addressed by milliseconds of the session."""

from sipua.bridge.agent.speech.formats import WireFormat


class InputBuffer:
    __slots__ = ("_data", "_odd", "_start_bytes", "_start_ms", "format")

    def __init__(self, wire: WireFormat, start_ms: float = 0.0) -> None:
        self.format = wire
        self._start_ms = start_ms  # of the timeline, where this format began
        self._start_bytes = 0  # dropped since then
        self._data = bytearray()
        self._odd = b""  # half a sample, waiting for its other half

    def __len__(self) -> int:
        return len(self._data)

    @property
    def duration_ms(self) -> float:
        return len(self._data) / self.format.bytes_per_ms

    @property
    def end_ms(self) -> float:
        return self._start_ms + (self._start_bytes + len(self._data)) / self.format.bytes_per_ms

    def append(self, data: bytes) -> bytes:
        """Append the client's bytes; returns the whole samples that they completed."""
        if self._odd or len(data) % self.format.sample_bytes:
            data = self._odd + data
            whole = len(data) - len(data) % self.format.sample_bytes
            data, self._odd = data[:whole], data[whole:]
        self._data += data
        return data

    def keep_from(self, ms: float) -> None:
        self._drop(min(self._offset(ms), len(self._data)))

    def take_until(self, ms: float) -> bytes:
        end = self._offset(ms)
        taken = bytes(self._data[:end])
        self._drop(len(taken))
        return taken

    def take(self) -> bytes:
        return self.take_until(self.end_ms)

    def _offset(self, ms: float) -> int:
        position = round((ms - self._start_ms) * self.format.bytes_per_ms) - self._start_bytes
        return max(0, position - position % self.format.sample_bytes)

    def _drop(self, count: int) -> None:
        if count:
            del self._data[:count]
            self._start_bytes += count
