"""The judge itself: what it must not let pass."""

import json
from typing import Any

import pytest

from support.engine.live_types import accepted_client_event, accepted_server_event

START: dict[str, Any] = {"type": "session.start", "session": {"model": "gpt-live-1"}}


def start(**session: Any) -> str:
    return json.dumps({**START, "session": {**START["session"], **session}})


def test_what_is_right_passes() -> None:
    accepted_client_event(start(instructions="Be kind."))


@pytest.mark.parametrize(
    "session",
    [
        {"speed": 1.0},
        {"audio": {"format": {"type": "audio/pcm", "rate": 8000}}},
        {"audio": {"format": {"type": "audio/pcm"}}},
        {"audio": {"input": {}}},
        {"delegation": {"type": "responses"}},
        {"delegation": {"type": "responses", "responses": {"model": "m", "tools": [{}]}}},
        {
            "delegation": {
                "type": "responses",
                "responses": {"model": "m", "tools": [{"type": "mcp", "url": "x"}]},
            }
        },
        {"input": [{"role": "user", "content": []}]},
        {"input": [{"role": "user", "content": [{"text": "x"}]}] * 129},
    ],
)
def test_what_is_wrong_does_not(session: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, ValueError, KeyError)):
        accepted_client_event(start(**session))


@pytest.mark.parametrize(
    "event",
    [
        {"type": "session.output_audio.delta", "event_id": "event_1", "delta": ""},
        {"type": "session.output_audio.done"},
        {"type": "session.usage.updated", "event_id": "event_1", "usage": {"seconds": "1"}},
        {"type": "response.event", "event_id": "event_1", "event": {"type": "response.done"}},
    ],
)
def test_nor_what_no_server_of_the_vendors_says(event: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        accepted_server_event(json.dumps(event))
