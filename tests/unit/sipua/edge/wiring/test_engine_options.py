"""What can be configured of an engine is what the vendor takes."""

import itertools
from typing import Any

import pytest

from sipua.bridge.engine_api.settings import OPENAI_FORMATS, EngineSettings
from sipua.bridge.engines import create
from sipua.config.sections.engine import EngineSection
from sipua.edge.wiring.engine_options import engine_options
from support.engine.realtime_engine import session_event
from support.engine.realtime_types import accepted_client_event


def options(**keys: Any) -> dict[str, Any]:
    return engine_options(EngineSection.model_validate(keys))


def sent(**keys: Any) -> dict[str, Any]:
    """The session object that the vendor gets."""
    protocol = create("openai_realtime", EngineSettings(**options(**keys))).protocol
    protocol.receive(session_event("created"))
    (update,) = protocol.take_outgoing()
    session: dict[str, Any] = accepted_client_event(update)["session"]
    return session


def test_the_defaults_are_the_usual_telephone_call() -> None:
    assert sent() == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "tools": [],
        "tool_choice": "auto",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
        },
    }


def test_every_key_reaches_the_vendor() -> None:
    session = sent(
        voice_id="voice_1234",
        audio="pcma",
        transcription="gpt-transcribe",
        transcription_language="de",
        transcription_prompt="Jausenbrett",
        noise_reduction="near_field",
        speed=1.2,
        max_output_tokens=900,
        tool_choice="hang_up",
        parallel_tool_calls="off",
        reasoning_effort="low",
        turn_detection={"type": "semantic_vad", "eagerness": "low", "create_response": False},
    )
    assert session["audio"] == {
        "input": {
            "format": {"type": "audio/pcma"},
            "transcription": {
                "model": "gpt-transcribe",
                "language": "de",
                "prompt": "Jausenbrett",
            },
            "noise_reduction": {"type": "near_field"},
            "turn_detection": {
                "type": "semantic_vad",
                "eagerness": "low",
                "create_response": False,
                "interrupt_response": True,
            },
        },
        "output": {"format": {"type": "audio/pcma"}, "voice": {"id": "voice_1234"}, "speed": 1.2},
    }
    assert session["max_output_tokens"] == 900
    assert session["tool_choice"] == {"type": "function", "name": "hang_up"}
    assert session["parallel_tool_calls"] is False
    assert session["reasoning"] == {"effort": "low"}


def test_no_turn_detection() -> None:
    assert sent(turn_detection={"type": "none"})["audio"]["input"]["turn_detection"] is None


def test_an_idle_caller() -> None:
    turns = sent(turn_detection={"idle_timeout_ms": 6000})["audio"]["input"]["turn_detection"]
    assert turns["idle_timeout_ms"] == 6000


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("mcp:crm", {"type": "mcp", "server_label": "crm"}),
        ("mcp:crm/find", {"type": "mcp", "server_label": "crm", "name": "find"}),
    ],
)
def test_tool_choice(text: str, choice: Any) -> None:
    assert sent(tool_choice=text)["tool_choice"] == choice


CHOICES: dict[str, tuple[Any, ...]] = {
    "audio": ("pcm16", "pcmu", "pcma"),
    "noise_reduction": ("", "near_field", "far_field"),
    "speed": (0.25, 1.0, 1.5),
    "max_output_tokens": (0, 1, 4096),
    "parallel_tool_calls": ("auto", "on", "off"),
    "reasoning_effort": ("", "minimal", "low", "medium", "high", "xhigh"),
    "turn_detection": (
        {"type": "none"},
        {"type": "server_vad", "threshold": 1, "idle_timeout_ms": 30_000},
        *({"type": "semantic_vad", "eagerness": e} for e in ("auto", "low", "medium", "high")),
    ),
}


@pytest.mark.parametrize(
    ("first", "second"), list(itertools.combinations(sorted(CHOICES), 2)), ids="-".join
)
def test_every_two_choices_together_are_valid(first: str, second: str) -> None:
    for one, other in itertools.product(CHOICES[first], CHOICES[second]):
        sent(**{first: one, second: other})


def test_the_formats_are_the_engines() -> None:
    assert {options(audio=name)["audio"] for name in CHOICES["audio"]} == OPENAI_FORMATS
