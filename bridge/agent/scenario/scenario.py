"""A rehearsal: what successive connections get, and what is done with each request for an answer.

A step is taken by the first request that it fits, in the file's order, as many times as it says;
a request that no step takes is answered as the agent's mode answers it. docs/rehearsal.md has the
format for people; sipua/config/scenario/reader.py reads it.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

Trigger = Literal["greeting", "speech", "tool_result", "speak"]
On = Literal["any", "greeting", "speech", "tool_result", "speak", "time"]
Scope = Literal["session", "server"]
GarbageKind = Literal["json", "event", "base64", "binary", "error", "item", "huge"]

ALWAYS = 0  # times
MAX_STEPS = 500
SPEAKER = "espeak-ng"  # the program that says `say`


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """What `times` connections get, one `Connect` after the other. As it stands: let in."""

    status: int = 0  # an HTTP status instead of the websocket
    retry_after_s: int = 0  # beside a status
    slow_s: float = 0.0  # before the handshake is answered
    never: bool = False  # it is not answered
    close: int = 0  # let in, then closed with this code before a word
    cut: bool = False  # let in, then reset
    from_s: float = 0.0  # of the server's life: until then connections are let in
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCall:
    name: str
    arguments: str = "{}"  # JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    # When
    on: On = "any"
    heard: str = ""  # a regular expression, found in what the caller said
    at_s: float = 0.0  # of the session: not before; with on = "time", then
    times: int = 1
    scope: Scope = "session"  # where `times` are counted

    # What is said: nothing of it is what the agent's mode says, unless there are calls
    say: str = ""
    say_file: str = ""
    tone_ms: int = 0
    parrot: bool = False

    # What is done
    call: tuple[FunctionCall, ...] = ()
    call_first: bool = False  # before what is said, not after it

    # What goes wrong; `after_ms` of what is said
    after_ms: int = 0
    stall_ms: int = 0  # a pause
    silent: bool = False  # not a word more, and no end
    fail: str = ""  # response.done says failed, with this code
    cancel: bool = False  # response.done says cancelled, as if the caller had spoken
    close: int = 0  # the websocket, with this code
    cut: bool = False  # the connection is reset
    freeze: bool = False  # nothing is read, sent or answered any more; the connection stays
    burst_s: int = 0  # what is said, repeated to this length, leaves in one go
    garbage: tuple[GarbageKind, ...] = ()  # no event of the vendor's, before what is said

    @property
    def speaks(self) -> bool:
        return bool(self.say or self.say_file or self.tone_ms or self.parrot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    connect: tuple[Connect, ...] = ()
    steps: tuple[Step, ...] = ()
    voice: str = "en-us+f3"  # of `say`
    words_per_minute: int = 165
    words: tuple[str, ...] = ()  # all that `heard` listens for; empty: any English

    @property
    def listens(self) -> bool:
        return any(step.heard for step in self.steps)


def joined(first: Scenario, second: Scenario) -> Scenario:
    """What the first does not take is the second's; the voice, too."""
    return replace(second, connect=first.connect + second.connect, steps=first.steps + second.steps)


@dataclass(frozen=True, slots=True)
class Request:
    """An answer is asked for."""

    trigger: Trigger
    words: str | None = None  # that were heard; None: nobody listened


class Doors:
    """Hands out the server's `Connect`s, each its number of times."""

    __slots__ = ("_coming", "_taken")

    def __init__(self, connects: tuple[Connect, ...]) -> None:
        self._coming = list(connects)
        self._taken = 0  # of the first one

    def next(self, age_s: float) -> Connect:
        """What a connection gets that comes when the server is so old."""
        if not self._coming or age_s < self._coming[0].from_s:
            return OPEN
        connect = self._coming[0]
        self._taken += 1
        if self._taken == connect.times:  # never, with ALWAYS
            self._coming.pop(0)
            self._taken = 0
        return connect


OPEN = Connect()


class Script:
    """One session's way through the steps. `server_taken` is shared by the server's sessions."""

    __slots__ = ("_patterns", "_server_taken", "_started_s", "_steps", "_taken", "_timed")

    def __init__(self, scenario: Scenario, server_taken: dict[int, int], now: float) -> None:
        self._steps = scenario.steps
        self._patterns = [re.compile(step.heard, re.IGNORECASE) for step in scenario.steps]
        self._taken: dict[int, int] = {}
        self._server_taken = server_taken
        self._started_s = now
        self._timed = sorted(
            (now + step.at_s, number)
            for number, step in enumerate(scenario.steps)
            if step.on == "time"
        )

    def step(self, request: Request, now: float) -> Step | None:
        for number, step in enumerate(self._steps):
            if (
                step.on in ("any", request.trigger)
                and now >= self._started_s + step.at_s
                and self._hears(number, request)
                and self._take(number)
            ):
                return step
        return None

    @property
    def next_deadline(self) -> float | None:
        return self._timed[0][0] if self._timed else None

    def timed(self, now: float) -> Step | None:
        """The step whose time has come; each comes once in a session."""
        while self._timed and self._timed[0][0] <= now:
            _, number = self._timed.pop(0)
            if self._take(number):
                return self._steps[number]
        return None

    def _hears(self, number: int, request: Request) -> bool:
        if not self._steps[number].heard:
            return True
        return request.words is not None and bool(self._patterns[number].search(request.words))

    def _take(self, number: int) -> bool:
        step = self._steps[number]
        taken = self._server_taken if step.scope == "server" else self._taken
        if step.times != ALWAYS and taken.get(number, 0) >= step.times:
            return False
        taken[number] = taken.get(number, 0) + 1
        return True
