"""From our settings to what Gemini Live wants to hear: `setup`, the past, the address.

The server closes the connection for a field that it does not know, so each is one of the vendor's
types, and what it has no field for is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from sipua.bridge.engine_api.settings import (
    AudioFormat,
    EngineSettings,
    Past,
    PastMessage,
    PastToolCall,
)
from sipua.bridge.engines.gemini_live.address import ADDRESS

MAX_PAST_MESSAGES: Final = 128
MAX_PAST_CHARS: Final = 32_768
MAX_VOCABULARY: Final = 100  # words to expect

_USUAL_THRESHOLD: Final = 0.5
_VERTEX: Final = "google.cloud.aiplatform."  # in the path of its service


def hears(settings: EngineSettings) -> AudioFormat:
    """The vendor's own rate, or the telephone's. 24 kHz would be bytes without sound in them."""
    return settings.audio if settings.audio is AudioFormat.PCM16_8K else AudioFormat.PCM16_16K


def setup(settings: EngineSettings) -> dict[str, Any]:
    """The session's first message. No field of it can be changed later."""
    words = _words(settings.transcription or {})
    content: dict[str, Any] = {
        "model": settings.model if "/" in settings.model else f"models/{settings.model}",
        "generationConfig": _generation(settings),
        "realtimeInputConfig": _turns(settings.turn_detection),
        # Without either of these a session ends after a quarter of an hour.
        "sessionResumption": {"handle": settings.handle} if settings.handle else {},
        "contextWindowCompression": {"slidingWindow": {}},
        "inputAudioTranscription": words,
        "outputAudioTranscription": {},
    }
    if settings.instructions:
        content["systemInstruction"] = {"parts": [{"text": settings.instructions}]}
    if tools := functions(settings):
        content["tools"] = [{"functionDeclarations": tools}]
    if settings.past and not is_vertex(settings.url):
        content["historyConfig"] = {"initialHistoryInClientContent": True}
    return content


def _generation(settings: EngineSettings) -> dict[str, Any]:
    config: dict[str, Any] = {"responseModalities": ["AUDIO"]}
    if settings.max_output_tokens is not None and settings.max_output_tokens != "inf":
        config["maxOutputTokens"] = settings.max_output_tokens
    if isinstance(settings.voice, str) and settings.voice:
        voice = {"prebuiltVoiceConfig": {"voiceName": settings.voice}}
        config["speechConfig"] = {"voiceConfig": voice}
    if settings.reasoning_effort:
        config["thinkingConfig"] = {"thinkingLevel": settings.reasoning_effort.upper()}
    return config


def takes_turns(turn_detection: Mapping[str, Any] | None) -> bool:
    """Whether the server finds the caller's turns, and answers each."""
    return turn_detection is not None and bool(turn_detection.get("create_response", True))


def _turns(turn_detection: Mapping[str, Any] | None) -> dict[str, Any]:
    if turn_detection is None or not takes_turns(turn_detection):
        # The turn that is always open would interrupt each answer as it begins.
        return {
            "automaticActivityDetection": {"disabled": True},
            "activityHandling": "NO_INTERRUPTION",
        }
    detection: dict[str, Any] = {}
    threshold = turn_detection.get("threshold", _USUAL_THRESHOLD)
    if threshold != _USUAL_THRESHOLD:
        level = "HIGH" if threshold < _USUAL_THRESHOLD else "LOW"
        detection["startOfSpeechSensitivity"] = f"START_SENSITIVITY_{level}"
    # `prefix_padding_ms` has another meaning here: how much speech begins a turn.
    if "silence_duration_ms" in turn_detection:
        detection["silenceDurationMs"] = turn_detection["silence_duration_ms"]
    if (eagerness := turn_detection.get("eagerness")) in ("low", "high"):
        detection["endOfSpeechSensitivity"] = f"END_SENSITIVITY_{eagerness.upper()}"
    interrupts = turn_detection.get("interrupt_response", True)
    handling = "START_OF_ACTIVITY_INTERRUPTS" if interrupts else "NO_INTERRUPTION"
    return {"automaticActivityDetection": detection, "activityHandling": handling}


def _words(transcription: Mapping[str, Any]) -> dict[str, Any]:
    """How the caller's words are written down."""
    config: dict[str, Any] = {}
    if language := transcription.get("language"):
        config["languageCodes"] = [language]
    expected = [word.strip() for word in str(transcription.get("prompt", "")).split(",")]
    if vocabulary := [word for word in expected if word][:MAX_VOCABULARY]:
        config["customVocabulary"] = vocabulary
    return config


def functions(settings: EngineSettings) -> list[dict[str, Any]]:
    """The tools that we run. The vendor's server calls no others for us."""
    if settings.tool_choice == "none":
        return []
    return [_function(tool) for tool in settings.tools if tool.get("type") == "function"]


def _function(tool: Mapping[str, Any]) -> dict[str, Any]:
    # Else the newer models talk on while a tool runs, and of what they do not know yet.
    declared: dict[str, Any] = {"name": tool["name"], "behavior": "BLOCKING"}
    if tool.get("description"):
        declared["description"] = tool["description"]
    if tool.get("parameters"):
        declared["parametersJsonSchema"] = tool["parameters"]
    return declared


def history(past: Sequence[Past]) -> list[dict[str, Any]]:
    """The conversation so far, as text: the newest of it that there is room for."""
    kept: list[dict[str, Any]] = []
    room = MAX_PAST_CHARS
    for piece in reversed(past):
        role, text = _told(piece)
        if not text.strip():
            continue
        room -= len(text)
        if len(kept) == MAX_PAST_MESSAGES or room < 0:
            break  # a beginning that is missing is understood, a hole in the middle is not
        kept.append(turn(text, role))
    kept.reverse()
    return kept


def turn(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


def _told(piece: Past) -> tuple[str, str]:
    """There are two roles: what is an order, or was no speech, is in brackets."""
    if isinstance(piece, PastMessage):
        if piece.role == "assistant":
            return "model", piece.text
        return "user", piece.text if piece.role == "user" else f"[{piece.text}]"
    if isinstance(piece, PastToolCall):
        called = f"The tool {piece.name} was called with {piece.arguments}"
        if piece.output is None:
            return "user", f"[{called} and is still running.]"
        return "user", f"[{called} and returned: {piece.output}]"
    return "user", "[The caller said something here that was not written down.]"


def is_vertex(url: str) -> bool:
    try:
        return _VERTEX in urlsplit(url).path
    except ValueError:
        return False  # not an address: connecting says so


def endpoint(settings: EngineSettings) -> tuple[str, dict[str, str]]:
    """The websocket's address and the headers of the upgrade. The key is in no URL: those are
    logged."""
    headers = dict(settings.headers)
    if settings.api_key and not {"authorization", "x-goog-api-key"} & {n.lower() for n in headers}:
        if is_vertex(settings.url):
            headers["Authorization"] = f"Bearer {settings.api_key}"
        else:
            headers["x-goog-api-key"] = settings.api_key
    return settings.url or ADDRESS, headers
