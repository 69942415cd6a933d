"""The section `supervise` of the configuration."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, SecretStr

from sipua.config.sections.routes import Patterns
from sipua.config.values.fields import (
    AS_TUPLE,
    NO_SECRET,
    Name,
    OneLine,
    Seconds,
    Secret,
    SoundFile,
    wrong,
)
from sipua.config.values.section import Section

Key: TypeAlias = Literal["", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"]


_PREFIX = re.compile(r"[0-9*#]{2,16}")


def _prefix(text: str) -> str:
    if text and not _PREFIX.fullmatch(text):
        raise wrong("is no code that can be dialled", '"*55": 2 to 16 of the keys 0-9 * #')
    return text


def _pin(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text and not re.fullmatch(r"[0-9*]{4,16}", text):
        raise wrong("is no PIN", "4 to 16 of the keys 0-9 *")
    return value


Prefix = Annotated[str, AfterValidator(_prefix)]


class SuperviseSection(Section):
    """People who listen in to calls, by the API or by dialling a code. The law of both sides'
    countries may want that the caller is told. docs/supervise.md."""

    account: OneLine = Field(
        default="",
        description="The account or trunk that supervisors are called by, where the request names "
        "none. Empty: that of the call, if calls can be placed by it; else straight to the host.",
    )
    ring_timeout_s: Seconds = Field(
        default=30, description="How long a supervisor's phone rings at most."
    )
    announcement: SoundFile = Field(
        default="",
        description="WAV file (16 bit PCM) that the caller hears to its end before a supervisor "
        "hears anything. Empty: nothing is said.",
    )
    listen_key: Key = Field(
        default="4", description="The supervisor's key for listening only. Empty: none."
    )
    whisper_key: Key = Field(
        default="5", description="The key for talking with the agent alone. Empty: none."
    )
    barge_key: Key = Field(
        default="6", description="The key for talking with agent and caller. Empty: none."
    )
    takeover_key: Key = Field(
        default="",
        description="The key for taking the call over; the agent leaves for good. Empty: none.",
    )
    prefix: Prefix = Field(
        default="",
        description="Code that a supervisor dials, such as `*55`; behind it the number that was "
        "called, a route, the id of a call, or nothing: the call that was answered last. Empty: "
        "none.",
    )
    accounts: Annotated[tuple[Name, ...], AS_TUPLE] = Field(
        default=(), description="Accounts and trunks that the code may be dialled from."
    )
    callers: Patterns = Field(
        default=(),
        description="Who may dial it, as patterns like those of routes. Empty: each caller of "
        "`accounts`.",
    )
    pin: Annotated[Secret, AfterValidator(_pin)] = Field(
        default=NO_SECRET,
        description="Keys that one who has dialled the code presses first. Three wrong ones end "
        "the call. Empty: none. Better: `pin_file`.",
    )
    pin_file: str = Field(
        default="", description="File that holds the PIN and nothing else, readable for us alone."
    )
    mode: Literal["listen", "whisper", "barge", "takeover"] = Field(
        default="listen", description="What one who has dialled the code begins with."
    )
