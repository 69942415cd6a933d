"""The caller speaks into an answer: what is dropped, and what the model is told of it."""

import pytest

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    DropAudio,
    ResponseDone,
    ResponseStarted,
    ToolCall,
    Transcript,
)
from sipua.bridge.engines.gemini_live.notes import HEARD_NOTHING, HEARD_ONLY, NO_ANSWER
from support.engine.gemini_engine import (
    TOOL,
    audio,
    content,
    engine,
    hear,
    say,
    sent,
    texts,
    whole_turn,
    without_audio,
)


def test_M5_the_servers_word_drops_all_that_is_queued_and_ends_the_answer() -> None:
    gemini = engine()
    say(gemini)
    content(gemini, outputTranscription={"text": "One, two"})
    assert content(gemini, interrupted=True) == [
        DropAudio(),
        AudioDone("assistant_1"),
        ResponseDone("assistant_1", "cancelled"),
    ]
    assert content(gemini, turnComplete=True) == [
        Transcript("assistant_1", "assistant", "One, two", final=True)
    ]
    assert whole_turn(gemini)[0] == ResponseStarted("assistant_2")
    assert gemini.counters()["interrupted"] == 1


def test_M5_an_interruption_before_the_first_word_is_a_cancelled_answer() -> None:
    gemini = engine()
    assert content(gemini, interrupted=True) == [DropAudio()]
    assert content(gemini, turnComplete=True)[-1] == ResponseDone("assistant_1", "cancelled")


def test_M5_one_that_comes_after_the_turn_says_nothing_of_the_next() -> None:
    gemini = engine()
    whole_turn(gemini)
    assert content(gemini, interrupted=True) == [DropAudio()]
    assert ResponseDone("assistant_2", "completed") in whole_turn(gemini)


@pytest.mark.parametrize("step", ["generationComplete", "interrupted", "turnComplete"])
def test_M5_what_the_call_has_cut_is_dropped_until_the_server_is_done_with_it(step: str) -> None:
    gemini = engine()
    say(gemini)
    assert gemini.cancel() == ()
    assert gemini.cancel() == ()  # once
    assert say(gemini) == [AudioDone("assistant_1"), ResponseDone("assistant_1", "cancelled")]
    assert content(gemini, outputTranscription={"text": "unheard"}) == []
    content(gemini, **{step: True})
    if step != "turnComplete":
        content(gemini, turnComplete=True)
    assert without_audio(say(gemini)) == [ResponseStarted("assistant_2")]
    counters = gemini.counters()
    assert (counters["cut"], counters["late_deltas"], counters["late_words"]) == (1, 1, 1)


def test_M4_after_a_cut_the_model_is_asked_at_once_for_it_may_hang() -> None:
    gemini = engine()
    say(gemini)
    gemini.cancel()
    assert texts(gemini.speak("Go on.")) == [("turn", "[Go on.]")]


def test_M5_the_model_is_told_at_once_what_was_not_heard_of_what_it_has_said() -> None:
    gemini = engine()
    say(gemini, 4000)
    content(gemini, outputTranscription={"text": "one two three four "})
    content(gemini, generationComplete=True)
    told = texts(gemini.truncate("assistant_1", 1000))
    assert told == [("note", f'{NO_ANSWER}{HEARD_ONLY}"one"]')]
    assert gemini.truncate("assistant_1", 500) == ()  # once


@pytest.mark.parametrize("step", ["generationComplete", "interrupted", "turnComplete"])
def test_M5_of_what_it_still_says_when_it_says_no_more(step: str) -> None:
    gemini = engine()
    say(gemini, 4000)
    assert gemini.truncate("assistant_1", 0) == ()
    say(gemini)
    assert gemini.take_outgoing() == []
    content(gemini, **{step: True})
    assert texts(gemini.take_outgoing()) == [("note", NO_ANSWER + HEARD_NOTHING)]


def test_M5_what_is_told_too_late_is_not_told() -> None:
    gemini = engine()
    say(gemini, 4000)
    gemini.truncate("assistant_1", 1000)
    fields = {"interrupted": True, "turnComplete": True}
    content(gemini, **fields, modelTurn=audio(20))
    assert gemini.take_outgoing() != []
    say(gemini, 4000)
    gemini.truncate("assistant_2", 1000)
    hear(gemini, serverContent={"turnComplete": True}, toolCall={"functionCalls": []})
    assert gemini.take_outgoing() == []  # the model has begun anew


def test_M5_what_is_told_to_speak_about_brings_it_along() -> None:
    gemini = engine()
    say(gemini, 4000)
    gemini.truncate("assistant_1", 0)
    assert texts(gemini.speak("Go on.")) == [("turn", f"{HEARD_NOTHING}\n\n[Go on.]")]
    content(gemini, interrupted=True)
    assert gemini.take_outgoing() == []


@pytest.mark.parametrize("item", ["assistant_1", "assistant_9"])
def test_M5_a_second_that_was_not_heard_is_not_worth_a_word(item: str) -> None:
    gemini = engine()
    say(gemini, 1500)
    content(gemini, interrupted=True)
    assert gemini.truncate(item, 600) == ()
    assert gemini.take_outgoing() == []


def test_a_tool_that_is_called_in_what_was_cut_does_not_act_and_is_answered() -> None:
    gemini = engine(tools=[TOOL])
    say(gemini)
    gemini.cancel()
    events = hear(gemini, toolCall={"functionCalls": [{"id": "fc_1", "name": "clock"}]})
    assert not any(isinstance(event, ToolCall) for event in events)
    (answer,) = sent(gemini.take_outgoing())
    (response,) = answer["toolResponse"]["functionResponses"]
    assert response["id"] == "fc_1"
    assert "error" in response["response"]
    assert gemini.counters()["tool_calls_dropped"] == 1


def test_an_answer_that_is_muted_is_cut_as_it_begins_and_the_next_one_too() -> None:
    gemini = engine()
    for number in (1, 2):
        say(gemini)
        gemini.truncate(f"assistant_{number}", 0)
        gemini.cancel()
        events = [*say(gemini), *content(gemini, generationComplete=True)]
        assert not any(isinstance(event, AudioDelta) for event in events)
        content(gemini, turnComplete=True)
