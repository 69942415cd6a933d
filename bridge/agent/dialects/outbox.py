"""What the server says in a flat dialect: GA's events under other names, in another shape."""

from typing import Any, ClassVar, Final

from sipua.bridge.agent.realtime.protocol import RealtimeOutbox

_NAMES: Final = {
    "conversation.item.added": "conversation.item.created",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
}
_PARTS: Final = {"output_audio": "audio", "output_text": "text"}
_FORMATS: Final = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}


class FlatOutbox(RealtimeOutbox):
    delta_type: ClassVar[bytes] = b"response.audio.delta"
    unsaid: ClassVar[frozenset[str]] = frozenset({"conversation.item.done"})
    """Events of GA that have no counterpart."""

    __slots__ = ()

    def event(self, event_type: str, **fields: Any) -> None:
        if event_type in self.unsaid:
            return
        if "item" in fields:
            fields["item"] = _item(fields["item"])
        if "session" in fields:
            fields["session"] = self.session(fields["session"])
        if "response" in fields:
            fields["response"] = self.response(fields["response"])
        self.reworded(event_type, fields)
        super().event(_NAMES.get(event_type, event_type), **fields)

    def reworded(self, event_type: str, fields: dict[str, Any]) -> None:
        """Change the fields of what differs further."""

    def session(self, ga: dict[str, Any]) -> dict[str, Any]:
        """The session as it is shown."""
        heard, spoken = ga["audio"].input, ga["audio"].output
        return {
            "id": ga["id"],
            "model": ga["model"],
            "modalities": _modalities(ga["output_modalities"]),
            "instructions": ga["instructions"],
            "voice": spoken.voice,
            "input_audio_format": _FORMATS[heard.format.__struct_config__.tag],
            "output_audio_format": _FORMATS[spoken.format.__struct_config__.tag],
            "input_audio_transcription": heard.transcription,
            "turn_detection": self.turn_detection(heard.turn_detection),
            "tools": ga["tools"],
            "tool_choice": ga["tool_choice"],
            "max_response_output_tokens": ga["max_output_tokens"],
        }

    def turn_detection(self, ga: Any) -> Any:
        if ga is None:
            return None
        names = (name for name in ga.__struct_fields__ if name != "idle_timeout_ms")
        kind = ga.__struct_config__.tag
        return {"type": kind, **{name: getattr(ga, name) for name in names}}

    def usage(self, ga: dict[str, Any]) -> dict[str, Any]:
        """What a response has cost."""
        heard = ga["input_token_details"]
        kept = {name: heard[name] for name in ("text_tokens", "audio_tokens", "cached_tokens")}
        return {**ga, "input_token_details": kept}

    def response(self, ga: dict[str, Any]) -> dict[str, Any]:
        spoken = ga["audio"]["output"]
        kept = {name: ga[name] for name in ga if name not in ("audio", "output_modalities")}
        return kept | {
            "output": [_item(item) for item in ga["output"]],
            "modalities": _modalities(ga["output_modalities"]),
            "output_audio_format": _FORMATS[spoken["format"]["type"]],
            "voice": spoken["voice"],
            "usage": self.usage(ga["usage"]) if ga["usage"] else None,
        }


def _item(ga: dict[str, Any]) -> dict[str, Any]:
    if "content" not in ga:
        return ga
    parts = [{**part, "type": _PARTS.get(part["type"], part["type"])} for part in ga["content"]]
    return {**ga, "content": parts}


def _modalities(ga: list[str]) -> list[str]:
    return ["text", "audio"] if ga == ["audio"] else ga
