import base64
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.formats import FORMATS, PCM, Clip, converted
from sipua.bridge.agent.speech.prompts import prompt
from support.engine.agent_client import AgentClient, audio_of, error_of, one, only, types_of
from support.engine.realtime_types import CLIENT_MODELS
from support.engine.vendor_types import sample
from support.media.audio import find, resample, silence, speech, tone

RATE = 24_000
VOICE = tone(300, 600, RATE)
QUIET = silence(700, RATE)
TURN = np.concatenate((VOICE, QUIET))
TURN_EVENTS = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
]
MANUAL = None
LISTEN_ONLY = {"type": "server_vad", "create_response": False}


def test_a_session_is_shown_at_once_and_after_each_update() -> None:
    client = AgentClient()
    created = one(client.log, "session.created")["session"]
    assert created["id"].startswith("sess_")
    assert created["model"] == "local"
    later = one(client.update(instructions="be brief"), "session.updated")["session"]
    assert later == {**created, "instructions": "be brief"}


def test_a_turn_is_heard_committed_and_answered() -> None:
    client = AgentClient()
    client.say(silence(1000, RATE))
    events = client.say(TURN)
    assert types_of(events)[: len(TURN_EVENTS)] == TURN_EVENTS
    started, stopped, committed, added = events[:4]
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (700, 2100)
    assert started["item_id"] == stopped["item_id"] == committed["item_id"] == added["item"]["id"]
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]


def test_a_parrot_says_back_the_turn_with_its_padding() -> None:
    client = AgentClient()
    events = client.say(silence(1000, RATE)) + client.say(TURN) + client.wait(2000)
    expected = np.concatenate((silence(300, RATE), VOICE, silence(500, RATE)))
    assert audio_of(events) == expected.astype("<i2").tobytes()


def test_a_parrot_says_back_real_speech() -> None:
    voice = resample(speech("short"), 8000, RATE)
    client = AgentClient()
    events = client.say(np.concatenate((voice, silence(800, RATE)))) + client.wait(5000)
    heard = np.frombuffer(audio_of(events), "<i2").astype(np.int16)
    loud = voice[np.argmax(np.abs(voice) > 500) :][: RATE // 2]
    assert find(loud, heard, RATE).score > 0.99


@pytest.mark.parametrize(("mode", "duration_ms"), [("tone", 1000), ("silence", 0)])
def test_the_other_modes(mode: str, duration_ms: int) -> None:
    client = AgentClient(AgentSettings(mode=mode))  # type: ignore[arg-type]
    events = client.say(TURN) + client.wait(3000)
    assert types_of(events)[: len(TURN_EVENTS)] == TURN_EVENTS
    assert len(audio_of(events)) == duration_ms * 48
    assert one(events, "response.done")["response"]["status"] == "completed"


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_all_formats_in_and_out(source: str, target: str) -> None:
    client = AgentClient()
    client.update(
        audio={
            "input": {"format": {"type": source}},
            "output": {"format": {"type": target}},
        }
    )
    wire = FORMATS[source]
    turn = converted(Clip(TURN.astype("<i2").tobytes(), PCM, ""), wire).data
    size = 20 * wire.bytes_per_ms
    events = []
    for start in range(0, len(turn), size):
        events += client.append(turn[start : start + size])
    events += client.wait(3000)
    assert one(events, "input_audio_buffer.speech_started")["audio_start_ms"] == 0
    answer = Clip(audio_of(events), FORMATS[target], "")
    heard = np.frombuffer(converted(answer, PCM).data, "<i2").astype(np.int16)
    assert find(VOICE[:7200], heard, RATE).score > 0.98


def test_M5_speech_interrupts_a_running_response() -> None:
    client = AgentClient()
    client.send("response.create")
    events = client.say(VOICE)
    types = types_of(events)
    assert types.index("input_audio_buffer.speech_started") < types.index("response.done")
    done = one(events, "response.done")["response"]
    assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    after = types[types.index("response.done") :]
    assert "response.output_audio.delta" not in after


def test_M5_the_client_truncates_at_what_was_heard() -> None:
    client = AgentClient()
    client.send("response.create")
    item = one(client.say(VOICE), "response.done")["response"]["output"][0]
    events = client.send(
        "conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=80
    )
    assert types_of(events) == ["conversation.item.truncated"]
    assert events[0]["audio_end_ms"] == 80
    shown = client.send("conversation.item.retrieve", item_id=item["id"])[0]["item"]
    part = shown["content"][0]
    assert part["transcript"] == ""
    assert len(base64.b64decode(part["audio"])) == 80 * 48


def test_M5_truncating_what_is_not_there_is_an_error() -> None:
    client = AgentClient()
    client.send("response.create")
    item = one(client.say(VOICE), "response.done")["response"]["output"][0]

    def truncate(**fields: object) -> dict[str, object]:
        content = {"item_id": item["id"], "content_index": 0, "audio_end_ms": 10, **fields}
        return error_of(client.send("conversation.item.truncate", event_id="mine", **content))

    length_ms = len(audio_of(client.log)) // 48
    beyond = truncate(audio_end_ms=length_ms + 1)
    assert beyond == {
        "type": "invalid_request_error",
        "code": "invalid_value",
        "message": f"Audio content of {length_ms}ms is already shorter than {length_ms + 1}ms",
        "param": "audio_end_ms",
        "event_id": "mine",
    }
    assert truncate(item_id="item_x")["code"] == "item_truncate_invalid_item_id"
    assert truncate(content_index=1)["param"] == "content_index"
    user = only(client.say(QUIET), "conversation.item.done")[0]["item"]
    assert "Only model output" in str(truncate(item_id=user["id"])["message"])


def test_an_uninterruptible_response_goes_on_and_the_turn_has_no_answer() -> None:
    client = AgentClient(AgentSettings(speed=1.0))
    client.detect({"type": "server_vad", "interrupt_response": False})
    client.send("response.create")
    events = client.say(TURN)
    assert one(events, "input_audio_buffer.committed")
    assert "response.created" not in types_of(events)
    assert one(client.wait(5000), "response.done")["response"]["status"] == "completed"


def test_without_create_response_the_client_asks() -> None:
    client = AgentClient()
    client.detect(LISTEN_ONLY)
    events = client.say(TURN)
    assert types_of(events) == TURN_EVENTS[:-1]
    assert len(audio_of(client.send("response.create") + client.wait(2000))) == 1100 * 48


def test_manual_commit() -> None:
    client = AgentClient()
    client.detect(MANUAL)
    assert client.say(VOICE) == []
    events = client.send("input_audio_buffer.commit")
    assert types_of(events) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    answer = client.send("response.create") + client.wait(2000)
    assert audio_of(answer) == VOICE.astype("<i2").tobytes()
    error = error_of(client.send("input_audio_buffer.commit", event_id="again"))
    assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "again")


def test_committing_in_the_middle_of_speech_ends_the_turn_without_speech_stopped() -> None:
    client = AgentClient()
    started = one(client.say(VOICE), "input_audio_buffer.speech_started")
    committed = client.send("input_audio_buffer.commit")[0]
    assert committed["item_id"] == started["item_id"]
    assert client.say(QUIET) == []


def test_clear_forgets_the_turn() -> None:
    client = AgentClient()
    client.say(VOICE)
    assert types_of(client.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert client.say(QUIET) == []
    assert error_of(client.send("output_audio_buffer.clear"))


def test_the_input_buffer_is_bounded() -> None:
    client = AgentClient(AgentSettings(max_input_s=1))
    client.detect(MANUAL)
    data = bytes(48 * 600)
    assert client.append(data) == []
    assert error_of(client.append(data))["code"] == "input_audio_buffer_full"
    assert client.send("input_audio_buffer.commit")
    assert client.append(data) == []


def test_one_response_at_a_time() -> None:
    client = AgentClient()
    running = one(client.send("response.create"), "response.created")["response"]["id"]
    error = error_of(client.send("response.create", event_id="second"))
    assert error["code"] == "conversation_already_has_active_response"
    assert running in error["message"]
    assert error["event_id"] == "second"
    assert error_of(client.send("response.cancel", response_id="resp_other"))
    assert one(client.send("response.cancel", response_id=running), "response.done")
    error = error_of(client.send("response.cancel"))
    assert error["code"] == "response_cancel_not_active"


def test_asked_again_it_says_that_it_listens() -> None:
    client = AgentClient()
    client.send("response.create", response={"instructions": "greet"})
    client.wait(5000)
    events = client.send("response.create") + client.wait(5000)
    assert audio_of(events) == prompt("listening").data


def test_the_voice_is_locked_after_the_first_audio() -> None:
    client = AgentClient()
    assert one(client.update(audio={"output": {"voice": "ash"}}), "session.updated")
    client.send("response.create")
    assert error_of(client.update(audio={"output": {"voice": "sage"}}))["code"] == (
        "cannot_update_voice"
    )
    assert one(client.update(audio={"output": {"voice": "ash"}}), "session.updated")


def test_transcription_tells_how_long_the_speech_was() -> None:
    client = AgentClient()
    client.update(audio={"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}})
    completed = one(client.say(TURN), "conversation.item.input_audio_transcription.completed")
    assert completed["transcript"] == "[1.1 s of speech]"


def test_the_idle_timeout_prompts_the_caller() -> None:
    client = AgentClient()
    client.detect({"type": "server_vad", "idle_timeout_ms": 5000})
    client.send("response.create")
    client.say(silence(prompt("greeting").duration_ms + 4900, RATE))
    events = client.say(silence(200, RATE))
    assert types_of(events)[:5] == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    assert 4900 < events[0]["audio_end_ms"] - events[0]["audio_start_ms"] <= 5000
    assert audio_of(events + client.wait(3000)) == prompt("listening").data
    assert only(client.wait(7000), "input_audio_buffer.timeout_triggered")


def test_speech_stops_the_idle_timeout() -> None:
    client = AgentClient()
    client.detect({"type": "server_vad", "idle_timeout_ms": 5000, "create_response": False})
    client.send("response.create")
    events = client.wait(2000) + client.say(TURN) + client.wait(20_000)
    assert "input_audio_buffer.timeout_triggered" not in types_of(events)


def test_M3_a_session_ends_after_its_time() -> None:
    client = AgentClient(AgentSettings(session_limit_s=60.0))
    assert client.wait(59_000) == []
    error = error_of(client.wait(2000))
    assert error["code"] == "session_expired"
    assert client.conversation.expired


def test_items_are_deleted_and_retrieved() -> None:
    client = AgentClient()
    item = only(client.say(TURN), "conversation.item.done")[0]["item"]
    shown = client.send("conversation.item.retrieve", item_id=item["id"])[0]["item"]
    assert len(base64.b64decode(shown["content"][0]["audio"])) == 1100 * 48
    assert client.send("conversation.item.delete", item_id=item["id"])[0]["item_id"] == item["id"]
    for event in ("delete", "retrieve"):
        error = error_of(client.send(f"conversation.item.{event}", item_id=item["id"]))
        assert error["code"] == f"item_{event}_invalid_item_id"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"null",
        b'{"type":"response.audio.delta","event_id":"mine"}',
        b'{"type":"input_audio_buffer.append","audio":"*","event_id":"mine"}',
        b'{"type":"input_audio_buffer.append","audio":null}',
        b'{"type":"session.update","session":{"type":"transcription"}}',
        b'{"type":"session.update","session":{"type":"realtime","tools":' + b"[" * 50_000 + b"}}",
    ],
)
def test_M6_garbage_is_answered_by_an_error_and_the_session_goes_on(message: bytes) -> None:
    client = AgentClient()
    error = error_of(client.raw(message))
    assert error["type"] == "invalid_request_error"
    assert error["event_id"] == ("mine" if b"mine" in message else None)
    assert client.conversation.counters.client_errors == 1
    assert len(audio_of(client.say(TURN) + client.wait(2000))) == 1100 * 48


MESSAGES = [json.dumps(sample(model, full=full)) for model in CLIENT_MODELS for full in (0, 1)]
MESSAGES += [
    json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(data).decode()})
    for data in (VOICE.tobytes(), QUIET.tobytes(), b"\x01", b"")
]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(MESSAGES) | st.text(max_size=30), st.integers(0, 800)),
        max_size=40,
    )
)
def test_M6_any_order_of_events_is_survived_and_answered_in_the_vendor_s_types(
    steps: list[tuple[str, int]],
) -> None:
    client = AgentClient()
    for message, pause_ms in steps:
        client.raw(message)
        client.wait(pause_ms)
    done = [event["response"]["id"] for event in only(client.log, "response.done")]
    created = [event["response"]["id"] for event in only(client.log, "response.created")]
    assert done == created[: len(done)]
    assert len(created) - len(done) <= 1
