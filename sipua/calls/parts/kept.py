"""What is kept of one call beside its events: its record, its packets, its sound."""

from __future__ import annotations

from typing import Any

from sipua.bridge.call.call_bridge import CallBridge
from sipua.capture.call_capture import CallCapture
from sipua.record.recorder import CallRecord
from sipua.recording.call_recording import CallRecording, RecordedCall
from sipua.sip.messages import NegotiatedMedia


class Kept:
    """Each is None where the configuration does not want it."""

    def __init__(
        self,
        record: CallRecord | None,
        capture: CallCapture | None,
        recording: CallRecording | None,
    ) -> None:
        self.record = record
        self.capture = capture
        self.recording = recording

    def attach(self, call: RecordedCall, bridge: CallBridge) -> None:
        """Before its media is opened."""
        if self.record is not None:
            call.subscribe(self.record.feed)
        bridge.leg.tap = self.capture.tap if self.capture else None
        if self.recording is not None:
            self.recording.attach(call, bridge)

    def on_media(self, media: NegotiatedMedia) -> None:
        if self.recording is not None:
            self.recording.on_media(media.codec, media.accepted_types)

    def on_confirmed(self) -> None:
        """Before our first packet leaves."""
        if self.record is not None:
            self.record.answered()
        if self.recording is not None:
            self.recording.on_confirmed()

    async def end_capture(self) -> None:
        if self.capture is not None:
            await self.capture.close()

    async def end_recording(self) -> None:
        if self.recording is not None:
            await self.recording.close()

    async def end_record(self, outcome: dict[str, Any]) -> None:
        if self.record is not None:
            await self.record.end(**outcome)

    def stats(self) -> dict[str, Any]:
        """For `call.ended`."""
        return {
            **(self.record.stats() if self.record else {}),
            **({"capture": self.capture.stats()} if self.capture else {}),
            **({"recording": self.recording.stats()} if self.recording else {}),
        }
