"""When OpenAI Realtime may be asked to speak.

The server runs one response at a time and refuses a request for another one meanwhile. So a wish
for a response waits here while one runs, while one is asked for, and while the caller speaks or
has just spoken to a server that answers by itself.

    want ─▶ waiting ─(nothing of that)─▶ asked ─▶ created ─▶ done
               ▲                           │
               └── refused: one runs ──────┘   (the server began one that we had not seen)

What waits becomes one request. A wish without instructions is also fulfilled by any response that
begins after the server confirmed what it should know of (a tool's result): asking again would
make it say the same thing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MAX_INSTRUCTIONS: Final = 8  # of one request; beyond, the oldest gives way
MAX_ASKED: Final = 8  # requests that are remembered, of which one is usual


@dataclass(slots=True)
class Wish:
    """A request for a response, made of one call of `want` or of several."""

    instructions: list[str] = field(default_factory=list)
    """Of each that had any, in their order, the same one once."""
    items: set[str] = field(default_factory=set)
    """Sent for this response, not confirmed by the server yet."""
    answer: bool = False
    """We decided that it is the engine's turn now, whatever it would do by itself."""

    @property
    def fulfilled(self) -> bool:
        """By a response that begins now, whichever side asked for it."""
        return not self.instructions and not self.items


class ResponseGate:
    def __init__(self, *, server_answers: bool) -> None:
        self.active: str | None = None
        """The response that runs; empty if the server gave it no id."""
        self.deferred = 0
        self.refused_requests = 0
        self.dropped = 0
        self._server_answers = server_answers
        self._waiting: Wish | None = None
        self._asked: dict[str, Wish] = {}  # by request; a refusal may come late
        self._last_asked = ""
        self._unanswered = False  # asked for, neither created nor refused
        self._unseen = False  # the server says one runs that we have not seen begin
        self._caller_speaks = False
        self._turn_due = False  # the caller has finished: the server is about to answer

    def want(
        self, instructions: str | None = None, *, item_id: str = "", answer: bool = False
    ) -> None:
        """`item_id`: what was sent for it. `request` says when to ask."""
        wish = self._waiting = self._waiting or Wish()
        if instructions and instructions not in wish.instructions:
            wish.instructions.append(instructions)
            if len(wish.instructions) > MAX_INSTRUCTIONS:
                del wish.instructions[0]
                self.dropped += 1
        if item_id:
            wish.items.add(item_id)
        wish.answer = wish.answer or answer
        self.deferred += self._busy(wish)

    def request(self) -> Wish | None:
        """What is to be asked for now; None for nothing. Tell `asked` that it was."""
        wish = self._waiting
        if wish is None or self._busy(wish):
            return None
        self._waiting = None
        return wish

    def asked(self, event_id: str, wish: Wish) -> None:
        if len(self._asked) == MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        self._asked[event_id] = wish
        self._last_asked = event_id
        self._unanswered = True

    def _busy(self, wish: Wish) -> bool:
        if self.active is not None or self._unanswered or self._unseen:
            return True
        if not self._server_answers:
            return False
        return self._caller_speaks or (self._turn_due and not wish.answer)

    # What the server said

    def created(self, response_id: str) -> None:
        self.active = response_id
        self._unanswered = self._unseen = self._turn_due = False
        self._asked = {name: wish for name, wish in self._asked.items() if not wish.fulfilled}
        if self._waiting is not None and self._waiting.fulfilled:
            self._waiting = None

    def done(self, response_id: str) -> None:
        if self.active and response_id and self.active != response_id:
            return  # of another one, which had ended for us already
        self.active = None
        self._unseen = False

    def confirmed(self, item_id: str) -> None:
        if self._waiting is not None:
            self._waiting.items.discard(item_id)
        for wish in self._asked.values():
            wish.items.discard(item_id)

    def caller_speaks(self) -> None:
        self._caller_speaks, self._turn_due = True, False

    def caller_finished(self) -> None:
        self._caller_speaks, self._turn_due = False, True

    def failed(self, event_id: str | None, *, one_runs: bool) -> None:
        """An error of the server's. `one_runs`: it refused a response because of another."""
        self._turn_due = False  # it may have been about that answer: do not wait for it
        self.refused_requests += one_runs
        # Some servers do not say what an error is about. It can be about nothing older.
        wish = self._asked.pop(event_id or self._last_asked, None)
        if wish is None:
            return
        self._unanswered = False
        if one_runs:
            self._unseen = self.active is None
            self._wait_again(wish)

    def _wait_again(self, first: Wish) -> None:
        later = self._waiting
        if later is not None:
            first.items |= later.items
            first.answer |= later.answer
            first.instructions += [t for t in later.instructions if t not in first.instructions]
            self.dropped += max(0, len(first.instructions) - MAX_INSTRUCTIONS)
            del first.instructions[:-MAX_INSTRUCTIONS]
        self._waiting = first
