"""Orders to a call that is up. Each is one command of `sipua.calls.steer.commands`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from sipua.calls.legs.modes import TransferMode
from sipua.calls.steer import commands
from sipua.calls.steer.commands import Command, Done
from sipua.calls.steer.metadata import LONGEST_METADATA, MOST_METADATA
from sipua.config.change.in_force import InForce
from sipua.config.sections.actions import QUEUE
from sipua.control.calls import models
from sipua.control.calls.calls import found, shown
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError, SipStatus, retry_later
from sipua.control.http.tokens import Right, Token
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.link.state import State
from sipua.control.resources.models import Request
from sipua.control.view.calls import CallView
from sipua.sip.parties.whom import may_call

LONGEST_WAIT_S = 30.0
_LONGEST_COMMAND_S = 120.0
"""The edge's own bounds are shorter."""


_Text = Annotated[
    str, Field(min_length=1, max_length=commands.LONGEST_TEXT, pattern=r"[^\s\x1c-\x1f\x85]")
]


class Hangup(Request):
    detail: str = Field(
        default="", max_length=commands.LONGEST_DETAIL, description="Why, for the record."
    )
    after_speech: bool = Field(
        default=False, description="What is being said is said to its end first."
    )
    wait_s: float = Field(
        default=0,
        ge=0,
        le=LONGEST_WAIT_S,
        description="Wait so long for the end: 200 with the call. 0: 202 at once.",
    )


class TransferOrder(Request):
    to: str = Field(
        max_length=512,
        description="A name of `tools.transfer.targets` or `.destinations`; a number or URI only "
        "when the token may call it, too (`place`).",
    )
    wait: bool = Field(default=False, description="For the outcome, which may take a minute.")
    mode: TransferMode | None = Field(
        default=None, description="In the place of the configured one. docs/transfer.md."
    )


class Dtmf(Request):
    digits: str = Field(
        min_length=1,
        max_length=commands.MOST_DIGITS,
        pattern=r"^[0-9*#A-Da-d]+$",
        description="Keys that the other side gets.",
    )


class Hold(Request):
    on: bool = Field(description="False: take it back.")


class Mute(Request):
    side: Literal["agent", "caller"] = Field(
        description="`agent`: the caller hears silence. `caller`: the engine does."
    )
    on: bool


class Say(Request):
    text: _Text = Field(description="Said by the engine.")
    interrupt: bool = Field(default=False, description="Cut off what is being said.")


class Play(Request):
    sound: str = Field(
        min_length=1,
        max_length=commands.LONGEST_SOUND_NAME,
        description="`sorry`, or a file of the folder `calls.sounds`.",
    )
    interrupt: bool = False


class Inject(Request):
    role: Literal["user", "system"] = "system"
    text: _Text = Field(description="What the model is told, and no side of the call hears.")
    respond: bool = Field(default=False, description="The model answers at once.")


class JoinQueue(Request):
    queue: str = Field(
        min_length=1, max_length=commands.LONGEST_NAME, description="Its name, as in `queues`."
    )


class Recording(Request):
    act: commands.RecordAct = Field(
        description="`start` asks for the consent that `recording.consent` wants. `pause`: silence "
        "on both sides, until `resume`."
    )


_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")]
_Value = Annotated[str, Field(max_length=LONGEST_METADATA)]


class Metadata(Request):
    values: dict[_Name, _Value] = Field(
        max_length=MOST_METADATA,
        description="Added to what is there; an empty value takes its name away.",
    )


@dataclass(frozen=True, slots=True)
class _Act:
    path: str
    name: str
    summary: str
    body: type[Request]
    command: Callable[[Any], Command]
    unfit: Kind = Kind.INVALID
    """The problem when the call finds fault with what the model of the body allows."""


_ACTS = (
    _Act(
        "dtmf",
        "press_keys",
        "Send keys to the other side.",
        Dtmf,
        lambda order: commands.PressKeys(order.digits),
    ),
    _Act(
        "hold",
        "hold_call",
        "Put the other side on hold, or take it back.",
        Hold,
        lambda order: commands.Hold(order.on),
    ),
    _Act(
        "mute",
        "mute_call",
        "Mute one side.",
        Mute,
        lambda order: commands.Mute(order.side, order.on),
    ),
    _Act(
        "say",
        "say_text",
        "Have the engine say a text.",
        Say,
        lambda order: commands.Say(order.text, order.interrupt),
    ),
    _Act(
        "play",
        "play_sound",
        "Play a sound to the other side.",
        Play,
        lambda order: commands.Play(order.sound, order.interrupt),
        unfit=Kind.NOT_FOUND,
    ),
    _Act(
        "inject",
        "inject_text",
        "Tell the model something.",
        Inject,
        lambda order: commands.Inject(order.role, order.text, order.respond),
    ),
    _Act(
        "queue",
        "queue_call",
        "Have the caller wait in a queue; the agent leaves the call.",
        JoinQueue,
        lambda order: commands.JoinQueue(order.queue),
        unfit=Kind.NOT_FOUND,
    ),
    _Act(
        "recording",
        "steer_recording",
        "Begin, pause, resume or end the recording of a call.",
        Recording,
        lambda order: commands.Record(order.act),
    ),
    _Act(
        "metadata",
        "set_metadata",
        "Add to the metadata of the call.",
        Metadata,
        lambda order: commands.SetMetadata(order.values),
        unfit=Kind.WRONG_STATE,
    ),
)
PROBLEMS = (
    Kind.NO_CALL,
    Kind.CALL_ENDED,
    Kind.WRONG_STATE,
    Kind.UNSUPPORTED,
    Kind.FAILED,
    Kind.NO_ANSWER_IN_TIME,
    Kind.EDGE_SILENT,
)


class SteerResource:
    def __init__(self, in_force: InForce, state: State, link: EdgeLink, edge: EdgePort) -> None:
        self._in_force = in_force
        self._state = state
        self._link = link
        self._edge = edge

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "POST",
                "/v1/calls/{id}/hangup",
                "hang_up_call",
                "End a call: BYE, or a refusal when it still rings.",
                self._hang_up,
                Right.OPERATOR,
                {200: models.Call, 202: models.Outcome},
                body=Hangup,
                body_needed=False,
                problems=PROBLEMS,
            ),
            Endpoint(
                "POST",
                "/v1/calls/{id}/transfer",
                "transfer_call",
                "Put the other side through to a target: by REFER, or by a second leg of ours.",
                self._transfer,
                Right.OPERATOR,
                {200: models.Outcome, 202: models.Outcome},
                body=TransferOrder,
                problems=(*PROBLEMS, Kind.NOT_ALLOWED_TO_CALL),
            ),
            *(self._endpoint(act) for act in _ACTS),
        )

    def _endpoint(self, act: _Act) -> Endpoint:
        async def handle(asked: Asked) -> Answer:
            call = steerable(self._state, asked)
            done = await self.steer(call, act.command(asked.body), asked.by)
            return answer_of(call, done, act.unfit)

        return Endpoint(
            "POST",
            f"/v1/calls/{{id}}/{act.path}",
            act.name,
            act.summary,
            handle,
            Right.OPERATOR,
            {200: models.Outcome, 202: models.Outcome},
            body=act.body,
            problems=PROBLEMS,
        )

    async def _transfer(self, asked: Asked) -> Answer:
        order: TransferOrder = asked.body
        wanted = commands.Transfer(order.to, order.wait, mode=order.mode)
        command = allowed_transfer(wanted, self._in_force, asked.token)
        call = steerable(self._state, asked)
        return answer_of(call, await self.steer(call, command, asked.by))

    async def _hang_up(self, asked: Asked) -> Answer:
        order: Hangup = asked.body
        call = steerable(self._state, asked)
        done = await self.steer(call, commands.HangUp(order.detail, order.after_speech), asked.by)
        if done.status == "no_call":  # it has ended, as it should
            done = Done("done")
        answer = answer_of(call, done)
        if not order.wait_s:
            return Answer(answer.body, 202)
        await self._until_ended(call, order.wait_s)
        return Answer(shown(call))

    async def steer(self, call: CallView, command: Command, by: str) -> Done:
        work = self._edge.steer(call.id, command, by)
        done = await self._link.run(work, _LONGEST_COMMAND_S)
        if isinstance(command, commands.SetMetadata) and done.ok:
            call.metadata = {name: str(value) for name, value in done.values.items()}
        return done

    async def _until_ended(self, call: CallView, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                while call.state != "ended":
                    await self._state.news()
        except TimeoutError:
            words = f"the call has not ended within {within_s:g} s; watch its events"
            raise ProblemError(Kind.NO_ANSWER_IN_TIME, words) from None


def steerable(state: State, asked: Asked) -> CallView:
    """The call that is asked for. Raises ProblemError when it is over."""
    call = found(state, asked.path["id"])
    if call.state == "ended":
        raise ProblemError(Kind.CALL_ENDED)
    return call


def allow(token: Token | None, to: str, else_: str) -> None:
    """Whether the token may call it. Raises ProblemError, with these words."""
    prefixes = token.placing.prefixes if token and token.placing else ()
    if not may_call(to, prefixes):
        raise ProblemError(Kind.NOT_ALLOWED_TO_CALL, else_)


def allowed_transfer(
    wanted: commands.Transfer, in_force: InForce, token: Token | None
) -> commands.Transfer | commands.JoinQueue:
    """To a configured target by its name, or to one that the token may call.

    Raises ProblemError."""
    target = in_force.config.tools.transfer.names.get(wanted.target)
    if target is None:
        words = "it is no name of tools.transfer.targets, and not among the token's "
        allow(token, wanted.target, f"{words}place.prefixes")
        return wanted
    if target.startswith(QUEUE):
        return commands.JoinQueue(target.removeprefix(QUEUE))
    return msgspec.structs.replace(wanted, target=target, name=wanted.target)


def answer_of(call: CallView, done: Done, unfit: Kind = Kind.INVALID) -> Answer:
    """Raises ProblemError."""
    match done.status:
        case "done" | "accepted":
            body = models.Outcome(
                call_id=call.id, status=done.status, detail=done.detail, values=done.values
            )
            return Answer(body, 200 if done.status == "done" else 202)
        case "no_call":
            raise ProblemError(Kind.CALL_ENDED)
        case "wrong_state":
            raise ProblemError(Kind.WRONG_STATE, done.detail)
        case "invalid":
            raise ProblemError(unfit, done.detail)
        case "unsupported":
            raise ProblemError(Kind.UNSUPPORTED, done.detail)
        case "busy":
            raise retry_later(Kind.TOO_MANY, done.detail, 1.0)
        case "refused":
            raise ProblemError(Kind.FAILED, done.detail, sip=_sip(done))
        case "timeout":
            raise ProblemError(Kind.NO_ANSWER_IN_TIME, done.detail)
        case "failed":
            raise ProblemError(Kind.INTERNAL, done.detail)


def _sip(done: Done) -> SipStatus | None:
    status = done.values.get("status")
    if not isinstance(status, int):
        return None
    return SipStatus(status=status, reason=str(done.values.get("reason", "")))
