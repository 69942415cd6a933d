"""What differs between the dialects, judged by their vendors' types."""

import base64
import json
from typing import Any

import pytest

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    EngineFault,
    Event,
    ResponseDone,
    ServerTool,
    SessionReady,
    ToolCall,
    Transcript,
    Unreadable,
)
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings, PastMessage
from sipua.bridge.engines import create
from sipua.bridge.engines.openai_realtime.dialects import DIALECTS, dialect
from sipua.bridge.engines.openai_realtime.protocol import OpenAIRealtime, realtime_engine
from support.engine.dialect_types import JUDGES
from support.engine.realtime_engine import PCM_20_MS

HANG_UP = {
    "type": "function",
    "name": "hang_up",
    "description": "Ends the call.",
    "parameters": {"type": "object", "properties": {}},
}
MCP = {"type": "mcp", "server_label": "docs", "server_url": "https://example.net/mcp"}
OTHERS = [name for name in DIALECTS if name != "ga"]
FLAT = ["beta", "azure_voice_live", "qwen"]
SEMANTIC = {"type": "azure_semantic_vad_multilingual", "remove_filler_words": True}


def settings(name: str, **changes: Any) -> EngineSettings:
    return EngineSettings(dialect=name, **changes)


def engine(name: str, **changes: Any) -> OpenAIRealtime:
    return OpenAIRealtime(settings(name, **changes))


def update(name: str, **changes: Any) -> dict[str, Any]:
    """The session that it asks for, read as the vendor does."""
    session = engine(name, **changes)
    (message,) = session.start() or _after_created(session)
    asked = JUDGES[name].client(message)
    assert asked["type"] == "session.update"
    found: dict[str, Any] = asked["session"]
    return found


def _after_created(session: OpenAIRealtime) -> tuple[bytes, ...]:
    session.receive('{"type":"session.created","session":{"id":"sess_1"}}')
    return tuple(session.take_outgoing())


def say(session_: OpenAIRealtime, event_type: str, **fields: Any) -> list[Event | Unreadable]:
    return list(session_.receive(json.dumps({"type": event_type, **fields})))


def ready(name: str, **changes: Any) -> OpenAIRealtime:
    session = engine(name, **changes)
    session.start()
    say(session, "session.updated", session={"id": "sess_1"})
    session.take_outgoing()
    return session


# The session


SESSIONS: list[dict[str, Any]] = [
    {},
    {"voice": "coral", "instructions": "Be kind.", "max_output_tokens": 200},
    {"turn_detection": None},
    {"turn_detection": {"create_response": False, "interrupt_response": False}},
    {"transcription": {"model": "gpt-transcribe", "language": "de", "prompt": "names"}},
    {"tools": [HANG_UP, MCP], "tool_choice": "required"},
    {"noise_reduction": {"type": "near_field"}, "speed": 1.2},
    {"turn_detection": {"idle_timeout_ms": 6000}, "parallel_tool_calls": True},
]


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("changes", SESSIONS)
def test_every_session_that_can_be_configured_is_one_of_the_vendor(
    name: str, changes: dict[str, Any]
) -> None:
    assert update(name, **changes)


@pytest.mark.parametrize(
    ("name", "audio", "format_"),
    [
        ("beta", AudioFormat.PCM16, "pcm16"),
        ("beta", AudioFormat.PCMU, "g711_ulaw"),
        ("azure_voice_live", AudioFormat.PCMA, "g711_alaw"),
    ],
)
def test_formats_of_a_flat_session(name: str, audio: AudioFormat, format_: str) -> None:
    session = update(name, audio=audio)
    assert session["input_audio_format"] == session["output_audio_format"] == format_


def test_xai_has_voice_and_turn_detection_at_the_top() -> None:
    session = update("xai", voice="ara", transcription={"model": "grok-transcribe"})
    assert session["voice"] == "ara"
    assert session["turn_detection"]["type"] == "server_vad"
    assert session["audio"]["input"]["transcription"] == {"model": "grok-transcribe"}


@pytest.mark.parametrize(
    ("voice", "kind"), [("de-AT-IngridNeural", "azure-standard"), ("marin", "openai")]
)
def test_a_voice_of_voice_live_is_an_object(voice: str, kind: str) -> None:
    assert update("azure_voice_live", voice=voice)["voice"] == {"type": kind, "name": voice}


def test_what_voice_live_has_beyond_the_beta() -> None:
    session = update(
        "azure_voice_live",
        turn_detection=SEMANTIC,
        noise_reduction={"type": "azure_deep_noise_suppression"},
        echo_cancellation=True,
        reasoning_effort="low",
        tools=[MCP],
    )
    assert session["turn_detection"].items() >= SEMANTIC.items()
    assert session["input_audio_noise_reduction"] == {"type": "azure_deep_noise_suppression"}
    assert session["input_audio_echo_cancellation"] == {"type": "server_echo_cancellation"}
    assert session["input_audio_sampling_rate"] == 24_000
    assert session["reasoning_effort"] == "low"
    assert session["tools"] == [{**MCP, "require_approval": "never"}]


def test_qwen_nests_its_tools_and_names_the_rate() -> None:
    session = update("qwen", tools=[HANG_UP, MCP])
    function = {name: value for name, value in HANG_UP.items() if name != "type"}
    assert session["tools"] == [{"type": "function", "function": function}]
    assert session["audio"]["input"]["format"] == {"type": "pcm", "sample_rate": 24_000}


def test_the_beta_nests_the_choice_of_a_tool() -> None:
    def choice(chosen: str | dict[str, str]) -> Any:
        made = engine("beta", tool_choice=chosen)
        return json.loads(made.start()[0])["session"]["tool_choice"]

    assert choice("required") == "required"
    hang_up = {"type": "function", "function": {"name": "hang_up"}}
    assert choice({"type": "function", "name": "hang_up"}) == hang_up
    assert choice({"type": "mcp", "server_label": "docs"}) == "auto"


# Where to


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("xai", "api.x.ai/v1/realtime?model=grok-voice-latest"),
        (
            "qwen",
            "dashscope-intl.aliyuncs.com/api-ws/v1/realtime?model=qwen3.5-omni-flash-realtime",
        ),
    ],
)
def test_the_vendors_address_and_model(name: str, address: str) -> None:
    assert create("openai_realtime", settings(name)).url == f"wss://{address}"


def test_a_key_in_a_header_of_its_own() -> None:
    made = realtime_engine(settings("azure_voice_live", api_key="k", key_header="api-key"))
    assert made.headers == {"api-key": "k"}


def test_an_unknown_dialect_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown dialect 'gamma'.*azure_voice_live"):
        dialect("gamma")


# The start of a session


@pytest.mark.parametrize("name", OTHERS)
def test_the_configuration_does_not_wait_for_the_server_and_leaves_once(name: str) -> None:
    session = engine(name)
    assert len(session.start()) == 1
    assert say(session, "session.created", session={"id": "sess_1"}) == []
    assert list(session.take_outgoing()) == []
    assert say(session, "session.updated", session={"id": "sess_1"}) == [SessionReady("sess_1")]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_complaint_before_the_session_is_ready_is_no_refusal_yet(name: str) -> None:
    session = engine(name)
    error = {"type": "invalid_request_error", "message": "`prefix_padding_ms` is not supported."}
    session.start()
    (fault,) = say(session, "error", error=error)
    assert isinstance(fault, EngineFault)
    assert fault.tentative is (name != "ga")
    say(session, "session.updated", session={"id": "sess_1"})
    (fault,) = say(session, "error", error=error)
    assert isinstance(fault, EngineFault)
    assert not fault.tentative


def test_a_warning_of_voice_live_is_told_when_the_session_is_ready() -> None:
    session = engine("azure_voice_live")
    session.start()
    warning = {"message": "The voice is a preview.", "code": "preview"}
    for _ in range(20):
        assert say(session, "warning", warning=warning) == []
    told = say(session, "session.updated", session={"id": "s"})
    assert told == [SessionReady("s"), *[EngineFault("preview", warning["message"])] * 8]
    assert say(session, "warning", warning=warning) == [EngineFault("preview", warning["message"])]


@pytest.mark.parametrize("name", DIALECTS)
def test_the_past_is_told_in_the_words_of_the_dialect(name: str) -> None:
    session = engine(name, past=[PastMessage("assistant", "Hello."), PastMessage("user", "Hi.")])
    session.start()
    say(session, "session.updated", session={"id": "s"})
    *_, first, second = [JUDGES[name].client(message) for message in session.take_outgoing()]
    assert first["item"]["content"][0]["type"] == DIALECTS[name].assistant_text
    assert second["item"]["content"] == [{"type": "input_text", "text": "Hi."}]


# What they say


@pytest.mark.parametrize("name", FLAT)
def test_the_words_of_the_beta_are_understood(name: str) -> None:
    session = ready(name)
    delta = base64.b64encode(PCM_20_MS).decode()
    about = {"item_id": "item_1", "response_id": "resp_1"}
    assert say(session, "response.audio.delta", delta=delta, **about) == [
        AudioDelta("item_1", 0, PCM_20_MS)
    ]
    assert say(session, "response.audio.done", item_id="item_1") == [AudioDone("item_1")]
    assert say(session, "response.audio_transcript.delta", delta="Hel", **about) == [
        Transcript("item_1", "assistant", "Hel", final=False)
    ]
    assert say(session, "response.audio_transcript.done", transcript="Hello.", **about) == [
        Transcript("item_1", "assistant", "Hello.", final=True)
    ]
    assert say(session, "response.audio.delta", delta="?", **about) == [Unreadable("bad_base64", 1)]


@pytest.mark.parametrize("name", FLAT)
def test_a_call_whose_function_only_the_item_names(name: str) -> None:
    session = ready(name)
    say(session, "response.created", response={"id": "resp_1"})
    item = {"id": "item_1", "type": "function_call", "name": "hang_up", "call_id": "call_1"}
    say(session, "response.output_item.added", item={**item, "name": None})
    call = {"call_id": "call_1", "item_id": "item_1", "arguments": "{}"}
    assert say(session, "response.function_call_arguments.done", **call) == []
    say(session, "response.output_item.done", item=item)
    done = say(session, "response.done", response={"id": "resp_1", "status": "completed"})
    assert done == [
        ToolCall("call_1", "hang_up", "{}", "resp_1"),
        ResponseDone("resp_1", "completed"),
    ]


def test_M6_a_call_of_no_function_is_said_and_counted() -> None:
    session = ready("beta")
    say(session, "response.created", response={"id": "resp_1"})
    say(session, "response.function_call_arguments.done", call_id="call_1", arguments="{}")
    fault, _ = say(session, "response.done", response={"id": "resp_1", "status": "completed"})
    assert fault == EngineFault("nameless_tool_call", "call_1")
    assert session.counters()["tool_calls_dropped"] == 1


def test_transcripts_of_xai_grow_and_may_be_corrected() -> None:
    session = ready("xai")
    kind = "conversation.item.input_audio_transcription"

    def pieces(text: str) -> list[str]:
        events = say(session, f"{kind}.updated", item_id="i", transcript=text)
        assert all(isinstance(event, Transcript) and not event.final for event in events)
        return [event.text for event in events if isinstance(event, Transcript)]

    assert pieces("I want") == ["I want"]
    assert pieces("I want") == []
    assert pieces("I want to") == [" to"]
    assert pieces("I went to buy") == []  # a correction: the whole has it
    assert pieces("I want to buy") == [" buy"]
    running = {"item_id": "i", "transcript": "I want to buy a", "status": "in_progress"}
    assert say(session, f"{kind}.completed", **running) == [
        Transcript("i", "user", " a", final=False)
    ]
    assert say(session, f"{kind}.completed", item_id="i", transcript="I went to buy a bike.") == [
        Transcript("i", "user", "I went to buy a bike.", final=True)
    ]


def test_what_the_agent_said_need_not_be_repeated() -> None:
    assert say(ready("xai"), "response.output_audio_transcript.done", item_id="i") == []


def test_an_approval_of_voice_live_is_declined_in_its_words() -> None:
    session = ready("azure_voice_live")
    item = {"id": "item_1", "type": "mcp_approval_request", "name": "buy", "server_label": "shop"}
    (told,) = say(session, "response.output_item.done", item=item)
    assert told == ServerTool("item_1", "shop: buy", "failed")
    declined, create = session.take_outgoing()
    answer = JUDGES["azure_voice_live"].client(declined)["item"]
    assert (answer["approval_request_id"], answer["approve"]) == ("item_1", False)
    assert JUDGES["azure_voice_live"].client(create)["type"] == "response.create"


# What they cannot


@pytest.mark.parametrize("name", DIALECTS)
def test_M5_what_was_not_heard_is_dropped_and_told_where_it_can_be(name: str) -> None:
    session = ready(name)
    kind = DIALECTS[name].vocabulary.audio_delta.__struct_config__.tag
    delta = {"item_id": "item_1", "response_id": "r", "delta": base64.b64encode(PCM_20_MS).decode()}
    for _ in range(5):
        say(session, str(kind), **delta)
    told = [JUDGES[name].client(message) for message in session.truncate("item_1", 40)]
    assert [event["type"] for event in told] == (
        [] if name == "qwen" else ["conversation.item.truncate"]
    )
    assert session.capabilities.truncate is (name != "qwen")
    assert say(session, str(kind), **delta) == []
    assert session.counters()["late_deltas"] == 1


@pytest.mark.parametrize("name", DIALECTS)
def test_a_goodbye_is_said_where_one_is_expected(name: str) -> None:
    session = ready(name)
    said = [JUDGES[name].client(message)["type"] for message in session.goodbye()]
    assert said == (["session.finish"] if name == "qwen" else [])
    assert not session.over
    say(session, "session.finished")
    assert session.over is (name == "qwen")
