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


@dataclass(slots=True)
class Wish:
    """A request for a response, made of one call of `want` or of several."""

    instructions: list[str] = field(default_factory=list)
    """Of each that had any, in their order, the same one once."""
    items: set[str] = field(default_factory=set)
    """Sent for this response, not confirmed by the server yet."""
    answer: bool = False
    """Somebody decided that it is the engine's turn now, whatever it would do by itself."""

    @property
    def fulfilled(self) -> bool:
        """By a response that begins now, whoever asked for it."""
        return not self.instructions and not self.items


class Floor:
    def __init__(self, *, server_answers: bool) -> None:
        self.active: str | None = None
        """The response that runs; empty if the server gave it no id."""
        self.deferred = 0
        self.refused_requests = 0
        self.dropped = 0
        self._server_answers = server_answers
        self._waiting: Wish | None = None
        self._asked: Wish | None = None
        self._asked_id = ""
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
        """What is to be asked for now; None for nothing. `asked` says under which id it was."""
        wish = self._waiting
        if wish is None or self._busy(wish):
            return None
        self._waiting = None
        self._asked, self._asked_id, self._unanswered = wish, "", True
        return wish

    def asked(self, event_id: str) -> None:
        self._asked_id = event_id

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
        if self._asked is not None and self._asked.fulfilled:
            self._asked = None
        if self._waiting is not None and self._waiting.fulfilled:
            self._waiting = None

    def done(self, response_id: str) -> None:
        if self.active and response_id and self.active != response_id:
            return  # of another one, which had ended for us already
        self.active = None
        self._unseen = False
        self._asked = None

    def confirmed(self, item_id: str) -> None:
        for wish in (self._waiting, self._asked):
            if wish is not None:
                wish.items.discard(item_id)

    def caller_speaks(self) -> None:
        self._caller_speaks, self._turn_due = True, False

    def caller_finished(self) -> None:
        self._caller_speaks, self._turn_due = False, True

    def failed(self, event_id: str | None, *, one_runs: bool) -> None:
        """An error of the server's. `one_runs`: it refused a response because of another."""
        self._turn_due = False  # it may have been about that answer: do not wait for it
        about_ours = not event_id or event_id == self._asked_id
        if not about_ours:
            return
        if one_runs:
            self.refused_requests += 1
            self._unseen = self.active is None
            self._wait_again()
        self._asked, self._unanswered = None, False

    def _wait_again(self) -> None:
        first, later = self._asked, self._waiting
        if first is None:
            return  # fulfilled in the meantime
        if later is not None:
            first.items |= later.items
            first.answer |= later.answer
            first.instructions += [t for t in later.instructions if t not in first.instructions]
            self.dropped += max(0, len(first.instructions) - MAX_INSTRUCTIONS)
            del first.instructions[:-MAX_INSTRUCTIONS]
        self._waiting = first
