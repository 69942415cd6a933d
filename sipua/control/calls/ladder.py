"""The SIP messages of a call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from sipua.control.calls.calls import found
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right
from sipua.control.link.state import State
from sipua.control.resources.models import Moment, Shown
from sipua.control.view.ladders import Ladder, Rung


class SipMessage(Shown):
    """A SIP message as it went over the wire, with its secrets starred."""

    at: Moment
    direction: Literal["received", "sent"]
    peer: str = Field(description="Transport and address of the other side.")
    first_line: str
    cseq: str
    text: str


class SipLadder(Shown):
    """The SIP messages of a call, the oldest first."""

    call_id: str
    messages: list[SipMessage] = Field(description="The last 100.")
    missed: int = Field(description="Older ones, which are not kept.")


class LadderResource:
    def __init__(self, state: State, *, kept: bool) -> None:
        """`kept`: whether messages are kept at all."""
        self._state = state
        self._kept = kept

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/calls/{id}/sip",
                "show_call_sip",
                "The SIP messages of a call; for a while after its end, too.",
                self._show,
                Right.OPERATOR,
                {200: SipLadder},
                problems=(Kind.NO_CALL, Kind.NOT_FOUND),
            ),
        )

    async def _show(self, asked: Asked) -> Answer:
        call = found(self._state, asked.path["id"])
        if not self._kept:
            raise ProblemError(Kind.NOT_FOUND, "api.sip_ladder is off: no messages are kept")
        ladder = self._state.ladders.get(call.id) or Ladder()
        messages = [_shown(rung) for rung in ladder.rungs]
        return Answer(SipLadder(call_id=call.id, messages=messages, missed=ladder.missed))


def _shown(rung: Rung) -> SipMessage:
    return SipMessage(
        at=datetime.fromtimestamp(rung.at_s, UTC),
        direction="sent" if rung.sent else "received",
        peer=rung.peer,
        first_line=rung.first_line,
        cseq=rung.cseq,
        text=rung.text,
    )
