"""The ElevenLabs engine's protocol; both sides are judged by the vendor's package."""

import pytest

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    DropAudio,
    EngineFault,
    EngineHangsUp,
    ResponseDone,
    ResponseStarted,
    SessionReady,
    ToolCall,
    Transcript,
    Unknown,
    Unreadable,
    Usage,
    Used,
)
from sipua.bridge.engine_api.settings import AudioFormat, CallIdentity, PastMessage
from sipua.bridge.engines.elevenlabs_agent.protocol import MAX_CALLS
from support.engine.elevenlabs_engine import (
    Session,
    audio,
    metadata,
    server_message,
    tool_call,
    user_words,
)

SOUND = b"\x7f" * 160
CALL = CallIdentity("call-1", "+431", "+432", "incoming", {"shop": "a", "direction": "mine"})


class TestTheBeginning:
    def test_an_agent_is_told_of_the_call_and_overrides_nothing_by_itself(self) -> None:
        session = Session(ready=False, call=CALL)
        variables = {
            "call_id": "call-1",
            "caller": "+431",
            "called": "+432",
            "direction": "mine",
            "shop": "a",
        }
        assert session.told() == [
            {"type": "conversation_initiation_client_data", "dynamic_variables": variables}
        ]

    def test_what_was_written_overrides_the_agents_own(self) -> None:
        session = Session(
            ready=False,
            instructions="Be brief.",
            greeting="Good day.",
            transcription={"language": "de"},
            voice={"id": "voice_1"},
            speed=1.1,
        )
        (told,) = session.told()
        assert told["conversation_config_override"] == {
            "agent": {
                "prompt": {"prompt": "Be brief."},
                "first_message": "Good day.",
                "language": "de",
            },
            "tts": {"voice_id": "voice_1", "speed": 1.1},
        }

    def test_M2_after_a_loss_it_does_not_greet_again(self) -> None:
        session = Session(ready=False, greeting="Good day.", past=[PastMessage("user", "Hello?")])
        (told,) = session.told()
        assert told["conversation_config_override"] == {"agent": {"first_message": ""}}

    @pytest.mark.parametrize(
        ("name", "form"),
        [
            ("ulaw_8000", AudioFormat.PCMU),
            ("pcm_8000", AudioFormat.PCM16_8K),
            ("pcm_16000", AudioFormat.PCM16_16K),
            ("pcm_24000", AudioFormat.PCM16),
        ],
    )
    def test_the_agent_says_what_it_hears_and_speaks(self, name: str, form: AudioFormat) -> None:
        session = Session(ready=False)
        session.raw(metadata(hears=name))
        assert session.taken() == [SessionReady("conv_1")]
        assert (session.engine.hears, session.engine.speaks) == (form, AudioFormat.PCMU)
        session = Session(ready=False)
        session.raw(metadata(speaks=name))
        assert (session.engine.hears, session.engine.speaks) == (AudioFormat.PCMU, form)

    @pytest.mark.parametrize(
        ("formats", "what", "setting"),
        [
            ({"hears": "pcm_44100"}, "takes pcm_44100", "user input audio format"),
            ({"speaks": "pcm_22050"}, "speaks pcm_22050", "TTS output format"),
        ],
    )
    def test_M1_a_format_that_is_not_ours_names_the_setting(
        self, formats: dict[str, str], what: str, setting: str
    ) -> None:
        session = Session(ready=False)
        session.raw(metadata(**formats))
        (fault,) = session.taken()
        assert isinstance(fault, EngineFault)
        assert (fault.code, fault.fatal) == ("audio_format", True)
        assert what in fault.message
        assert setting in fault.message
        assert "ulaw_8000" in fault.message


class TestAnAnswer:
    def test_it_ends_when_the_agent_is_quiet(self) -> None:
        session = Session()
        session.raw(server_message("agent_response", agent_response="Hello. ", event_id=1))
        session.raw(audio(SOUND, 1))
        session.raw(audio(SOUND, 2))
        session.feed(380)
        assert session.taken() == [
            ResponseStarted("speech_1"),
            Transcript("speech_1", "assistant", "Hello.", final=False),
            AudioDelta("speech_1", 0, SOUND),
            AudioDelta("speech_1", 0, SOUND),
        ]
        session.feed(20)
        assert session.taken() == [
            AudioDone("speech_1"),
            Transcript("speech_1", "assistant", "Hello.", final=True),
            ResponseDone("speech_1", "completed"),
        ]

    def test_its_words_may_come_after_its_first_sound(self) -> None:
        session = Session()
        session.raw(audio(SOUND, 1))
        session.raw(server_message("agent_response", agent_response="Hello.", event_id=1))
        session.raw(server_message("agent_response_complete"))
        assert session.taken()[2:] == [
            Transcript("speech_1", "assistant", "Hello.", final=False),
            AudioDone("speech_1"),
            Transcript("speech_1", "assistant", "Hello.", final=True),
            ResponseDone("speech_1", "completed"),
        ]

    def test_it_ends_when_the_caller_has_spoken(self) -> None:
        session = Session()
        session.raw(audio(SOUND, 1))
        session.taken()
        session.raw(user_words("What time is it? "))
        assert session.taken() == [
            AudioDone("speech_1"),
            ResponseDone("speech_1", "completed"),
            Transcript("user_1", "user", "What time is it?", final=True),
        ]

    def test_other_words_are_another_answers(self) -> None:
        session = Session()
        for words in ("One.", "Two."):
            session.raw(server_message("agent_response", agent_response=words, event_id=1))
            session.raw(audio(SOUND, 1))
        session.raw(server_message("agent_response_complete"))
        said = [one for one in session.taken() if isinstance(one, Transcript) and one.final]
        assert [(one.item_id, one.text) for one in said] == [
            ("speech_1", "One."),
            ("speech_2", "Two."),
        ]


class TestBargeIn:
    def test_M5_an_interruption_is_an_order_to_drop(self) -> None:
        session = Session()
        session.raw(audio(SOUND, 6))
        session.taken()
        session.raw(server_message("interruption", event_id=7))
        assert session.taken() == [
            DropAudio(),
            AudioDone("speech_1"),
            ResponseDone("speech_1", "cancelled"),
        ]
        session.raw(audio(SOUND, 7))
        assert session.taken() == []
        session.raw(audio(SOUND, 8))
        assert session.taken() == [ResponseStarted("speech_2"), AudioDelta("speech_2", 0, SOUND)]
        counters = session.engine.counters()
        assert (counters["interrupted"], counters["late_deltas"]) == (1, 1)

    def test_M5_an_older_number_takes_nothing_back(self) -> None:
        session = Session()
        session.raw(server_message("interruption", event_id=7))
        session.raw(server_message("interruption", event_id=3))
        session.taken()
        session.raw(audio(SOUND, 5))
        assert session.taken() == []

    def test_the_agents_own_idea_of_what_was_heard_is_not_ours(self) -> None:
        session = Session()
        correction = {"original_agent_response": "One. Two.", "corrected_agent_response": "One."}
        session.raw(server_message("agent_response_correction", **correction, event_id=1))
        assert session.taken() == []


class TestRequests:
    def test_a_ping_is_answered_at_once(self) -> None:
        session = Session(ready=False)
        session.told()
        session.raw(server_message("ping", event_id=3, ping_ms=20))
        assert session.told() == [{"type": "pong", "event_id": 3}]

    def test_it_cannot_be_made_to_speak_by_itself(self) -> None:
        session = Session()
        assert not session.engine.capabilities.asks
        assert session.engine.speak("Greet.") == ()

    def test_what_it_is_told(self) -> None:
        session = Session()
        session.ask(session.engine.inject("user", "Room 12.", respond=True))
        session.ask(session.engine.inject("system", "Say goodbye.", respond=True))
        session.ask(session.engine.inject("user", "Room 12.", respond=False))
        session.ask(session.engine.inject("system", "On hold.", respond=False))
        assert session.told() == [
            {"type": "user_message", "text": "Room 12."},
            {"type": "user_message", "text": "[Say goodbye.]"},
            {"type": "contextual_update", "text": "The caller writes: Room 12."},
            {"type": "contextual_update", "text": "On hold."},
        ]


class TestTools:
    def test_M7_a_call_and_its_result(self) -> None:
        session = Session()
        session.raw(audio(SOUND, 1))
        session.taken()
        session.raw(tool_call("t1", zone="Europe/Vienna"))
        assert session.taken() == [
            AudioDone("speech_1"),
            ResponseDone("speech_1", "completed"),
            ResponseStarted("call_1"),
            ToolCall("t1", "clock", '{"zone": "Europe/Vienna"}', "call_1"),
            ResponseDone("call_1", "completed"),
        ]
        session.ask(session.engine.tool_result("t1", "noon", respond=True))
        assert session.told() == [
            {
                "type": "client_tool_result",
                "tool_call_id": "t1",
                "result": "noon",
                "is_error": False,
            }
        ]

    def test_a_call_without_parameters_has_none(self) -> None:
        session = Session()
        session.raw(
            '{"type":"client_tool_call","client_tool_call":{"tool_name":"a","tool_call_id":"t"}}'
        )
        assert ToolCall("t", "a", "{}", "call_1") in session.taken()

    def test_the_result_of_an_earlier_conversations_call_is_told_in_words(self) -> None:
        session = Session()
        session.ask(session.engine.tool_result("old", "noon", respond=False))
        assert session.told() == [{"type": "contextual_update", "text": "A tool returned: noon"}]

    def test_more_calls_than_can_be_kept_are_answered_at_once(self) -> None:
        session = Session()
        for number in range(MAX_CALLS + 1):
            session.raw(tool_call(f"t{number}"))
        (refusal,) = session.told()
        assert (refusal["tool_call_id"], refusal["is_error"]) == (f"t{MAX_CALLS}", True)


class TestFaultsAndEnds:
    def test_an_agent_that_is_done_hangs_up(self) -> None:
        session = Session()
        assert session.engine.closed(1000) == (EngineHangsUp("the agent ended the conversation"),)

    @pytest.mark.parametrize("code", [1002, 1008, 1011])
    def test_M2_any_other_end_is_a_loss(self, code: int) -> None:
        assert Session().engine.closed(code) == ()

    def test_M2_after_a_complaint_even_a_polite_end_is_a_loss(self) -> None:
        session = Session()
        session.raw('{"type":"error","message":"This request exceeds your quota limit."}')
        quota = EngineFault("error", "This request exceeds your quota limit.")
        assert session.taken() == [quota]
        assert session.engine.closed(1000) == ()

    def test_M6_an_error_is_told_by_its_name(self) -> None:
        session = Session()
        session.raw(
            '{"type":"error","error_event":{"code":1008,"error_type":"override_error",'
            '"reason":"first_message may not be overridden","message":"refused"}}'
        )
        assert session.taken() == [
            EngineFault("override_error", "first_message may not be overridden: refused")
        ]

    def test_M6_what_cannot_be_read_is_counted(self) -> None:
        session = Session()
        session.raw("[]")
        session.raw('{"type":"audio","audio_event":{"audio_base_64":"?","event_id":1}}')
        session.raw('{"type":"dtmf_request"}')
        session.raw(server_message("vad_score", vad_score=0.5))
        assert session.taken() == [
            Unreadable("malformed", 2),
            Unreadable("bad_base64", 1),
            Unknown("dtmf_request"),
        ]

    @pytest.mark.parametrize(
        "number",
        ['"7"', '"x"', '"' + "9" * 5000 + '"', "1" * 30],
        ids=["text", "none", "long", "large"],
    )
    def test_M6_an_odd_number_ends_nothing(self, number: str) -> None:
        session = Session()
        session.raw(f'{{"type":"interruption","interruption_event":{{"event_id":{number}}}}}')
        session.raw(audio(SOUND, 8))
        assert session.taken()[-1:] == [AudioDelta("speech_1", 0, SOUND)]


def test_samples_are_whole_however_pieces_are_cut() -> None:
    session = Session(ready=False)
    session.raw(metadata(speaks="pcm_16000"))
    for piece in (b"\x01", b"\x02\x03", b"\x04"):
        session.raw(audio(piece, 1))
    heard = [event.audio for event in session.taken() if isinstance(event, AudioDelta)]
    assert heard == [b"\x01\x02", b"\x03\x04"]


def test_the_time_of_the_conversation_is_told() -> None:
    session = Session()
    session.feed(10_500)
    assert session.engine.goodbye() == ()
    used = [event for event in session.taken() if isinstance(event, Used)]
    assert used == [Used(Usage(seconds=10.0), "session"), Used(Usage(seconds=0.5), "session")]
