"""The section `recording` of the configuration."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sipua.config.values.fields import AS_TUPLE, OneLine, SoundFile, wrong
from sipua.config.values.section import Section


def _recipient(text: str) -> str:
    if text.upper().startswith("AGE-SECRET-KEY-"):
        raise wrong("is a secret key, which must not be here", "the line `# public key: age1…`")
    if not re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", text):
        raise wrong("is no public key of age", '"age1…", 62 characters, from `age-keygen`')
    return text


Recipients = Annotated[tuple[Annotated[str, AfterValidator(_recipient)], ...], AS_TUPLE]


class RecordingSection(Section):
    """The sound of calls, in stereo files: the caller left, the agent right. Mind the law of both
    sides' countries. docs/recording.md."""

    when: Literal["off", "on_demand", "always"] = Field(
        default="off",
        description="`always`: each call, from its answer on. `on_demand`: when the API or a tool "
        "begins it. A route may say otherwise.",
    )
    directory: OneLine = Field(
        default="recordings",
        description="Folder of the files, `DATE/CALL_ID.wav`, with their metadata in "
        "`CALL_ID.json`; it is made when it does not exist. Relative to the working directory.",
    )
    format: Literal["wav", "wav-g711", "flac", "opus"] = Field(
        default="wav",
        description="`wav`: 16 bit, 1.9 MB a minute. `wav-g711`: as on the wire, half of that. "
        "`flac`, `opus`: made after the call; `pip install 'sipua[recording]'`.",
    )
    consent: Literal["none", "announce", "key"] = Field(
        default="none",
        description="What must happen before anything is kept. `announce`: the caller has heard "
        "`announcement` to its end. `key`: and has pressed `key`. Otherwise nothing is recorded.",
    )
    announcement: SoundFile = Field(
        default="",
        description='WAV file (16 bit PCM) that the caller hears first. Empty: `recorded` ("This '
        'call is recorded."), or `may-we-record` for consent = "key"; both in English.',
    )
    key: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"] = Field(
        default="1", description="The key that agrees; any other one declines."
    )
    key_wait_s: float = Field(
        default=10,
        ge=1,
        le=60,
        allow_inf_nan=False,
        description="So long after the announcement the key is waited for; then it is a no.",
    )
    pause_while_collecting: bool = Field(
        default=True,
        description="Silence on both sides while `collect_digits` takes keys of the caller, such "
        "as a card number.",
    )
    recipients: Recipients = Field(
        default=(),
        description="Public keys (`age1…`): finished files are sealed for their owners by age. "
        "`pip install 'sipua[recording]'`.",
    )
    keep_days: int = Field(
        default=30, ge=0, le=36_500, description="Files of older days are deleted. 0: never."
    )
    keep_mb: int = Field(
        default=10_000,
        ge=1,
        le=100_000_000,
        description="Size of all files together; the oldest are deleted to make room.",
    )
