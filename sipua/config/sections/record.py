"""The sections `record` and `prices` of the configuration."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sipua.config.values.fields import AS_TUPLE, OneLine, wrong
from sipua.config.values.section import Section


def _pattern(text: str) -> str:
    try:
        found = re.compile(text)
    except re.error as error:
        raise wrong(f"is no regular expression: {error}", r'"\\bK-[0-9]+\\b"') from None
    if found.search("") is not None:
        raise wrong("matches the empty text, and so everything", r'"\\bK-[0-9]+\\b"')
    return text


Patterns = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], AS_TUPLE]
Price = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class RecordSection(Section):
    """What is kept of each conversation: who said what and when, and how long every answer took.
    docs/records.md."""

    enabled: bool = Field(
        default=False,
        description="Write each call's conversation to `directory/DATE/CALL_ID.jsonl`. Times and "
        "counts are logged in either case.",
    )
    directory: OneLine = Field(
        default="records",
        description="Where to; made when it is not there. Relative to the working directory.",
    )
    transcripts: Literal["off", "redacted", "full"] = Field(
        default="redacted",
        description="What was said, in files and in debug lines of the log. `redacted`: without "
        "numbers of four digits and more (also spoken ones), addresses, and what `redact` finds.",
    )
    redact: Patterns = Field(
        default=(),
        description="Regular expressions of what else is replaced by `[redacted]`, whatever the "
        "case of its letters.",
    )
    numbers: Literal["full", "last4", "off"] = Field(
        default="last4", description="How much of the callers' numbers stands in the files."
    )
    keep_days: int = Field(
        default=30, ge=0, le=36_500, description="Files of older days are deleted. 0: never."
    )
    max_total_mb: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="All files together; the oldest are deleted to make room. An hour of "
        "conversation takes less than one.",
    )
    currency: OneLine = Field(default="USD", description="Of `prices`, for people.")


class PriceSection(Section):
    """What a model charges, for the cost in records and in `call.ended`. Copy it from the vendor's
    list: per million tokens, unless said otherwise. NAME is the model's, as in `engine.model` or
    `engine.transcription`: `[prices."gpt-realtime"]`."""

    audio_in: Price = Field(default=0, description="Audio that it hears.")
    audio_in_cached: Price = Field(default=0, description="The same, heard before.")
    audio_out: Price = Field(default=0, description="Audio that it says.")
    text_in: Price = Field(default=0, description="Text that it reads.")
    text_in_cached: Price = Field(default=0, description="The same, read before.")
    text_out: Price = Field(default=0, description="Text that it writes.")
    minute: Price = Field(
        default=0, description="A minute of a session or of transcribed audio, where that counts."
    )
