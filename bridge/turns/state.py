"""Whose turn it is in a call: one state, which all others read.

    idle          nothing is said, and nothing is owed
    caller        the caller speaks
    waiting       the model is to speak: nothing of it is to be heard yet
    model         the model is to be heard, or more of what it has begun to say is to come
    local sound   a sound of ours is to be heard

A call can be in two of these at once: the caller speaks into an answer. `turn` names the first that
holds of caller, model or local sound (whichever is to be heard), waiting, idle. What is below it is
kept, so that the answer is the model's turn again when the caller stops and nothing was cut.

Three facts make the turn. Each has one writer:

    fact                     is written by
    who hears the caller     the dialogue for the engine, the bridge for our own detection
    what the model owes      the dialogue
    what is to be heard      no writer: the playout is asked, which alone knows what it still has

What the model owes, by event; `-`: as before, `x`: cannot be.

    event                        none      owed      later     a response runs
    asked                        owed      owed (1)  owed      -
    response started             owed (2)  -         owed (3)  yes
    sign of life, none runs      -         none (4)  - (5)     -
    sign of life, one runs       -         -         x         -
    response done                -         none (6)  none      no
    response failed              -         later (7) -         no
    response cancelled           -         - (8)     -         no
    engine hears the caller      -         none (9)  none      -
    we hear the caller           -         - (10)    -         -
    cancelled by us              -         none      none      - (11)
    session ended                -         none      none      no

    (1)   The wait begins anew. While a response runs it is one more that is owed: a tool's result
          is there before the response that called the tool has ended.
    (2)   It was not asked for. It has to end all the same: one that hangs is to be noticed.
    (3)   The engine has begun by itself what was to be asked for again.
    (4)   Engines that do not tell where a response begins and ends have answered with the first
          sound. With others it comes from a response that is over.
    (5)   What still comes of a response that failed is no answer to the one that is to be asked.
    (6)   Unless one more is owed (1). A response without a word is an answer, too.
    (7)   The model owes it, and the wait is ours: it is asked again with back-off. Unless one more
          is owed (1): that one is asked for already.
    (8)   Either the caller has the turn already, or we have cancelled what hung and asked anew.
    (9)   The engine drops what it had to say and answers what it hears now.
    (10)  The engine has not said that it heard anything, and may be about to answer. If the answer
          is to be cut, "cancelled by us" follows.
    (11)  The engine still tells how it ended.

Who hears the caller is forgotten when another session begins: it hears anew. It is not when a
session ends, because what that one had begun to hear is what the next one is given
(`UnansweredAudio`).

What is no reader of this, and why:

    ResponseGate (bridge/engines/openai_realtime) keeps what one server believes, to know what that
    server would refuse. It lives with its session; a second session of the same call, which is to
    follow an old one, has its own. The call's turn goes on without a session.
    TurnClock keeps what has been: several turns that are open at once, each with its times, out of
    a call's events alone, so that a record can be made again from them.
    tests/unit/bridge/turns/test_readers.py compares all of them on the same events.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

from sipua.bridge.engine_api.events import (
    AudioDone,
    Event,
    ResponseDone,
    ResponseStarted,
    ServerTool,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Transcript,
)
from sipua.bridge.events import LOCAL

TurnOf: TypeAlias = Literal["idle", "caller", "waiting", "model", "local sound"]
Debt: TypeAlias = Literal["none", "owed", "later"]


class Line(Protocol):
    """What the caller hears of us: the playout."""

    @property
    def saying(self) -> str:
        """The item that is to be heard now, or of which more is to come; empty: none."""


class TurnState:
    """One call's. `now` is the time on any clock, always the same one."""

    __slots__ = (
        "_line",
        "_one_more",
        "alive_s",
        "debt",
        "engine_hears",
        "owed_since_s",
        "response_runs",
        "we_hear",
    )

    def __init__(self, line: Line) -> None:
        self._line = line
        self._one_more = False  # is owed, besides the response that runs
        self.engine_hears = False
        """The engine says that the caller speaks."""
        self.we_hear = False
        """Our own detection says so."""
        self.debt: Debt = "none"
        """What the model owes. `later`: its response failed, and is to be asked for again."""
        self.response_runs = False
        self.owed_since_s = 0.0
        """While it is owed: since when."""
        self.alive_s = 0.0
        """While it is owed: when the model gave its last sign of life, or was asked."""

    @property
    def turn(self) -> TurnOf:
        if self.engine_hears or self.we_hear:
            return "caller"
        saying = self._line.saying
        if saying:
            return "local sound" if saying.startswith(LOCAL) else "model"
        return "waiting" if self.model_owes else "idle"

    @property
    def model_owes(self) -> bool:
        """It is the model's turn, or it is in the middle of it."""
        return self.debt != "none"

    # The caller

    def caller_began(self, *, local: bool) -> None:
        if local:
            self.we_hear = True
            return
        self.engine_hears = True
        self.debt = "none"

    def caller_ended(self, *, local: bool) -> None:
        """Whether the model is to answer now is the engine's to say: `asked`, if it does so by
        itself."""
        if local:
            self.we_hear = False
        else:
            self.engine_hears = False

    # The model

    def follow(self, event: Event, now: float) -> None:
        """What an event of the engine says by itself. Audio is `sign_of_life`."""
        match event:
            case AudioDone() | ToolCall() | ServerTool() | Transcript(role="assistant"):
                self.sign_of_life(now)
            case SpeechStarted():
                self.caller_began(local=False)
            case SpeechStopped():
                self.caller_ended(local=False)
            case ResponseStarted():
                self.response_started(now)
            case ResponseDone():
                self.response_done(event.status)

    def asked(self, now: float) -> None:
        """The model's turn begins."""
        self.debt = "owed"
        self.owed_since_s = self.alive_s = now
        self._one_more = self.response_runs

    def sign_of_life(self, now: float) -> None:
        """Audio, words, a tool at work."""
        if self.debt != "owed":
            return
        if self.response_runs:
            self.alive_s = now
        else:
            self.debt = "none"

    def response_started(self, now: float) -> None:
        if self.debt != "owed":
            self.asked(now)
        self.response_runs = True
        self._one_more = False

    def response_done(self, status: str) -> None:
        self.response_runs = False
        if self._one_more or status == "cancelled":
            return
        if status != "failed":
            self.debt = "none"
        elif self.debt == "owed":
            self.debt = "later"

    def cancelled(self) -> None:
        """We have told the engine to be silent."""
        self.debt = "none"

    # Sessions

    def session_began(self) -> None:
        self.engine_hears = self.we_hear = False

    def session_ended(self) -> None:
        self.debt = "none"
        self.response_runs = self._one_more = False
