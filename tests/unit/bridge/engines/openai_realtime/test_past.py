import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import SessionReady
from sipua.bridge.engine_api.settings import (
    OPENAI_FORMATS,
    AudioFormat,
    Past,
    PastMessage,
    PastSpeech,
    PastToolCall,
)
from sipua.bridge.engines.openai_realtime.past import MAX_BYTES, MAX_ITEMS, MAX_TEXT_CHARS, restored
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.tones import sine
from support.engine.agent_client import AgentClient, only
from support.engine.realtime_engine import all_sent, session, session_event

SECOND = encode(Law.PCMU, sine(440, 1000, 8000, -10.0))
TALK: list[Past] = [
    PastMessage("assistant", "Good day, how can I help?"),
    PastMessage("user", "Where is my parcel?"),
    PastToolCall("call_abc", "track", '{"id":7}', '{"where":"Linz"}'),
    PastMessage("assistant", "It is in Linz."),
    PastSpeech(SECOND),
]


def replayed(past: list[Past], **settings: Any) -> tuple[SessionReady, list[dict[str, Any]]]:
    engine = session(past=past, **settings)
    engine.receive(session_event("created"))
    engine.take_outgoing()
    (ready,) = engine.receive(session_event("updated"))
    assert isinstance(ready, SessionReady)
    return ready, all_sent(engine.take_outgoing())


def sound(item: dict[str, Any]) -> bytes:
    return base64.b64decode(item["content"][0]["audio"], validate=True)


def test_M2_a_session_is_told_the_conversation_so_far_before_it_is_ready() -> None:
    ready, events = replayed(TALK)
    assert ready.restored == 5
    assert {event["type"] for event in events} == {"conversation.item.create"}
    items = [event["item"] for event in events]
    assert [(i["type"], i.get("role")) for i in items] == [
        ("message", "assistant"),
        ("message", "user"),
        ("function_call", None),
        ("function_call_output", None),
        ("message", "assistant"),
        ("message", "user"),
    ]
    assert items[0]["content"] == [{"type": "output_text", "text": "Good day, how can I help?"}]
    assert items[1]["content"] == [{"type": "input_text", "text": "Where is my parcel?"}]
    assert (items[2]["name"], items[2]["arguments"]) == ("track", '{"id":7}')
    assert items[3]["output"] == '{"where":"Linz"}'
    assert items[2]["call_id"] == items[3]["call_id"]
    assert items[5]["content"][0]["type"] == "input_audio"
    assert len({item["id"] for item in items}) == len(items)


def test_ids_are_short_whatever_the_other_session_called_its_own() -> None:
    _, events = replayed([PastToolCall("x" * 500, "f", "{}", "1")])
    for event in events:
        assert len(event["item"]["id"]) <= 32
        assert len(event["item"]["call_id"]) <= 32


def test_the_result_of_a_tool_that_still_runs_finds_its_call() -> None:
    engine = session(past=[PastToolCall("call_abc", "track", "{}", None)])
    engine.receive(session_event("created"))
    engine.receive(session_event("updated"))
    _, call = all_sent(engine.take_outgoing())
    (result,) = all_sent(engine.tool_result("call_abc", "Linz", respond=False))
    assert call["item"]["type"] == "function_call"
    assert result["item"]["call_id"] == call["item"]["call_id"]
    (other,) = all_sent(engine.tool_result("call_new", "1", respond=False))
    assert other["item"]["call_id"] == "call_new"


@pytest.mark.parametrize(
    ("audio", "size"),
    [(AudioFormat.PCM16, 48_000), (AudioFormat.PCMU, 8000), (AudioFormat.PCMA, 8000)],
)
def test_speech_goes_in_as_the_session_hears(audio: AudioFormat, size: int) -> None:
    _, (event,) = replayed([PastSpeech(SECOND)], audio=audio)
    heard = sound(event["item"])
    assert len(heard) == size
    if audio is AudioFormat.PCM16:
        pcm = np.frombuffer(heard, "<i2")[1200::3]
        aligned = np.abs(np.corrcoef(pcm[12:7000], decode(Law.PCMU, SECOND)[400:7388])[0, 1])
        assert aligned > 0.99
    else:
        assert np.array_equal(
            decode(Law[audio.name], heard)[:100],
            decode(Law.PCMU, SECOND)[:100]
            if audio is AudioFormat.PCMU
            else decode(Law.PCMA, encode(Law.PCMA, decode(Law.PCMU, SECOND)))[:100],
        )


# Bounds


def test_of_what_is_too_much_the_newest_stays_and_the_rest_is_counted() -> None:
    past: list[Past] = [PastMessage("user", f"{n} " + "x" * 30_000) for n in range(200)]
    result = restored(past, AudioFormat.PCM16)
    assert sum(len(json.dumps(item)) for item in result.items) <= MAX_BYTES
    assert result.told + result.dropped == 200
    assert 50 < result.told < 200
    assert result.items[-1]["content"][0]["text"].startswith("199 ")
    assert result.items[0]["content"][0]["text"].startswith(f"{200 - result.told} ")


def test_the_number_of_items_is_bounded() -> None:
    past: list[Past] = [PastToolCall(f"call_{n}", "f", "{}", "1") for n in range(1000)]
    assert len(restored(past, AudioFormat.PCM16).items) == MAX_ITEMS


@pytest.mark.parametrize("audio", sorted(OPENAI_FORMATS))
def test_of_speech_that_is_too_long_the_end_stays(audio: AudioFormat) -> None:
    result = restored([PastSpeech(bytes(5_000_000) + SECOND)], audio)
    (item,) = result.items
    assert MAX_BYTES * 0.99 < len(json.dumps(item)) <= MAX_BYTES
    assert (
        sound(item)[-audio.bytes_per_ms * 900 :]
        == sound(restored([PastSpeech(SECOND)], audio).items[0])[-audio.bytes_per_ms * 900 :]
    )


def test_long_texts_are_cut() -> None:
    past: list[Past] = [
        PastMessage("assistant", "x" * 100_000),
        PastToolCall("c", "f", "{}", "y" * 100_000),
    ]
    message, _, output = restored(past, AudioFormat.PCM16).items
    assert len(message["content"][0]["text"]) == MAX_TEXT_CHARS
    assert output["output"].endswith("y…")


def test_what_says_nothing_is_left_out() -> None:
    past: list[Past] = [PastMessage("user", " "), PastSpeech(b""), PastMessage("user", "Yes.")]
    result = restored(past, AudioFormat.PCM16)
    assert (result.told, result.dropped, len(result.items)) == (1, 0, 1)


pasts = st.lists(
    st.builds(PastMessage, st.sampled_from(["user", "assistant"]), st.text(max_size=40))
    | st.builds(PastSpeech, st.binary(max_size=400))
    | st.builds(
        PastToolCall,
        st.text(max_size=40),
        st.text(min_size=1, max_size=20),
        st.text(max_size=20),
        st.none() | st.text(max_size=40),
    ),
    max_size=12,
)


@given(pasts, st.sampled_from(sorted(OPENAI_FORMATS)))
def test_M2_any_past_is_valid_and_the_agent_takes_all_of_it(
    past: list[Past], audio: AudioFormat
) -> None:
    _, events = replayed(past, audio=audio)
    wire = {"type": "audio/pcm", "rate": 24000}
    if audio is not AudioFormat.PCM16:
        wire = {"type": f"audio/{audio.value}"}
    client = AgentClient()
    client.update(audio={"input": {"format": wire}})
    for event in events:
        answers = client.raw(json.dumps(event))
        assert len(only(answers, "conversation.item.done")) == 1, answers
