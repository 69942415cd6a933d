"""The keys of a scenario's file, each with its bounds. `reader` finds contradictions."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from sipua.bridge.agent.scenario.scenario import GarbageKind
from sipua.config.values.fields import wrong
from sipua.config.values.section import Section

_LONGEST_TEXT = 2000
_CLOSE_CODES = "1000 to 1003, 1007 to 1014, 3000 to 4999"
GARBAGE: tuple[str, ...] = get_args(GarbageKind)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _garbage(value: Any) -> Any:
    """true: all kinds."""
    if isinstance(value, bool):
        return GARBAGE if value else ()
    if isinstance(value, str):
        raise wrong("must be true or a list", f'["{value}"]')
    return _tuple(value)


def _garbage_kind(kind: str) -> str:
    if kind not in GARBAGE:
        raise wrong(f'there is no garbage "{kind}"', f"known: {', '.join(GARBAGE)}; true: all")
    return kind


def _close_code(code: int) -> int:
    if code and not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise wrong("is not a code that can be sent", f"{_CLOSE_CODES}; 1011 is a server's failure")
    return code


def _status(status: int) -> int:
    if status and not 400 <= status <= 599:
        raise wrong("refuses no connection", "a status from 400 to 599; without it they are let in")
    return status


def _phrase(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z']+( [A-Za-z']+)*", text):
        raise wrong("is not a phrase", "English words with one space between them")
    return text


Phrase = Annotated[str, Field(max_length=80), AfterValidator(_phrase)]
Times = Annotated[int, Field(ge=0, le=1_000_000)]
Milliseconds = Annotated[int, Field(ge=0, le=600_000)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=_LONGEST_TEXT)]
CloseCode = Annotated[int, AfterValidator(_close_code)]


class ConnectEntry(Section):
    ok: bool = False  # only for the reader of the file: these are let in by default
    status: Annotated[int, AfterValidator(_status)] = 0
    retry_after_s: Annotated[int, Field(ge=0, le=3600)] = 0
    slow_s: Annotated[float, Field(ge=0, le=300, allow_inf_nan=False)] = 0.0
    never: bool = False
    close: CloseCode = 0
    cut: bool = False
    from_s: Seconds = 0.0
    times: Times = 1


class CallEntry(Section):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["get_weather"])]
    arguments: dict[str, Any] = Field(default_factory=dict)


class StepEntry(Section):
    on: Literal["any", "greeting", "speech", "tool_result", "speak", "time"] = "any"
    heard: Text = ""
    at_s: Seconds = 0.0
    times: Times = 1
    scope: Literal["session", "server"] = "session"
    say: Text = ""
    say_file: str = ""
    tone_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    parrot: bool = False
    call: Annotated[tuple[CallEntry, ...], BeforeValidator(_tuple)] = ()
    call_first: bool = False
    after_ms: Milliseconds = 0
    stall_ms: Milliseconds = 0
    silent: bool = False
    fail: Annotated[str, Field(max_length=64)] = ""
    cancel: bool = False
    close: CloseCode = 0
    cut: bool = False
    freeze: bool = False
    burst_s: Annotated[int, Field(ge=0, le=300)] = 0
    garbage: Annotated[
        tuple[Annotated[str, AfterValidator(_garbage_kind)], ...], BeforeValidator(_garbage)
    ] = ()


class ScenarioKeys(Section):
    """The keys before the first [[...]]."""

    voice: Annotated[str, Field(pattern=r"^[A-Za-z0-9+_-]{1,40}$")] = "en-us+f3"
    words_per_minute: Annotated[int, Field(ge=80, le=450)] = 165
    words: Annotated[tuple[Phrase, ...], BeforeValidator(_tuple)] = ()
