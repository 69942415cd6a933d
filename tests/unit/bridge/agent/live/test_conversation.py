import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.agent.live.conversation import INJECTED_AFTER_MS, MAX_MODEL_TEXTS
from sipua.bridge.agent.live.track import GIVE_WAY_MS
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.prompts import TEXTS
from support.engine.agent_client import error_of, one, only, types_of
from support.engine.live_client import RATE_MS, LiveClient, track_of, words_of
from support.engine.live_sounds import BACKEND, GREETING, GREETING_MS, loud, tone
from support.media import audio

# The session


def test_the_client_speaks_first_and_the_session_is_shown_whole() -> None:
    client = LiveClient(instructions="Be kind.")
    started = one(client.log, "session.started")
    session = started["session"]
    assert session["id"].startswith("live_")
    assert session["instructions"] == "Be kind."
    assert session["audio"] == {
        "format": {"type": "audio/pcm", "rate": 24_000},
        "output": {"voice": "marin"},
    }
    assert session["delegation"] == {"type": "client"}
    assert session["input"] == []
    assert session["status"] == "active"


def test_nothing_before_the_start_and_no_second_one() -> None:
    client = LiveClient(started=False)
    assert error_of(client.append(b""))["code"] == "session_not_started"
    client.send("session.start", session={"model": "m"})
    again = client.send("session.start", session={"model": "m"})
    assert error_of(again)["code"] == "session_already_started"


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({}, "session.model"),
        ({"model": "m", "speed": 1.2}, "session.speed"),
        ({"model": "m", "audio": {"input": {}}}, "session.audio.input"),
        (
            {"model": "m", "delegation": {"type": "responses", "responses": {}}},
            "session.delegation.responses.model",
        ),
    ],
)
def test_what_the_vendor_refuses_is_refused(session: dict[str, Any], param: str) -> None:
    client = LiveClient(started=False)
    message = json.dumps({"type": "session.start", "event_id": "start_1", "session": session})
    error = error_of(client.raw(message))
    assert error["param"] == param
    assert error["client_event_id"] == "start_1"
    assert error["type"] == "invalid_request_error"


def test_sixteen_kilohertz_are_the_vendors_alone() -> None:
    client = LiveClient(started=False)
    wire = {"type": "audio/pcm", "rate": 16_000}
    refused = client.send("session.start", session={"model": "m", "audio": {"format": wire}})
    assert error_of(refused)["param"] == "session.audio.format.rate"


def test_an_update_changes_the_backend_and_nothing_else() -> None:
    client = LiveClient(delegation=BACKEND)
    change = {"type": "responses", "responses": {"instructions": "Be quick."}}
    updated = one(client.send("session.update", session={"delegation": change}), "session.updated")
    responses = updated["session"]["delegation"]["responses"]
    assert responses == {**BACKEND["responses"], "instructions": "Be quick."}  # type: ignore[dict-item]
    other = client.send("session.update", session={"delegation": {"type": "client"}})
    assert error_of(other)["param"] == "session.delegation.type"


def test_the_end_is_asked_for_and_has_a_bill() -> None:
    client = LiveClient()
    client.wait(3000)
    closed = one(client.send("session.close", event_id="bye"), "session.closed")
    assert closed["reason"] == "close_requested"
    assert closed["usage"] == {"seconds": 3}
    assert closed["client_event_id"] == "bye"
    assert client.conversation.closed
    assert client.append(bytes(960)) == []


def test_a_session_has_its_time() -> None:
    client = LiveClient(AgentSettings(session_limit_s=60))
    assert client.conversation.next_deadline() == client.now + 60
    assert client.conversation.handle_timer(client.now + 59) == []
    events = client._take(client.conversation.handle_timer(client.now + 60))
    assert one(events, "session.closed")["reason"] == "expired"
    assert client.conversation.expired


def test_a_session_that_never_started_has_nothing_to_settle() -> None:
    client = LiveClient(AgentSettings(session_limit_s=60), started=False)
    assert client.conversation.handle_timer(client.now + 60) == []
    assert client.conversation.expired


# Its time


def test_the_track_moves_with_the_input_and_only_with_it() -> None:
    client = LiveClient()
    events = client.wait(1000)
    assert types_of(events) == ["session.output_audio.delta"] * 10
    assert not loud(track_of(events))
    assert client.append(bytes(99 * RATE_MS * 2)) == []
    assert len(client.append(bytes(1 * RATE_MS * 2))) == 1


def test_usage_is_told_every_quarter_of_a_minute() -> None:
    usage = only(LiveClient().wait(46_000), "session.usage.updated")
    assert [event["usage"]["seconds"] for event in usage] == [15, 30, 45]


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_G711_has_G711s_silence(law: str) -> None:
    client = LiveClient(audio={"format": {"type": f"audio/{law}", "rate": 8000}})
    silence = {"pcmu": b"\xff", "pcma": b"\xd5"}[law] * 800
    (delta,) = client.append(silence)
    assert base64.b64decode(delta["delta"]) == silence


def test_too_much_at_once_is_refused() -> None:
    refused = LiveClient().append(bytes(11_000 * RATE_MS * 2))
    assert error_of(refused)["param"] == "audio"


# What is said


def test_the_greeting_is_said_when_the_track_has_come_to_its_request() -> None:
    client = LiveClient()
    assert client.send("session.instructions.append", content="Greet.", delegation_id=None) == []
    assert client.commentary() == []  # without audio no time passes
    events = client.wait(GREETING_MS + 1000)
    told = only(events, "session.instructions.appended") + only(
        events, "session.commentary.appended"
    )
    assert [event["end_ms"] for event in told] == [INJECTED_AFTER_MS] * 2
    track = track_of(events)
    assert not loud(track[: INJECTED_AFTER_MS * RATE_MS])
    start = INJECTED_AFTER_MS * RATE_MS
    assert np.array_equal(track[start : start + GREETING.size], GREETING)
    assert not loud(track[start + GREETING.size :])
    assert words_of(events) == TEXTS["greeting"]


def test_words_come_with_their_sound() -> None:
    client = LiveClient()
    client.commentary()
    words = only(client.wait(GREETING_MS + 1000), "session.output_transcript.delta")
    spans = [(event["start_ms"], event["end_ms"]) for event in words]
    assert spans == sorted(spans)
    assert spans[0][0] == INJECTED_AFTER_MS
    assert spans[-1][1] <= INJECTED_AFTER_MS + GREETING_MS + 100


def test_what_is_only_to_be_known_is_not_answered() -> None:
    client = LiveClient()
    client.send("session.thinking.append", content="It rains.", delegation_id=None)
    events = client.wait(1000)
    one(events, "session.thinking.appended")
    assert not loud(track_of(events))


def test_the_parrot_says_what_it_heard() -> None:
    client = LiveClient()
    said = audio.resample(audio.speech("short"), audio.PHONE_RATE_HZ, 24_000)
    client.wait(500)
    client.say(said)
    answer = client.wait(said.size // RATE_MS + 2000)
    assert "s of speech]" in words_of(answer, "input")
    assert words_of(answer) == words_of(answer, "input")
    assert audio.find(said, track_of(answer), rate_hz=24_000).score > 0.99
    assert client.conversation.counters.turns == 1


def test_the_model_thinks_first_if_it_is_told_to() -> None:
    client = LiveClient(AgentSettings(latency_ms=500))
    client.commentary()
    track = track_of(client.wait(2000))
    first_ms = int(np.argmax(np.abs(track.astype(int)) > 1000)) / RATE_MS
    assert INJECTED_AFTER_MS + 500 <= first_ms <= INJECTED_AFTER_MS + 700


def test_silence_mode_says_nothing() -> None:
    client = LiveClient(AgentSettings(mode="silence"))
    client.commentary()
    assert not loud(track_of(client.wait(2000)))


def test_who_talks_into_it_silences_it() -> None:
    client = LiveClient()
    client.commentary()
    before_ms = 1000
    client.wait(before_ms)
    over = track_of(client.say(tone(GREETING_MS)))
    heard_ms = 60  # of a voice, until it is one
    last_ms = int(np.flatnonzero(np.abs(over.astype(int)) > 300)[-1]) / RATE_MS
    assert GIVE_WAY_MS / 2 < last_ms <= heard_ms + GIVE_WAY_MS + 100
    assert client.conversation.counters.interrupted == 1
    assert words_of(client.log) != TEXTS["greeting"]


def test_a_muted_caller_is_not_heard_and_the_time_goes_on() -> None:
    client = LiveClient()
    one(client.send("session.input_audio.mute"), "session.input_audio.muted")
    assert len(only(client.say(tone(1000)), "session.output_audio.delta")) == 10
    client.wait(1000)
    assert client.conversation.counters.turns == 0
    one(client.send("session.input_audio.unmute"), "session.input_audio.unmuted")
    client.say(tone(1000))
    client.wait(1000)
    assert client.conversation.counters.turns == 1


def test_no_delegation_is_ever_the_clients() -> None:
    client = LiveClient()
    refused = client.send("session.commentary.append", content="x", delegation_id="del_1")
    assert error_of(refused)["param"] == "delegation_id"
    for event_type in ("response.item.create", "response.create"):
        item = {"item": {"type": "message", "role": "user", "content": "x"}}
        refused = client.send(event_type, **(item if "item" in event_type else {}))
        assert "requires Responses delegation" in error_of(refused)["message"]


def test_who_appends_without_end_is_stopped() -> None:
    client = LiveClient()
    for _ in range(MAX_MODEL_TEXTS):
        assert client.commentary() == []
    assert error_of(client.commentary())["code"] == "rate_limit_exceeded"


def test_an_answer_to_a_call_that_nobody_made() -> None:
    client = LiveClient(delegation=BACKEND)
    item = {"type": "function_call_output", "call_id": "call_9", "output": "x"}
    refused = client.send("response.item.create", item=item)
    assert error_of(refused)["code"] == "invalid_tool_call_id"


# Whatever comes


@pytest.mark.parametrize("message", [b"", b"{", b"null", b"\xff", b"[" * 100_000, b'{"type":"x"}'])
def test_M6_what_is_no_event_is_an_error(message: bytes) -> None:
    client = LiveClient()
    assert error_of(client.raw(message))["type"] == "invalid_request_error"
    assert client.conversation.counters.client_errors == 1


@given(st.lists(st.binary(max_size=80) | st.text(max_size=80), max_size=5))
def test_any_bytes_are_answered_with_valid_events(messages: list[bytes | str]) -> None:
    client = LiveClient()
    for message in messages:
        client.raw(message)


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_any_audio_in_any_portions(data: bytes, size: int) -> None:
    client = LiveClient()
    for start in range(0, len(data), size):
        client.append(data[start : start + size])
