"""The words of both sides, in pieces and at last, whichever way a server tells them.

A piece that we give out is appended by its reader. Some servers repeat all that they understood
so far, and may correct it: of that the new end is given out, and a correction waits for the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sipua.bridge.engine_api.events import Event, Transcript, TranscriptFailed, Used
from sipua.bridge.engines.openai.details import worded
from sipua.bridge.engines.openai_realtime import usage
from sipua.bridge.engines.openai_realtime.events import (
    InputTranscriptDelta,
    InputTranscriptDone,
    InputTranscriptFailed,
    OutputTranscriptDelta,
    OutputTranscriptDone,
)
from sipua.bridge.engines.openai_realtime.vocabulary import InputTranscriptUpdated

MAX_ITEMS: Final = 16


class Transcripts:
    def __init__(self) -> None:
        self._told: dict[str, str] = {}  # of the caller by item, by servers that repeat themselves

    def assistant(self, event: OutputTranscriptDelta | OutputTranscriptDone) -> Sequence[Event]:
        if isinstance(event, OutputTranscriptDelta):
            return (Transcript(event.item_id, "assistant", event.delta, final=False),)
        if event.transcript is None:  # it was told in pieces, and is not repeated here
            return ()
        return (Transcript(event.item_id, "assistant", event.transcript, final=True),)

    def caller(self, event: InputTranscriptDelta | InputTranscriptDone) -> Sequence[Event]:
        item_id = event.item_id
        if isinstance(event, InputTranscriptDelta):
            return (Transcript(item_id, "user", event.delta, final=False),) if event.delta else ()
        if event.status == "in_progress":
            return self._so_far(item_id, event.transcript)
        self._told.pop(item_id, None)
        said = Transcript(item_id, "user", event.transcript, final=True)
        cost = usage.of_transcription(event.usage)
        return (said, Used(cost, "transcription")) if cost else (said,)

    def updated(self, event: InputTranscriptUpdated) -> Sequence[Event]:
        return self._so_far(event.item_id, event.transcript)

    def failed(self, event: InputTranscriptFailed) -> Sequence[Event]:
        return (TranscriptFailed(event.item_id, worded(event.error)),)

    def _so_far(self, item_id: str, text: str) -> Sequence[Event]:
        told = self._told.get(item_id, "")
        if text == told or not text.startswith(told):
            return ()
        if item_id not in self._told and len(self._told) == MAX_ITEMS:
            del self._told[next(iter(self._told))]
        self._told[item_id] = text
        return (Transcript(item_id, "user", text[len(told) :], final=False),)
