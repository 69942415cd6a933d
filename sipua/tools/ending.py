"""`hang_up` and `transfer`: the model's ways to end a call. Neither cuts off speech."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from sipua.bridge.engine_api.events import ResponseStarted
from sipua.bridge.events import AudioBegan, BridgeEvent
from sipua.tools.call_queue import Result, failure
from sipua.tools.context import ToolContext
from sipua.tools.wire.schema import Declaration

_FIRST_WORD_S = 6.0
"""The longest wait for a requested goodbye to begin."""
_ON_ITS_WAY_S = 0.3
"""The last packet has left, and the other side's jitter buffer still plays it."""


class HangUp:
    """Ends the call when the present speech has been played to its end. If the response that asked
    for it said nothing, the model is asked for a goodbye first.
    """

    reveals: ClassVar[bool] = True
    declaration = Declaration(
        "hang_up",
        "Ends the telephone call. Use it when the conversation is over: the caller has said "
        "goodbye, or wants nothing else. Say goodbye in the same turn, before you call it: the "
        "call ends as soon as your goodbye has been heard. Never use it while a question of the "
        "caller is open.",
        {
            "type": "object",
            "properties": {
                "reason": {
                    "type": "string",
                    "description": "In a few words, for the log: why the call is over.",
                }
            },
        },
    )

    def __init__(self, goodbye_s: float) -> None:
        self._goodbye_s = goodbye_s
        self.timeout_s = goodbye_s + _FIRST_WORD_S + 5

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None:
        call = context.call
        with context.claim("the end") as free, context.claim("the goodbye"):
            if not free:
                return Result("The call is ending already.", respond=False)
            # A cough during the goodbye must neither cut it off nor start another turn.
            call.interruptible(False)
            call.listening(False)
            try:
                await self._goodbye(context)
            except asyncio.CancelledError:  # the agent leaves, and the call goes on
                call.interruptible(True)
                call.listening(True)
                raise
            reason = " ".join(str(arguments.get("reason", "")).split())[:80]
            call.hang_up(f"hang_up: {reason}" if reason else "hang_up")
        return None

    async def _goodbye(self, context: ToolContext) -> None:
        if context.spoke:
            context.answer(Result("The call ends now.", respond=False))
        else:
            await self._ask_for_a_goodbye(context)
        if await context.played_out(self._goodbye_s):
            await context.until(lambda: False, _ON_ITS_WAY_S)

    async def _ask_for_a_goodbye(self, context: ToolContext) -> None:
        began = False

        def on_event(event: BridgeEvent) -> None:
            nonlocal began
            began = began or isinstance(event, AudioBegan | ResponseStarted)

        with context.listen(on_event):
            context.answer(
                Result("Say goodbye now, in one short sentence. The call ends after it.")
            )
            if await context.until(lambda: began, _FIRST_WORD_S):
                # A response has begun; its first audio may take half as long again.
                await context.until(lambda: context.call.speaking, _FIRST_WORD_S / 2)


class Transfer:
    """Transfers to one of the configured targets, after the model's speech has been played."""

    reveals: ClassVar[bool] = True

    def __init__(
        self,
        targets: Mapping[str, str],
        *,
        announced_s: float = 15.0,
        outcome_s: float = 125.0,
    ) -> None:
        """`targets`: by the names that the model uses. `outcome_s`: the longest wait for the
        outcome of a transfer."""
        self._targets = dict(targets)
        self._announced_s = announced_s
        self.timeout_s = announced_s + outcome_s + 5
        self.declaration = Declaration(
            "transfer",
            "Transfers the caller to a person or department. Tell the caller first, in the same "
            "turn, to whom they are being put through. If the result is an error the caller is "
            "still with you: explain it and offer something else.",
            {
                "type": "object",
                "properties": {
                    "target": {
                        "type": "string",
                        "enum": sorted(self._targets),
                        "description": "To whom.",
                    }
                },
                "required": ["target"],
                "additionalProperties": False,
            },
        )

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None:
        target = arguments["target"]
        # Asked for the same target twice: both get the one outcome.
        with context.claim("the end") as free, context.claim(f"transfer to {target}") as first:
            if not free and first:
                return failure("The call is ending or being transferred already.")
            await context.played_out(self._announced_s)
            done = await context.call.transfer(self._targets[target], target)
        if done.ok:
            return Result(msgspec.json.encode({"transferred_to": target}).decode(), respond=False)
        return failure(f"The transfer to {target} did not work: {done.text}. The caller is here.")
