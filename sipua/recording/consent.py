"""The question for the caller's consent, from the events of the call. No I/O.

    announce   what is said of the recording has been played to its end
    key        the caller presses the key, once that has begun and until some seconds behind it

Any other key is a no. What is not heard to its end is no consent.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from sipua.bridge.events import AudioLeft, AudioPlayed, BridgeEvent, Interrupted
from sipua.recording.files.settings import RecordingSettings
from sipua.rtp.events import Dtmf

Verdict: TypeAlias = Literal["agreed", "declined", "not_heard"]


class ConsentQuestion:
    def __init__(self, item_id: str, settings: RecordingSettings) -> None:
        """`item_id`: of the announcement, by which events name it."""
        self._item_id = item_id
        self._key = settings.key if settings.consent == "key" else ""
        self._begun = False
        self.played = False
        """The announcement has been heard; only a key is missing."""

    def feed(self, event: BridgeEvent) -> Verdict | None:
        """None: it is open still."""
        match event:
            case AudioLeft() if event.item_id == self._item_id:
                self._begun = True
            case AudioPlayed() if event.item_id == self._item_id:
                self.played = True
                return None if self._key else "agreed"
            case Interrupted() if event.item_id == self._item_id:
                return "not_heard"
            case Dtmf() if self._key and self._begun:
                return "agreed" if event.digit == self._key else "declined"
        return None
