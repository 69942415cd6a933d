"""Audio that an engine cuts anywhere, cut behind whole samples."""

from __future__ import annotations

from sipua.bridge.engine_api.settings import AudioFormat


class WholeSamples:
    def __init__(self) -> None:
        self._half = b""

    def of(self, audio: bytes, form: AudioFormat) -> bytes:
        """What is whole by now; the half sample behind it waits for its other half."""
        if form.is_g711:
            return audio
        audio = self._half + audio if self._half else audio
        whole = len(audio) & ~1
        self._half = audio[whole:]
        return audio[:whole]

    def forget(self) -> None:
        """What comes is the begin of something else."""
        self._half = b""
