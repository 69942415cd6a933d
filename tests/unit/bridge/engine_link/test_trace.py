"""What of a message stands in the trace of a session, and what does not."""

import msgspec
import pytest

from sipua.bridge.engine_link.trace import summary


def test_the_type_and_what_is_short() -> None:
    message = {"type": "error", "event_id": "e1", "audio_end_ms": 20, "item": {"id": "i"}}
    told = ("error", {"event_id": "e1", "audio_end_ms": 20})
    assert summary(msgspec.json.encode(message)) == told


def test_messages_that_are_named_by_their_event() -> None:
    """And the caller's key, which may be a PIN's, is not told."""
    pressed = {"event": "dtmf", "sequenceNumber": "3", "dtmf": {"digit": "5"}}
    assert summary(msgspec.json.encode(pressed)) == ("dtmf", {"sequenceNumber": "3"})


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ("session.commentary.append", "content"),
        ("session.input_transcript.delta", "delta"),
        ("response.function_call_arguments.done", "arguments"),
        ("conversation.item.input_audio_transcription.completed", "transcript"),
    ],
)
def test_what_people_and_tools_said_is_not_told(event: str, field: str) -> None:
    assert summary(msgspec.json.encode({"type": event, field: "my PIN is 4711"})) == (event, {})
