"""The conversation so far, told to a new session of OpenAI Realtime.

It goes in as the items of which the server's own record of it would consist, the newest that fit
into a bound. The assistant's words go in as text: the API takes no audio of its own back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pybase64

from sipua.bridge.engine_api.settings import (
    AudioFormat,
    Past,
    PastMessage,
    PastSpeech,
    PastToolCall,
)
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.resample import Upsampler

# What a reconnection may send before the caller is heard again: half a minute of speech as PCM16
# and any amount of text. On 10 Mbit/s it takes less than two seconds.
MAX_BYTES: Final = 2 * 1024 * 1024
MAX_ITEMS: Final = 200
MAX_TEXT_CHARS: Final = 32_768  # of one message or one tool's result

_ITEM_BYTES: Final = 200  # of JSON around the texts
_CUT: Final = "…"


@dataclass(slots=True)
class Restored:
    items: list[dict[str, Any]] = field(default_factory=list)
    """For conversation.item.create, in their order."""
    call_ids: dict[str, str] = field(default_factory=dict)
    """The ids under which the session knows the tool calls of earlier ones."""
    told: int = 0
    dropped: int = 0


def restored(
    past: Sequence[Past], audio: AudioFormat, assistant_text: str = "output_text"
) -> Restored:
    """The ids are ours: those of another session, or another vendor, may be too long for this.

    `assistant_text`: the type of what the assistant has said."""
    result = Restored()
    past = [piece for piece in past if not _is_empty(piece)]
    groups: list[list[dict[str, Any]]] = []
    room, items = MAX_BYTES, 0
    for number in range(len(past) - 1, -1, -1):
        group = _items(past[number], number + 1, audio, room, assistant_text)
        size = sum(map(_size, group))
        if not group or size > room or items + len(group) > MAX_ITEMS:
            break  # a beginning that is missing is understood, a hole in the middle is not
        room -= size
        items += len(group)
        groups.append(group)
    for group in reversed(groups):
        result.items += group
    result.told, result.dropped = len(groups), len(past) - len(groups)
    for number, piece in enumerate(past[result.dropped :], result.dropped + 1):
        if isinstance(piece, PastToolCall):
            result.call_ids[piece.call_id] = _call_id(number)
    return result


def _is_empty(piece: Past) -> bool:
    if isinstance(piece, PastMessage):
        return not piece.text.strip()
    return isinstance(piece, PastSpeech) and not piece.mulaw


def _items(
    piece: Past, number: int, audio: AudioFormat, room: int, assistant_text: str
) -> list[dict[str, Any]]:
    item_id = f"past_{number}"
    if isinstance(piece, PastMessage):
        kind = assistant_text if piece.role == "assistant" else "input_text"
        return [_message(item_id, piece.role, {"type": kind, "text": _short(piece.text)})]
    if isinstance(piece, PastSpeech):
        sound = _speech(piece.mulaw, audio, room)
        return [_message(item_id, "user", {"type": "input_audio", "audio": sound})] if sound else []
    call: dict[str, Any] = {
        "id": item_id,
        "type": "function_call",
        "call_id": _call_id(number),
        "name": piece.name,
        "arguments": piece.arguments,
    }
    if piece.output is None:
        return [call]
    result = {
        "id": f"{item_id}_result",
        "type": "function_call_output",
        "call_id": call["call_id"],
        "output": _short(piece.output),
    }
    return [call, result]


def _message(item_id: str, role: str, content: dict[str, str]) -> dict[str, Any]:
    return {"id": item_id, "type": "message", "role": role, "content": [content]}


def _call_id(number: int) -> str:
    return f"past_call_{number}"


def _speech(mulaw: bytes, audio: AudioFormat, room: int) -> str:
    """In the session's input format; of what is too long, the end."""
    bytes_per_code = audio.bytes_per_ms // 8 * 4 / 3
    codes = int((room - 2 * _ITEM_BYTES) / bytes_per_code)
    mulaw = mulaw[-codes:] if codes > 0 else b""
    if audio is AudioFormat.PCMU:
        return pybase64.b64encode_as_string(mulaw)
    pcm = decode(Law.PCMU, mulaw)
    if audio is AudioFormat.PCMA:
        return pybase64.b64encode_as_string(encode(Law.PCMA, pcm))
    wide = Upsampler(audio.rate_hz).process(pcm).astype(np.dtype("<i2"), copy=False)
    return pybase64.b64encode_as_string(wide.tobytes())


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 1] + _CUT


def _size(item: dict[str, Any]) -> int:
    """About what it takes as JSON; exact for audio, which alone can be large."""
    texts = [value for value in item.values() if isinstance(value, str)]
    for part in item.get("content", ()):
        texts += part.values()
    return _ITEM_BYTES + sum(len(text) if text.isascii() else len(text) * 4 for text in texts)
