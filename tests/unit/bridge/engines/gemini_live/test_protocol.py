import json
from typing import Any

import pytest

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    EngineLost,
    ResponseDone,
    ResponseStarted,
    SessionEnds,
    SessionHandle,
    SessionReady,
    ToolCall,
    Transcript,
    Usage,
    Used,
)
from sipua.bridge.engine_api.settings import EngineSettings, PastMessage
from sipua.bridge.engines import create
from sipua.bridge.engines.gemini_live.notes import MAX_WAITING, NO_ANSWER
from sipua.bridge.engines.gemini_live.protocol import MAX_HANDLE, SPEAK_NOW, GeminiLive
from support.engine.gemini_engine import (
    BYTES_PER_MS,
    TOOL,
    audio,
    content,
    engine,
    hear,
    message,
    say,
    sent,
    texts,
    whole_turn,
    without_audio,
)
from support.engine.gemini_types import accepted_client_message

# The session


def test_the_first_word_is_ours_and_ready_follows_once() -> None:
    gemini = GeminiLive(EngineSettings(model="m"))
    (start,) = gemini.start()
    assert list(accepted_client_message(start)) == ["setup"]
    assert gemini.speak("Hello.") == ()  # nothing else may be said yet
    assert gemini.receive(message(setupComplete={})) == [SessionReady("")]
    assert gemini.receive(message(setupComplete={})) == []


def test_the_past_is_told_first_and_asks_for_no_answer() -> None:
    past = [PastMessage("user", "Hello?"), PastMessage("assistant", "Yes.")]
    gemini = GeminiLive(EngineSettings(past=past))
    gemini.start()
    assert hear(gemini, setupComplete={"sessionId": "s1"}) == [SessionReady("s1", restored=2)]
    (told,) = sent(gemini.take_outgoing())
    assert [turn["role"] for turn in told["clientContent"]["turns"]] == ["user", "model"]
    assert told["clientContent"]["turnComplete"] is True


def test_M2_a_session_with_a_handle_is_told_no_past() -> None:
    gemini = GeminiLive(EngineSettings(handle="h", past=[PastMessage("user", "Hello?")]))
    gemini.start()
    assert hear(gemini, setupComplete={}) == [SessionReady("")]
    assert gemini.take_outgoing() == []


def test_M2_a_handle_is_told_while_it_is_good_for_something() -> None:
    gemini = engine()
    update = {"newHandle": "h1", "resumable": True}
    assert hear(gemini, sessionResumptionUpdate=update) == [SessionHandle("h1")]
    assert hear(gemini, sessionResumptionUpdate=update) == []
    assert hear(gemini, sessionResumptionUpdate={"resumable": False}) == [SessionHandle("")]
    assert hear(gemini, sessionResumptionUpdate={"newHandle": "h2"}) == []


def test_a_handle_without_measure_is_none() -> None:
    gemini = engine()
    update = {"newHandle": "h" * (MAX_HANDLE + 1), "resumable": True}
    assert hear(gemini, sessionResumptionUpdate=update) == []
    assert gemini.counters()["handles_dropped"] == 1


@pytest.mark.parametrize(
    ("left", "within_s"),
    [('"50s"', 50.0), ('"1.5s"', 1.5), ('"soon"', 10.0), ("null", 10.0), ('"9e9s"', 3600.0)],
)
def test_M3_the_end_of_a_session_is_told_before_it_comes(left: str, within_s: float) -> None:
    gemini = engine()
    assert gemini.receive(f'{{"goAway":{{"timeLeft":{left}}}}}') == [SessionEnds(within_s)]
    assert gemini.closed(1008) == (
        EngineLost(1008, "the engine ended the session", retryable=True),
    )


def test_M2_what_a_close_means() -> None:
    gemini = engine()
    (lost,) = gemini.closed(1000)  # it ended a session that was good
    assert isinstance(lost, EngineLost)
    assert lost.retryable
    assert gemini.closed(1007) == gemini.closed(1011) == ()  # as with any engine


def test_each_session_has_items_of_its_own() -> None:
    names = set()
    for _ in range(2):
        protocol = create("gemini_live", EngineSettings()).protocol
        protocol.start()
        protocol.receive(message(setupComplete={}))
        assert isinstance(protocol, GeminiLive)
        names |= {event.item_id for event in say(protocol) if isinstance(event, AudioDelta)}
    assert len(names) == 2


# What the model says


def test_an_answer_ends_when_it_is_generated_and_its_text_when_the_turn_is_over() -> None:
    gemini = engine()
    began = say(gemini, 20)
    assert began[0] == ResponseStarted("assistant_1")
    assert isinstance(began[1], AudioDelta)
    assert (began[1].item_id, len(began[1].audio)) == ("assistant_1", 20 * BYTES_PER_MS)
    assert content(gemini, outputTranscription={"text": "Good "}) == [
        Transcript("assistant_1", "assistant", "Good ", final=False)
    ]
    assert content(gemini, generationComplete=True) == [
        AudioDone("assistant_1"),
        ResponseDone("assistant_1", "completed"),
    ]
    content(gemini, outputTranscription={"text": "day."})  # words may come last
    assert content(gemini, turnComplete=True) == [
        Transcript("assistant_1", "assistant", "Good day.", final=True)
    ]
    assert whole_turn(gemini)[0] == ResponseStarted("assistant_2")


def test_words_before_their_sound_belong_to_it() -> None:
    gemini = engine()
    assert content(gemini, outputTranscription={"text": "Hello."}) == []
    assert without_audio(say(gemini)) == [
        ResponseStarted("assistant_1"),
        Transcript("assistant_1", "assistant", "Hello.", final=False),
    ]


def test_several_things_in_one_message_are_all_heard() -> None:
    fields = {
        "inputTranscription": {"text": "Time?"},
        "modelTurn": audio(20),
        "outputTranscription": {"text": "Noon."},
        "generationComplete": True,
        "turnComplete": True,
    }
    events = content(engine(), **fields)
    assert without_audio(events) == [
        Transcript("user_1", "user", "Time?", final=False),
        Transcript("user_1", "user", "Time?", final=True),
        ResponseStarted("assistant_1"),
        Transcript("assistant_1", "assistant", "Noon.", final=False),
        AudioDone("assistant_1"),
        ResponseDone("assistant_1", "completed"),
        Transcript("assistant_1", "assistant", "Noon.", final=True),
    ]
    assert len(events) == 8


def test_the_callers_words_are_whole_when_the_model_answers() -> None:
    gemini = engine()
    assert content(gemini, inputTranscription={"text": "Guten "}) == [
        Transcript("user_1", "user", "Guten ", final=False)
    ]
    content(gemini, inputTranscription={"text": "Tag "})
    assert without_audio(say(gemini))[0] == Transcript("user_1", "user", "Guten Tag", final=True)
    content(gemini, inputTranscription={"text": "Late."})
    content(gemini, generationComplete=True)
    assert Transcript("user_2", "user", "Late.", final=True) in content(gemini, turnComplete=True)


def test_words_that_are_said_to_be_whole_are_so_at_once() -> None:
    assert content(engine(), inputTranscription={"text": "Bye.", "finished": True}) == [
        Transcript("user_1", "user", "Bye.", final=False),
        Transcript("user_1", "user", "Bye.", final=True),
    ]


def test_a_turn_without_a_word_is_an_answer() -> None:
    assert content(engine(), turnComplete=True) == [
        ResponseStarted("assistant_1"),
        ResponseDone("assistant_1", "completed"),
    ]


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("MALFORMED_FUNCTION_CALL", "failed"),
        ("RESPONSE_REJECTED", "failed"),
        ("PROHIBITED_INPUT_CONTENT", "incomplete"),
        ("NEED_MORE_INPUT", "completed"),
    ],
)
def test_a_turn_that_failed_says_why(reason: str, status: str) -> None:
    events = content(engine(), turnComplete=True, turnCompleteReason=reason)
    detail = "" if status == "completed" else reason
    assert events[-1] == ResponseDone("assistant_1", status, detail)


USED = {
    "promptTokenCount": 812,
    "responseTokenCount": 95,
    "totalTokenCount": 907,
    "cachedContentTokenCount": 300,
    "thoughtsTokenCount": 7,
    "toolUsePromptTokenCount": 5,
    "promptTokensDetails": [
        {"modality": "AUDIO", "tokenCount": 640},
        {"modality": "TEXT", "tokenCount": 172},
    ],
    "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 200}],
    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 90}],
}
COST = Usage(
    audio_in=640, audio_in_cached=200, audio_out=90, text_in=177, text_in_cached=100, text_out=12
)


def test_usage_is_told_once_with_its_response_or_after_it() -> None:
    gemini = engine()
    say(gemini)
    done = hear(gemini, serverContent={"generationComplete": True}, usageMetadata=USED)
    assert done[-1] == ResponseDone("assistant_1", "completed", usage=COST)
    later = hear(gemini, serverContent={"turnComplete": True}, usageMetadata=USED)
    assert later == [Used(COST, "session")]
    assert gemini.receive(b'{"usageMetadata":{"promptTokenCount":"many"}}') == []


# What is told to the model


def test_the_greeting_is_asked_for_at_once() -> None:
    gemini = engine()
    assert texts(gemini.speak("Greet the caller.")) == [("turn", "[Greet the caller.]")]
    assert texts(gemini.speak(None)) == [("turn", SPEAK_NOW)]


def test_a_wish_interrupts_nothing_and_waits_for_the_end_of_the_turn() -> None:
    gemini = engine()
    say(gemini)
    assert gemini.speak("First.") == gemini.inject("user", "2", respond=True) == ()
    content(gemini, generationComplete=True)
    assert gemini.take_outgoing() == []  # the model believes that it speaks
    content(gemini, turnComplete=True)
    assert texts(gemini.take_outgoing()) == [("turn", "[First.]\n\nThe caller writes: 2")]
    assert gemini.take_outgoing() == []


def test_what_is_asked_for_twice_is_told_once_and_what_is_told_twice_twice() -> None:
    gemini = engine()
    say(gemini)
    for _ in range(2):
        gemini.speak("Go on.")
        gemini.inject("user", "5", respond=True)
    content(gemini, turnComplete=True)
    ((_, text),) = texts(gemini.take_outgoing())
    assert text.split("\n\n") == ["[Go on.]", "The caller writes: 5", "The caller writes: 5"]


def test_what_waits_is_bounded_and_the_oldest_gives_way() -> None:
    gemini = engine()
    say(gemini)
    for number in range(MAX_WAITING + 3):
        gemini.speak(f"{number}")
    content(gemini, turnComplete=True)
    ((_, text),) = texts(gemini.take_outgoing())
    assert text.split("\n\n")[0] == "[3]"
    assert gemini.counters()["text_dropped"] == 3


def test_what_needs_no_answer_says_so() -> None:
    gemini = engine()
    ((how, text),) = texts(gemini.inject("system", "The caller is at home.", respond=False))
    assert (how, text) == ("note", NO_ANSWER + "[The caller is at home.]")


def test_a_model_that_takes_no_turns_later_is_told_in_the_other_way() -> None:
    gemini = engine(model="gemini-3.1-flash-live-preview")
    assert texts(gemini.speak("Greet.")) == [("note", "[Greet.]")]


def test_where_we_take_turns_the_callers_is_delimited_by_us() -> None:
    gemini = GeminiLive(EngineSettings(turn_detection=None))
    assert not gemini.capabilities.takes_turns
    gemini.start()
    hear(gemini, setupComplete={})
    assert sent(gemini.take_outgoing()) == [{"realtimeInput": {"activityStart": {}}}]
    end, start = ({"realtimeInput": {name: {}}} for name in ("activityEnd", "activityStart"))
    assert sent(gemini.speak(None)) == [end, start]
    told = sent(gemini.speak("Greet."))
    assert [next(iter(one)) for one in told] == ["realtimeInput", "clientContent", "realtimeInput"]


# Tools


def call(**fields: Any) -> dict[str, Any]:
    return {"functionCalls": [{"name": "clock", "args": {"zone": "UTC"}, **fields}]}


def test_M7_a_tool_is_called_and_its_result_goes_back_by_its_name() -> None:
    gemini = engine(tools=[TOOL])
    say(gemini)
    assert hear(gemini, toolCall=call(id="fc_1")) == [
        ToolCall("fc_1", "clock", '{"zone":"UTC"}', "assistant_1"),
        AudioDone("assistant_1"),
        ResponseDone("assistant_1", "completed"),
    ]
    (answer,) = sent(gemini.tool_result("fc_1", "12:00", respond=True))
    assert answer["toolResponse"]["functionResponses"] == [
        {"id": "fc_1", "name": "clock", "response": {"output": "12:00"}}
    ]
    assert without_audio(say(gemini)) == [ResponseStarted("assistant_2")]  # about the result


def test_a_call_alone_is_a_response() -> None:
    gemini = engine(tools=[TOOL])
    assert hear(gemini, toolCall=call(id="fc_1")) == [
        ResponseStarted("assistant_1"),
        ToolCall("fc_1", "clock", '{"zone":"UTC"}', "assistant_1"),
        ResponseDone("assistant_1", "completed"),
    ]
    (answer,) = sent(gemini.tool_result("fc_1", "", respond=False))
    assert answer["toolResponse"]["functionResponses"][0]["scheduling"] == "SILENT"


def test_calls_without_ids_get_ours_and_are_answered_without() -> None:
    gemini = engine(tools=[TOOL])
    calls = [{"name": "clock"}, {"name": "clock", "args": {}}]
    wanted = [
        event
        for event in hear(gemini, toolCall={"functionCalls": calls})
        if type(event) is ToolCall
    ]
    assert [one.call_id for one in wanted] == ["call_1", "call_2"]
    assert [one.arguments for one in wanted] == ["{}", "{}"]
    (answer,) = sent(gemini.tool_result("call_1", "x", respond=True))
    assert answer["toolResponse"]["functionResponses"] == [
        {"name": "clock", "response": {"output": "x"}}
    ]


def test_the_result_of_a_call_that_was_cancelled_asks_for_no_answer() -> None:
    gemini = engine(tools=[TOOL])
    hear(gemini, toolCall=call(id="fc_1"))
    assert hear(gemini, toolCallCancellation={"ids": ["fc_1", "fc_9"]}) == []
    content(gemini, interrupted=True)
    content(gemini, turnComplete=True)
    assert texts(gemini.tool_result("fc_1", "booked", respond=True)) == [
        ("note", NO_ANSWER + "[A tool returned: booked]")
    ]
    assert gemini.counters()["tool_calls_cancelled"] == 1


def test_M2_the_result_of_another_sessions_call_is_told_as_text() -> None:
    gemini = engine()
    assert texts(gemini.tool_result("old", "12:00", respond=True)) == [
        ("turn", "[A tool returned: 12:00]")
    ]
    assert gemini.counters()["tool_results_late"] == 1


def test_tools_of_others_are_counted() -> None:
    gemini = engine(tools=[TOOL, {"type": "mcp", "server_label": "shop"}])
    assert gemini.counters()["tools_left_out"] == 1
    assert json.dumps(sent(gemini.start())).count("functionDeclarations") == 1
