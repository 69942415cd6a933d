"""A rehearsal: what each connection gets, and how each request for an answer is answered.

A step is taken by the first request that it fits, in the file's order, as many times as it says;
a request that no step takes is answered by the agent's mode. docs/rehearsal.md describes the
format; sipua/config/scenario/reader.py reads it.
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
SPEAKER = "espeak-ng"  # the program that speaks the text of `say`


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """What `times` connections get, one `Connect` after the other. The default lets them in."""

    status: int = 0  # an HTTP status instead of the websocket
    retry_after_s: int = 0  # with a status
    slow_s: float = 0.0  # before the handshake is answered
    never: bool = False  # the handshake is not answered
    close: int = 0  # let in, then closed with this code before any event
    cut: bool = False  # let in, then reset
    from_s: float = 0.0  # of the server's age: until then connections are let in
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
    at_s: float = 0.0  # of the session: not before; with on = "time", exactly then
    times: int = 1
    scope: Scope = "session"  # where `times` are counted

    # What is said: with none of these, and no calls, the mode's answer
    say: str = ""
    say_file: str = ""
    tone_ms: int = 0
    parrot: bool = False

    # Function calls
    call: tuple[FunctionCall, ...] = ()
    call_first: bool = False  # before the speech, not after it

    # What goes wrong; at `after_ms` of the speech
    after_ms: int = 0
    stall_ms: int = 0  # a pause
    silent: bool = False  # no more audio, and no end
    fail: str = ""  # response.done with status failed and this code
    cancel: bool = False  # response.done with status cancelled, as if the caller had spoken
    close: int = 0  # the websocket, with this code
    cut: bool = False  # the connection is reset
    freeze: bool = False  # nothing is read or sent any more; the connection stays
    burst_s: int = 0  # the speech, repeated to this length, is sent at once
    garbage: tuple[GarbageKind, ...] = ()  # no event of the vendor, before the speech

    @property
    def speaks(self) -> bool:
        return bool(self.say or self.say_file or self.tone_ms or self.parrot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    connect: tuple[Connect, ...] = ()
    steps: tuple[Step, ...] = ()
    voice: str = "en-us+f3"  # of `say`
    words_per_minute: int = 165
    words: tuple[str, ...] = ()  # the phrases of `heard`; empty: any English

    @property
    def uses_words(self) -> bool:
        return any(step.heard for step in self.steps)


def joined(first: Scenario, second: Scenario) -> Scenario:
    """The steps of the first, then those of the second; the voice is the second's."""
    return replace(second, connect=first.connect + second.connect, steps=first.steps + second.steps)


@dataclass(frozen=True, slots=True)
class Request:
    """A request for an answer."""

    trigger: Trigger
    words: str | None = None  # that the recogniser found; None: there was none


class ConnectQueue:
    """The server's `Connect`s in order, each its number of times."""

    __slots__ = ("_coming", "_taken")

    def __init__(self, connects: tuple[Connect, ...]) -> None:
        self._coming = list(connects)
        self._taken = 0  # of the first one

    def next(self, age_s: float) -> Connect:
        """What the next connection gets, at this age of the server."""
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
    """One session's course through the steps. `server_taken` is shared by the server's sessions."""

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
                and self._matches(number, request)
                and self._take(number)
            ):
                return step
        return None

    @property
    def next_deadline(self) -> float | None:
        return self._timed[0][0] if self._timed else None

    def timed(self, now: float) -> Step | None:
        """The step that is due by time; each comes once in a session."""
        while self._timed and self._timed[0][0] <= now:
            _, number = self._timed.pop(0)
            if self._take(number):
                return self._steps[number]
        return None

    def _matches(self, number: int, request: Request) -> bool:
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
