"""Who judges the events of each dialect: a vendor's types where there are any.

xAI and Qwen publish none. What they add to those that they grew from stands here, as the clients of
others send and read it: livekit-plugins-xai 1.8.9, pipecat 1.14.0, dashscope 2.0.2.
"""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from support.engine import beta_types, realtime_types, voice_live_types

Accepted = Callable[[bytes | str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Judge:
    client: Accepted
    server: Accepted


def _xai_client(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    judged = copy.deepcopy(content)
    if content["type"] == "session.update":
        _as_ga(judged["session"])
    realtime_types.accepted_client_event(json.dumps(judged))
    return content


def _xai_server(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    if content["type"] == "conversation.item.input_audio_transcription.updated":
        assert content.keys() == {"type", "event_id", "item_id", "transcript"}
        return content
    judged = copy.deepcopy(content)
    if content["type"] in ("session.created", "session.updated"):
        _as_ga(judged["session"])
        judged["session"]["type"] = "realtime"
    realtime_types.accepted_server_event(json.dumps(judged))
    return content


def _as_ga(session: dict[str, Any]) -> None:
    """Two keys stand elsewhere, and the language of a transcription has another name."""
    heard, spoken = session["audio"]["input"], session["audio"]["output"]
    assert "turn_detection" not in heard
    assert "voice" not in spoken
    assert "noise_reduction" not in heard
    heard["turn_detection"] = session.pop("turn_detection")
    if "voice" in session:
        spoken["voice"] = session.pop("voice")
    if heard.get("transcription"):
        heard["transcription"].pop("language_hint", None)


def _qwen_client(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    assert content["type"] != "conversation.item.truncate"
    if content["type"] == "session.finish":
        assert content.keys() == {"type", "event_id"}
        return content
    judged = copy.deepcopy(content)
    if content["type"] == "session.update":
        _as_beta(judged["session"])
    beta_types.accepted_client_event(json.dumps(judged))
    return content


def _qwen_server(message: bytes | str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message)
    if content["type"] == "session.finished":
        return content
    judged = copy.deepcopy(content)
    if "session" in judged:
        _as_beta(judged["session"])
    if content["type"].startswith("response.function_call_arguments."):
        judged.pop("name", None)
    beta_types.accepted_server_event(json.dumps(judged))
    return content


def _as_beta(session: dict[str, Any]) -> None:
    for side in session.pop("audio").values():
        assert side == {"format": {"type": "pcm", "sample_rate": 24_000}}
    if "max_tokens" in session:
        session["max_response_output_tokens"] = session.pop("max_tokens")
    for tool in session.get("tools", ()):
        assert tool.keys() == {"type", "function"}
        tool.update(tool.pop("function"))


JUDGES: Mapping[str, Judge] = {
    "ga": Judge(realtime_types.accepted_client_event, realtime_types.accepted_server_event),
    "beta": Judge(beta_types.accepted_client_event, beta_types.accepted_server_event),
    "xai": Judge(_xai_client, _xai_server),
    "azure_voice_live": Judge(
        voice_live_types.accepted_client_event, voice_live_types.accepted_server_event
    ),
    "qwen": Judge(_qwen_client, _qwen_server),
}
