"""What Gemini Live says of cost: of each turn, with the whole context in it, by modality."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sipua.bridge.engine_api.events import Usage
from sipua.bridge.engines.openai.decoder import read_part
from sipua.bridge.engines.openai.details import tokens


class _Count(msgspec.Struct, rename="camel"):
    modality: str | None = None
    token_count: float | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    prompt_token_count: float | None = None
    response_token_count: float | None = None
    thoughts_token_count: float | None = None
    tool_use_prompt_token_count: float | None = None
    cached_content_token_count: float | None = None
    prompt_tokens_details: list[_Count] | None = None
    response_tokens_details: list[_Count] | None = None
    cache_tokens_details: list[_Count] | None = None


def of_turn(raw: msgspec.Raw) -> Usage | None:
    """What no modality is told of is text: that is what the instructions and thoughts are."""
    told = read_part(raw, _Metadata)
    if told is None:
        return None
    audio_in = _audio(told.prompt_tokens_details)
    audio_out = _audio(told.response_tokens_details)
    cached_audio = min(audio_in, _audio(told.cache_tokens_details))
    text_in = max(0, tokens(told.prompt_token_count) - audio_in)
    text_in += tokens(told.tool_use_prompt_token_count)
    text_out = max(0, tokens(told.response_token_count) - audio_out)
    return Usage(
        audio_in=audio_in,
        audio_in_cached=cached_audio,
        audio_out=audio_out,
        text_in=text_in,
        text_in_cached=min(text_in, max(0, tokens(told.cached_content_token_count) - cached_audio)),
        text_out=text_out + tokens(told.thoughts_token_count),
    )


def _audio(details: Sequence[_Count] | None) -> int:
    return sum(tokens(one.token_count) for one in details or () if one.modality == "AUDIO")
