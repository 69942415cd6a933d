"""What OpenAI Realtime says of cost, of limits, and of what went wrong.

These parts of events are for the record: whatever they hold, the conversation goes on.
"""

from __future__ import annotations

import math
from typing import Final, TypeVar

import msgspec

from sipua.bridge.engine_api.events import EngineFault, RateLimit, RateLimits, Usage
from sipua.bridge.engines.openai_realtime.events import ErrorDetail, RateLimitsUpdated

TEXT_CHARS: Final = 500  # of what the server words, which ends in logs

# Complaints after which the server closes the session by itself.
_FATAL_CODES: Final = frozenset({"session_expired"})

_MOST: Final = 10**12  # of tokens: beyond, it is not a count


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


_T = TypeVar("_T")


def of_response(raw: msgspec.Raw) -> Usage | None:
    usage = _read(raw, _ResponseUsage)
    if usage is None:
        return None
    heard, said = usage.input_token_details or _Input(), usage.output_token_details or _Output()
    text_in, audio_in = _count(heard.text_tokens), _count(heard.audio_tokens)
    if heard.cached_tokens_details is not None:
        cached_text = _count(heard.cached_tokens_details.text_tokens)
        cached_audio = _count(heard.cached_tokens_details.audio_tokens)
    else:  # instructions come first, and what comes first is what is cached
        cached_text = min(text_in, _count(heard.cached_tokens))
        cached_audio = _count(heard.cached_tokens) - cached_text
    return Usage(
        audio_in=audio_in,
        audio_in_cached=min(audio_in, cached_audio),
        audio_out=_count(said.audio_tokens),
        text_in=text_in,
        text_in_cached=min(text_in, cached_text),
        text_out=_count(said.text_tokens),
    )


def of_transcription(raw: msgspec.Raw) -> Usage | None:
    """Models charge by tokens, or by the length of what they heard."""
    usage = _read(raw, _TranscriptUsage)
    if usage is None:
        return None
    total = _count(usage.input_tokens)
    details = usage.input_token_details or _Output()
    text = min(total, _count(details.text_tokens))
    seconds = usage.seconds or 0.0
    return Usage(
        audio_in=total - text,
        text_in=text,
        text_out=_count(usage.output_tokens),
        seconds=seconds if math.isfinite(seconds) and seconds > 0 else 0.0,
    )


def why(raw: msgspec.Raw) -> str:
    """Of a response that did not complete."""
    details = _read(raw, _StatusDetails)
    if details is None:
        return ""
    return worded(details.error) or (details.reason or "")[:TEXT_CHARS]


def worded(error: ErrorDetail | None) -> str:
    if error is None:
        return ""
    code = error.code or error.type or ""
    return ": ".join(filter(None, (code, error.message)))[:TEXT_CHARS]


def fault(error: ErrorDetail) -> EngineFault:
    code = error.code or error.type or "unknown"
    return EngineFault(
        code=code[:TEXT_CHARS],
        message=(error.message or "")[:TEXT_CHARS],
        event_id=error.event_id,
        fatal=code in _FATAL_CODES,
    )


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


def _read(raw: msgspec.Raw, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(raw, type=kind | None)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _count(number: float | None) -> int:
    return int(min(number, _MOST)) if number is not None and number > 0 else 0
