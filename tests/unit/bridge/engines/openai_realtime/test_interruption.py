"""Interruptions in an OpenAI Realtime session: truncate, cancel, late deltas."""

from typing import Any

import pytest

from sipua.bridge.engine_api.events import (
    SpeechStarted,
)
from sipua.bridge.engine_api.settings import OPENAI_FORMATS, AudioFormat
from support.engine.realtime_engine import (
    PCM_20_MS,
    delta,
    one,
    response,
    sent,
    server_event,
    session,
    speech_started,
    talking,
)


def test_M5_truncate_names_item_content_and_millisecond() -> None:
    event = sent(talking().truncate("item_1", 60))
    assert (
        event.items()
        >= {
            "type": "conversation.item.truncate",
            "item_id": "item_1",
            "content_index": 0,
            "audio_end_ms": 60,
        }.items()
    )


def test_M5_truncate_is_clamped_to_what_the_item_holds() -> None:
    assert sent(talking().truncate("item_1", 5000))["audio_end_ms"] == 100


def test_M5_a_partial_millisecond_does_not_count() -> None:
    engine = session()
    engine.receive(delta("item_1", bytes(48 * 7 + 46)))
    assert sent(engine.truncate("item_1", 99))["audio_end_ms"] == 7


@pytest.mark.parametrize("audio", [AudioFormat.PCMU, AudioFormat.PCMA])
def test_M5_a_millisecond_of_g711_is_eight_bytes(audio: AudioFormat) -> None:
    engine = session(audio=audio)
    assert engine.hears is engine.speaks is audio
    engine.receive(delta("item_1", bytes(8 * 7 + 7)))
    assert sent(engine.truncate("item_1", 99))["audio_end_ms"] == 7


@pytest.mark.parametrize("heard_ms", [0, -5])
def test_M5_truncate_is_skipped_at_zero_but_the_rest_is_dropped(heard_ms: int) -> None:
    engine = talking()
    assert list(engine.truncate("item_1", heard_ms)) == []
    assert engine.counters()["truncate_skipped"] == 1
    assert list(engine.receive(delta("item_1", PCM_20_MS))) == []


def test_M5_an_item_is_truncated_once() -> None:
    engine = talking()
    assert sent(engine.truncate("item_1", 60))
    assert list(engine.truncate("item_1", 80)) == []


def test_M5_audio_that_is_not_the_engines_is_not_truncated() -> None:
    assert list(talking().truncate("our own filler", 60)) == []


def test_M5_an_item_that_was_heard_to_its_end_is_left_alone() -> None:
    engine = talking()
    engine.receive(server_event("response.output_audio.done", item_id="item_1"))
    assert list(engine.truncate("item_1", 100)) == []


def test_M5_all_that_arrived_was_heard_but_more_would_come() -> None:
    assert sent(talking().truncate("item_1", 100))["audio_end_ms"] == 100


def test_M5_the_content_index_is_the_one_that_had_the_audio() -> None:
    engine = session()
    engine.receive(delta("item_1", PCM_20_MS, content_index=1))
    assert sent(engine.truncate("item_1", 10))["content_index"] == 1


def test_M5_deltas_of_a_truncated_item_are_dropped_and_counted() -> None:
    engine = talking(turn_detection={"interrupt_response": False})
    engine.truncate("item_1", 40)
    assert list(engine.receive(delta("item_1", PCM_20_MS))) == []
    assert one(engine.receive(delta("item_2", PCM_20_MS)))
    assert engine.counters()["late_deltas"] == 1


def test_M5_the_server_interrupts_by_itself_and_its_late_deltas_are_dropped() -> None:
    engine = talking()
    assert isinstance(one(engine.receive(speech_started())), SpeechStarted)
    assert list(engine.cancel()) == []
    assert list(engine.receive(delta("item_1", PCM_20_MS))) == []
    assert list(engine.receive(delta("item_2", PCM_20_MS))) == []  # of the same response
    engine.receive(response("done", "resp_1", status="cancelled"))
    engine.receive(response("created", "resp_2"))
    assert one(engine.receive(delta("item_3", PCM_20_MS, "resp_2")))


def test_M5_the_audio_of_the_next_response_survives_speech_before_it() -> None:
    engine = session()
    engine.receive(speech_started())
    engine.receive(response("created", "resp_1"))
    assert one(engine.receive(delta("item_1", PCM_20_MS)))


@pytest.mark.parametrize("detection", [None, {"interrupt_response": False}])
def test_M5_cancel_is_ours_if_the_server_does_not_interrupt(
    detection: dict[str, Any] | None,
) -> None:
    engine = talking(turn_detection=detection)
    engine.receive(speech_started())
    assert one(engine.receive(delta("item_1", PCM_20_MS)))  # it goes on, we were not asked
    event = sent(engine.cancel())
    assert event["type"] == "response.cancel"
    assert event["response_id"] == "resp_1"
    assert list(engine.cancel()) == []
    assert list(engine.receive(delta("item_1", PCM_20_MS))) == []


def test_M5_cancel_without_speech_is_ours() -> None:
    assert sent(talking().cancel())["response_id"] == "resp_1"


def test_M5_nothing_to_cancel() -> None:
    engine = session()
    assert list(engine.cancel()) == []
    engine.receive(response("created", "resp_1"))
    engine.receive(response("done", "resp_1", status="completed"))
    assert list(engine.cancel()) == []


def test_M5_a_response_without_id_can_be_cancelled_and_takes_no_other_with_it() -> None:
    engine = session()
    engine.receive(server_event("response.created", response={}))
    assert "response_id" not in sent(engine.cancel())
    engine.receive(server_event("response.done", response={"status": "cancelled"}))
    assert one(engine.receive(delta("item_1", PCM_20_MS, response_id="")))


def test_capabilities_follow_the_configuration() -> None:
    usual = session().capabilities
    assert usual.speech_events
    assert usual.takes_turns
    assert usual.resume
    assert usual.formats == OPENAI_FORMATS
    without = session(turn_detection=None).capabilities
    assert not without.speech_events
    assert not without.takes_turns
    asked = session(turn_detection={"create_response": False}).capabilities
    assert asked.speech_events
    assert not asked.takes_turns
