"""What OpenAI Live says of a delegated response: its cost, and why it did not complete."""

from __future__ import annotations

import msgspec

from sipua.bridge.engine_api.events import Usage
from sipua.bridge.engines.openai.decoder import read_part
from sipua.bridge.engines.openai.details import TEXT_CHARS, ErrorDetail, tokens
from sipua.bridge.engines.openai_live.events import Response


class _Cached(msgspec.Struct):
    cached_tokens: float | None = None


class _ResponseUsage(msgspec.Struct):
    input_tokens: float | None = None
    input_tokens_details: _Cached | None = None
    output_tokens: float | None = None


class _Incomplete(msgspec.Struct):
    reason: str | None = None


def of_response(response: Response) -> Usage:
    usage = read_part(response.usage, _ResponseUsage) or _ResponseUsage()
    cached = usage.input_tokens_details or _Cached()
    return Usage(
        text_in=tokens(usage.input_tokens),
        text_in_cached=tokens(cached.cached_tokens),
        text_out=tokens(usage.output_tokens),
    )


def why(response: Response) -> str:
    error = read_part(response.error, ErrorDetail) or ErrorDetail()
    incomplete = read_part(response.incomplete_details, _Incomplete) or _Incomplete()
    return (error.message or error.code or incomplete.reason or "no reason")[:TEXT_CHARS]
