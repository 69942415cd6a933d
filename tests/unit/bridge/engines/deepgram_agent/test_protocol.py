"""The Deepgram engine's protocol; both sides are judged by the vendor's types."""

import json

import pytest

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    EngineFault,
    EngineLost,
    ResponseDone,
    ResponseStarted,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Transcript,
    Unknown,
    Unreadable,
    Usage,
    Used,
)
from sipua.bridge.engine_api.settings import AudioFormat, PastMessage
from sipua.bridge.engines.deepgram_agent.protocol import MAX_PROMPT_CHARS, SPEAK_NOW
from sipua.bridge.engines.deepgram_agent.tools import MAX_CALLS
from sipua.bridge.engines.deepgram_agent.wishes import AGAIN_MS, MAX_REFUSALS
from support.engine.deepgram_engine import LATENCY, TOOL, Session

SOUND = b"\x7f" * 160


def test_it_is_configured_after_the_welcome_and_ready_when_that_was_applied() -> None:
    session = Session(ready=False, past=[PastMessage("user", "Hello?")])
    session.say("Welcome", request_id="req_1")
    assert [message["type"] for message in session.told()] == ["Settings"]
    assert session.taken() == []
    session.say("SettingsApplied")
    assert session.taken() == [SessionReady("req_1", restored=1)]
    session.say("Welcome", request_id="req_2")
    session.say("SettingsApplied")
    assert (session.taken(), session.told()) == ([], [])


def test_settings_applied_before_there_were_any_means_nothing() -> None:
    session = Session(ready=False)
    session.say("SettingsApplied")
    assert session.taken() == []


def test_an_answer_is_one_response() -> None:
    session = Session()
    session.words("assistant", "Hello.")
    assert session.taken() == []  # the caller hears nothing yet
    session.say("AgentStartedSpeaking", **LATENCY)
    session.sound(SOUND)
    session.words("assistant", "What can I do?")
    session.sound(SOUND)
    session.say("AgentAudioDone")
    assert session.taken() == [
        ResponseStarted("assistant_1"),
        Transcript("assistant_1", "assistant", "Hello.", final=False),
        AudioDelta("assistant_1", 0, SOUND),
        Transcript("assistant_1", "assistant", " What can I do?", final=False),
        AudioDelta("assistant_1", 0, SOUND),
        AudioDone("assistant_1"),
        Transcript("assistant_1", "assistant", "Hello. What can I do?", final=True),
        ResponseDone("assistant_1", "completed"),
    ]


def test_words_that_come_after_their_sound_are_its_words() -> None:
    session = Session()
    session.sound()
    session.say("AgentAudioDone")
    session.taken()
    session.words("assistant", "Hello.")
    assert session.taken() == [Transcript("assistant_1", "assistant", "Hello.", final=True)]


def test_the_callers_turn_ends_with_their_words() -> None:
    session = Session()
    session.feed(2000)
    session.say("UserStartedSpeaking")
    session.feed(1000)
    session.words("user", "What time is it?")
    assert session.taken() == [
        SpeechStarted("user_1", 2000),
        SpeechStopped("user_1", 3000),
        Transcript("user_1", "user", "What time is it?", final=True),
    ]


def test_the_callers_turn_ends_when_the_agent_answers_without_any_words() -> None:
    session = Session()
    session.say("UserStartedSpeaking")
    session.say("AgentThinking", content="hm")
    session.sound()
    assert [type(event) for event in session.taken()] == [
        SpeechStarted,
        SpeechStopped,
        ResponseStarted,
        AudioDelta,
    ]


class TestBargeIn:
    def test_M5_what_still_comes_of_the_old_answer_is_dropped(self) -> None:
        session = Session()
        session.words("assistant", "A long story.")
        session.sound()
        session.taken()
        session.say("UserStartedSpeaking")
        session.sound()
        session.sound()
        assert session.taken() == [
            SpeechStarted("user_1", 0),
            AudioDone("assistant_1"),
            Transcript("assistant_1", "assistant", "A long story.", final=True),
            ResponseDone("assistant_1", "cancelled"),
        ]
        assert session.engine.counters()["late_deltas"] == 2

    @pytest.mark.parametrize("sign", ["user", "assistant", "thinks", "begins", "done"])
    def test_M5_the_next_answer_is_heard(self, sign: str) -> None:
        session = Session()
        session.sound()
        session.say("UserStartedSpeaking")
        match sign:
            case "user" | "assistant":
                session.words(sign, "Stop.")
            case "thinks":
                session.say("AgentThinking", content="")
            case "begins":
                session.say("AgentStartedSpeaking", **LATENCY)
            case "done":
                session.say("AgentAudioDone")
        session.taken()
        session.sound(SOUND)
        assert AudioDelta("assistant_2", 0, SOUND) in session.taken()

    def test_M5_words_whose_sound_never_came_were_not_heard(self) -> None:
        session = Session()
        session.words("assistant", "Never heard.")
        session.say("UserStartedSpeaking")
        session.words("user", "Wait.")
        session.sound()
        session.say("AgentAudioDone")
        said = [event.text for event in session.taken() if isinstance(event, Transcript)]
        assert said == ["Wait."]
        assert session.engine.counters()["words_unsounded"] == 1

    def test_M5_our_own_detection_drops_the_rest_as_well(self) -> None:
        session = Session()
        session.sound()
        session.taken()
        assert session.engine.truncate("another", 10) == ()
        session.sound(SOUND)
        assert session.taken() == [AudioDelta("assistant_1", 0, SOUND)]
        assert session.engine.truncate("assistant_1", 10) == ()
        session.sound(SOUND)
        assert session.taken() == [
            AudioDone("assistant_1"),
            ResponseDone("assistant_1", "cancelled"),
        ]


class TestRequests:
    def test_to_speak_is_a_users_message(self) -> None:
        session = Session()
        session.ask(session.engine.speak("Greet the caller."))
        asked = [{"type": "InjectUserMessage", "content": "[Greet the caller.]"}]
        assert session.told() == asked

    def test_it_waits_while_the_agent_speaks(self) -> None:
        session = Session()
        session.sound()
        session.ask(session.engine.speak(None))
        assert session.told() == []
        session.say("AgentAudioDone")
        assert session.told() == [{"type": "InjectUserMessage", "content": SPEAK_NOW}]

    def test_it_waits_while_the_caller_speaks_and_until_they_were_answered(self) -> None:
        session = Session()
        session.say("UserStartedSpeaking")
        session.ask(session.engine.speak("Say goodbye."))
        session.words("user", "Wait.")
        assert session.told() == []
        session.sound()
        session.say("AgentAudioDone")
        assert session.told() == [{"type": "InjectUserMessage", "content": "[Say goodbye.]"}]

    def test_those_that_wait_become_one(self) -> None:
        session = Session()
        session.ask(session.engine.speak("One."))
        session.ask(session.engine.speak("Two."))
        session.ask(session.engine.inject("user", "Three.", respond=True))
        session.told()
        session.sound()
        session.say("AgentAudioDone")
        assert session.told() == [
            {"type": "InjectUserMessage", "content": "[Two.]\nThe caller writes: Three."}
        ]

    def test_a_refused_one_is_made_again_and_not_for_ever(self) -> None:
        session = Session()
        session.ask(session.engine.speak("Greet."))
        for _ in range(MAX_REFUSALS - 1):
            assert len(session.told()) == 1
            session.say("InjectionRefused", message="The agent speaks.")
            session.feed(AGAIN_MS - 20)
            assert session.told() == []
            session.feed(20)
        assert len(session.told()) == 1
        session.say("InjectionRefused", message="The agent speaks.")
        session.feed(2 * AGAIN_MS)
        assert session.told() == []
        counters = session.engine.counters()
        assert (counters["requests_refused"], counters["requests_dropped"]) == (MAX_REFUSALS, 1)

    def test_one_that_is_never_answered_stands_in_the_way_of_none(self) -> None:
        session = Session()
        session.ask(session.engine.speak("Greet."))
        session.told()
        session.ask(session.engine.cancel())
        session.ask(session.engine.speak("Greet again."))
        assert len(session.told()) == 1

    def test_what_we_sent_was_not_said_by_the_caller(self) -> None:
        session = Session()
        session.ask(session.engine.speak("Greet."))
        session.words("user", "[Greet.]")
        assert session.taken() == []
        session.words("user", "[Greet.]")  # as unlikely as it is
        assert [type(event) for event in session.taken()] == [Transcript]

    def test_what_is_only_to_be_known_is_in_the_prompt(self) -> None:
        session = Session(instructions="Be brief.")
        session.ask(session.engine.inject("system", "The caller is on hold.", respond=False))
        session.ask(session.engine.inject("user", "Room 12.", respond=False))
        assert [message["prompt"] for message in session.told()] == [
            "Be brief.\n\n[The caller is on hold.]",
            "Be brief.\n\n[The caller is on hold.]\n\nThe caller writes: Room 12.",
        ]

    def test_the_prompt_stays_short_enough(self) -> None:
        session = Session(instructions="Be brief.")
        for _ in range(4):
            session.ask(session.engine.inject("system", "x" * 9000, respond=False))
        assert all(len(message["prompt"]) <= MAX_PROMPT_CHARS for message in session.told())
        assert session.engine.counters()["notes_dropped"] == 2


class TestTools:
    def test_M7_a_call_and_its_result(self) -> None:
        session = Session(tools=[TOOL])
        session.sound()
        session.taken()
        session.calls("f1", "f2")
        assert session.taken() == [
            ToolCall("f1", "clock", "{}", "assistant_1"),
            ToolCall("f2", "clock", "{}", "assistant_1"),
            AudioDone("assistant_1"),
            ResponseDone("assistant_1", "completed"),
        ]
        session.ask(session.engine.tool_result("f1", "noon", respond=True))
        assert session.told() == [
            {"type": "FunctionCallResponse", "id": "f1", "name": "clock", "content": "noon"}
        ]

    def test_what_is_said_about_the_result_is_another_response(self) -> None:
        session = Session(tools=[TOOL])
        session.calls("f1")
        session.ask(session.engine.tool_result("f1", "noon", respond=True))
        session.taken()
        session.sound()
        assert ResponseStarted("assistant_2") in session.taken()

    def test_the_answer_to_a_cancelled_call_is_not_wanted(self) -> None:
        session = Session(tools=[TOOL])
        session.calls("f1")
        session.say("FunctionCallCancelled", functions=[{"id": "f1", "name": "clock"}])
        session.ask(session.engine.tool_result("f1", "noon", respond=True))
        assert session.told() == []
        counters = session.engine.counters()
        assert (counters["tool_calls_cancelled"], counters["tool_results_late"]) == (1, 1)

    def test_the_result_of_an_earlier_sessions_call_is_told_in_words(self) -> None:
        session = Session(tools=[TOOL])
        session.ask(session.engine.tool_result("old", "noon", respond=True))
        assert session.told() == [
            {"type": "InjectUserMessage", "content": "[A tool returned: noon]"}
        ]

    def test_calls_of_the_vendors_own_are_none_of_ours(self) -> None:
        session = Session()
        session.calls("f1", client_side=False)
        session.say("FunctionCallResponse", id="f1", name="clock", content="noon")
        assert session.taken() == []

    def test_more_calls_than_can_be_kept_are_answered_at_once(self) -> None:
        session = Session()
        session.calls(*(f"f{number}" for number in range(MAX_CALLS + 2)))
        assert [message["id"] for message in session.told()] == [
            f"f{MAX_CALLS}",
            f"f{MAX_CALLS + 1}",
        ]
        assert session.engine.counters()["tool_calls_dropped"] == 2


class TestFaults:
    def test_M6_an_error_is_the_end_of_the_session(self) -> None:
        session = Session()
        session.say("Error", code="ASR_CONNECTION_CLOSED", description="gone")
        assert session.taken() == [EngineFault("ASR_CONNECTION_CLOSED", "gone", fatal=True)]

    def test_M6_a_warning_is_not(self) -> None:
        session = Session()
        session.say("Warning", code="THINK_REQUEST_FAILED", description="again")
        assert session.taken() == [EngineFault("THINK_REQUEST_FAILED", "again")]

    def test_M6_a_warning_about_the_settings_does_not_refuse_the_session(self) -> None:
        session = Session(ready=False)
        session.say("Welcome", request_id="req_1")
        session.say("Warning", code="PROMPT_TOO_LONG", description="cut")
        assert session.taken() == []
        session.say("SettingsApplied")
        assert session.taken() == [SessionReady("req_1"), EngineFault("PROMPT_TOO_LONG", "cut")]

    def test_M6_what_cannot_be_read_is_counted(self) -> None:
        session = Session()
        session.raw("{")
        session.raw('{"type":"ConversationText","role":"user"}')
        session.raw('{"type":"SomethingNew"}')
        session.say("PromptUpdated")
        session.raw(b"\xff" * (4 * 1024 * 1024 + 1))
        assert session.taken() == [
            Unreadable("bad_json", 1),
            Unreadable("malformed", 41),
            Unknown("SomethingNew"),
            Unreadable("oversize", 4 * 1024 * 1024 + 1),
        ]

    def test_an_end_that_is_polite_is_no_reason_to_try_another_engine(self) -> None:
        session = Session()
        (lost,) = session.engine.closed(1000)
        assert isinstance(lost, EngineLost)
        assert lost.retryable
        assert session.engine.closed(1011) == ()


@pytest.mark.parametrize("form", [AudioFormat.PCM16, AudioFormat.PCM16_8K])
def test_samples_are_whole_however_messages_are_cut(form: AudioFormat) -> None:
    session = Session(audio=form)
    for piece in (b"\x01", b"\x02\x03", b"\x04"):
        session.sound(piece)
    heard = [event.audio for event in session.taken() if isinstance(event, AudioDelta)]
    assert heard == [b"\x01\x02", b"\x03\x04"]


def test_the_time_of_the_session_is_told_once_each_second_of_it() -> None:
    session = Session()
    session.feed(12_340)
    assert session.engine.goodbye() == ()
    used = [event for event in session.taken() if isinstance(event, Used)]
    assert used == [Used(Usage(seconds=10.0), "session"), Used(Usage(seconds=2.34), "session")]


def test_messages_are_compact() -> None:
    session = Session()
    (asked,) = session.engine.speak("Grüß den Anrufer.")
    assert json.loads(asked)["content"] == "[Grüß den Anrufer.]"
