"""The recordings of all calls of a process."""

from __future__ import annotations

from datetime import date

from sipua.codecs.pcm import Pcm
from sipua.recording.call_recording import CallRecording
from sipua.recording.files.metadata import Metadata
from sipua.recording.files.settings import RecordingSettings, When
from sipua.recording.writer import RecordingThread


class Recordings:
    def __init__(self, settings: RecordingSettings, notice: Pcm | None) -> None:
        """`notice`: what callers hear before anything is kept; None: consent is not asked for."""
        self._settings = settings
        self._notice = notice
        self._thread = RecordingThread()

    def begin(self, when: When, about: Metadata, day: date) -> CallRecording | None:
        """Of a call that begins; None: it is not recorded, and nothing is spent on it."""
        if when == "off":
            return None
        return CallRecording(
            self._settings,
            self._thread,
            when,
            about,
            day=day.isoformat(),
            notice=self._notice,
        )
