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
        raise wrong(f"is not a regular expression: {error}", r'"\\bK-[0-9]+\\b"') from None
    if found.search("") is not None:
        raise wrong("matches the empty text, and so everything", r'"\\bK-[0-9]+\\b"')
    return text


Patterns = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], AS_TUPLE]
Price = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class RecordSection(Section):
    """The record of each conversation: words, times, and the latency of each answer.
    docs/records.md."""

    enabled: bool = Field(
        default=False,
        description="Write the conversation of each call to `directory/DATE/CALL_ID.jsonl`. "
        "Times and counts are logged also without it.",
    )
    directory: OneLine = Field(
        default="records",
        description="Folder of the files; it is made when it does not exist. Relative to the "
        "working directory.",
    )
    transcripts: Literal["off", "redacted", "full"] = Field(
        default="redacted",
        description="The words, in files and in debug lines of the log. `redacted`: without "
        "numbers of four digits and more (also spoken ones), addresses, and matches "
        "of `redact`. `off`: no words.",
    )
    redact: Patterns = Field(
        default=(),
        description="Regular expressions for further text that is replaced by `[redacted]`; "
        "upper and lower case are the same.",
    )
    numbers: Literal["full", "last4", "off"] = Field(
        default="last4", description="How much of the callers' numbers is written to the files."
    )
    keep_days: int = Field(
        default=30, ge=0, le=36_500, description="Files of older days are deleted. 0: never."
    )
    max_total_mb: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Size of all files together; the oldest are deleted to make room. An hour "
        "of conversation takes less than one MB.",
    )
    currency: OneLine = Field(default="USD", description="Currency of `prices`, for display only.")


class PriceSection(Section):
    """The price of a model, for the cost in records and in `call.ended`. Copy it from the vendor's
    list: per million tokens, unless a key says otherwise. NAME is the name of the model, as in
    `engine.model` or `engine.transcription`: `[prices."gpt-realtime-2.1"]`."""

    audio_in: Price = Field(default=0, description="Input audio.")
    audio_in_cached: Price = Field(default=0, description="Cached input audio.")
    audio_out: Price = Field(default=0, description="Output audio.")
    text_in: Price = Field(default=0, description="Input text.")
    text_in_cached: Price = Field(default=0, description="Cached input text.")
    text_out: Price = Field(default=0, description="Output text.")
    minute: Price = Field(
        default=0,
        description="One minute of a session or of transcribed audio, for models that are "
        "charged by time.",
    )
