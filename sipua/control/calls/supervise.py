"""Supervisors of a call that is up: a right of its own, because they hear what people say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from pydantic import Field

from sipua.calls.steer import commands
from sipua.calls.steer.commands import Command, Mode
from sipua.control.calls import models
from sipua.control.calls.steer import PROBLEMS, allow, answer_of, steerable
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.link.state import State
from sipua.control.resources.models import Request

_ANSWERED_S = 10.0
"""The edge's own bound is shorter."""

_Text = Annotated[
    str, Field(min_length=1, max_length=commands.LONGEST_TEXT, pattern=r"[^\s\x1c-\x1f\x85]")
]


class SuperviseOrder(Request):
    to: str = Field(
        min_length=1,
        max_length=512,
        description="The supervisor's phone: a number at the account or trunk, or a SIP URI; "
        "`place.prefixes` of the token must allow it.",
    )
    account: str = Field(
        default="",
        max_length=64,
        description="The account or trunk that it goes out by. Empty: `supervise.account`, or that "
        "of the call.",
    )
    mode: Mode = Field(
        default="listen",
        description="`listen`: hears both sides. `whisper`: the agent hears the supervisor, too. "
        "`barge`: both sides do. `takeover`: the agent leaves, for good.",
    )


class SuperviseModeOrder(Request):
    mode: Mode = Field(description="`takeover` cannot be taken back.")


class WhisperOrder(Request):
    text: _Text = Field(description="What the model is told by its supervisor.")
    respond: bool = Field(default=False, description="The model speaks at once.")


class NothingMore(Request):
    """No fields."""


class SuperviseResource:
    def __init__(self, state: State, link: EdgeLink, edge: EdgePort) -> None:
        self._state = state
        self._link = link
        self._edge = edge

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            self._endpoint(
                "supervisors",
                "supervise_call",
                "Call a supervisor, who then hears the call.",
                SuperviseOrder,
                self._place,
                problems=(Kind.NOT_ALLOWED_TO_CALL,),
            ),
            self._endpoint(
                "supervisors/mode",
                "set_supervisor_mode",
                "Change who hears the supervisor, or let him take over.",
                SuperviseModeOrder,
                self._simple(lambda order: commands.SuperviseMode(order.mode)),
            ),
            self._endpoint(
                "supervisors/end",
                "end_supervision",
                "Hang up on the supervisor; after a takeover the call ends.",
                NothingMore,
                self._simple(lambda _: commands.SuperviseEnd()),
                needs_body=False,
            ),
            self._endpoint(
                "whisper",
                "whisper_text",
                "Tell the model something as its supervisor; the caller hears nothing of it.",
                WhisperOrder,
                self._simple(lambda order: commands.Whisper(order.text, order.respond)),
            ),
        )

    def _endpoint(
        self,
        path: str,
        name: str,
        summary: str,
        body: type[Request],
        handle: Callable[[Asked], Awaitable[Answer]],
        *,
        problems: tuple[Kind, ...] = (),
        needs_body: bool = True,
    ) -> Endpoint:
        async def handle_if_allowed(asked: Asked) -> Answer:
            if asked.token is None or not asked.token.may_supervise:
                raise ProblemError(Kind.NO_RIGHT, "the token needs `supervise`, or the right admin")
            return await handle(asked)

        return Endpoint(
            "POST",
            f"/v1/calls/{{id}}/{path}",
            name,
            summary,
            handle_if_allowed,
            Right.READONLY,
            {200: models.Outcome, 202: models.Outcome},
            body=body,
            body_needed=needs_body,
            problems=(*PROBLEMS, *problems),
        )

    def _simple(self, make: Callable[[Any], Command]) -> Callable[[Asked], Awaitable[Answer]]:
        async def handle(asked: Asked) -> Answer:
            return await self._steer(asked, make(asked.body))

        return handle

    async def _place(self, asked: Asked) -> Answer:
        order: SuperviseOrder = asked.body
        allow(asked.token, order.to, "it is not among the token's place.prefixes")
        return await self._steer(asked, commands.Supervise(order.to, order.account, order.mode))

    async def _steer(self, asked: Asked, command: Command) -> Answer:
        call = steerable(self._state, asked)
        done = await self._link.run(self._edge.steer(call.id, command, asked.by), _ANSWERED_S)
        return answer_of(call, done)
