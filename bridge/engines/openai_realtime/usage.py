"""What OpenAI Realtime says of cost, of limits, and of a response that did not complete."""

from __future__ import annotations

import math

import msgspec

from sipua.bridge.engine_api.events import RateLimit, RateLimits, Usage
from sipua.bridge.engines.openai.decoder import read_part
from sipua.bridge.engines.openai.details import TEXT_CHARS, ErrorDetail, tokens, worded
from sipua.bridge.engines.openai_realtime.events import RateLimitsUpdated


class _Cached(msgspec.Struct):
    text_tokens: float | None = None
    audio_tokens: float | None = None


class _Input(msgspec.Struct):
    text_tokens: float | None = None
    audio_tokens: float | None = None
    cached_tokens: float | None = None
    cached_tokens_details: _Cached | None = None


class _Output(msgspec.Struct):
    text_tokens: float | None = None
    audio_tokens: float | None = None


class _ResponseUsage(msgspec.Struct):
    input_token_details: _Input | None = None
    output_token_details: _Output | None = None


class _TranscriptUsage(msgspec.Struct):
    seconds: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    input_token_details: _Output | None = None


class _StatusDetails(msgspec.Struct):
    reason: str | None = None
    error: ErrorDetail | None = None


def of_response(raw: msgspec.Raw) -> Usage | None:
    usage = read_part(raw, _ResponseUsage)
    if usage is None:
        return None
    heard, said = usage.input_token_details or _Input(), usage.output_token_details or _Output()
    text_in, audio_in = tokens(heard.text_tokens), tokens(heard.audio_tokens)
    if heard.cached_tokens_details is not None:
        cached_text = tokens(heard.cached_tokens_details.text_tokens)
        cached_audio = tokens(heard.cached_tokens_details.audio_tokens)
    else:  # instructions come first, and what comes first is what is cached
        cached_text = min(text_in, tokens(heard.cached_tokens))
        cached_audio = tokens(heard.cached_tokens) - cached_text
    return Usage(
        audio_in=audio_in,
        audio_in_cached=min(audio_in, cached_audio),
        audio_out=tokens(said.audio_tokens),
        text_in=text_in,
        text_in_cached=min(text_in, cached_text),
        text_out=tokens(said.text_tokens),
    )


def of_transcription(raw: msgspec.Raw) -> Usage | None:
    """Models charge by tokens, or by the length of what they heard."""
    usage = read_part(raw, _TranscriptUsage)
    if usage is None:
        return None
    total = tokens(usage.input_tokens)
    details = usage.input_token_details or _Output()
    text = min(total, tokens(details.text_tokens))
    seconds = usage.seconds or 0.0
    return Usage(
        audio_in=total - text,
        text_in=text,
        text_out=tokens(usage.output_tokens),
        seconds=seconds if math.isfinite(seconds) and seconds > 0 else 0.0,
    )


def why(raw: msgspec.Raw) -> str:
    """Of a response that did not complete."""
    details = read_part(raw, _StatusDetails)
    if details is None:
        return ""
    return worded(details.error) or (details.reason or "")[:TEXT_CHARS]


def limits(event: RateLimitsUpdated) -> RateLimits:
    return RateLimits(
        tuple(
            RateLimit(
                name=limit.name or "",
                limit=None if limit.limit is None else int(limit.limit),
                remaining=None if limit.remaining is None else int(limit.remaining),
                reset_s=limit.reset_seconds,
            )
            for limit in event.rate_limits
        )
    )
