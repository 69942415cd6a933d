"""`send_dtmf` and `collect_digits`: keys that the model sends, and keys that the caller presses."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any, ClassVar, Final

import msgspec

from sipua.bridge.events import BridgeEvent
from sipua.calls.steer.waiting import POLL_S
from sipua.rtp.events import Dtmf
from sipua.tools.call_queue import Result, failure
from sipua.tools.context import ToolContext
from sipua.tools.wire.schema import Declaration

_ASKER: Final = "collect_digits"
"""Of a pause in the recording."""
_MOST_DIGITS = 32
_LONGEST_WAIT_S = 60
_PROMPT_S = 30.0
"""The longest wait for the question that asks for digits to end."""


class SendDtmf:
    """Sends keys. It returns when they are queued; speech waits for them."""

    timeout_s: ClassVar[float] = 5.0
    reveals: ClassVar[bool] = False
    declaration = Declaration(
        "send_dtmf",
        "Presses keys on the telephone's keypad, such as for the menu of a machine at the other "
        "end. The other side hears them as tones.",
        {
            "type": "object",
            "properties": {
                "digits": {
                    "type": "string",
                    "pattern": f"^[0-9A-Da-d*#]{{1,{_MOST_DIGITS}}}$",
                    "description": "The keys in order: 0 to 9, * and #.",
                }
            },
            "required": ["digits"],
            "additionalProperties": False,
        },
    )

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None:
        try:
            context.call.send_dtmf(arguments["digits"])
        except ValueError as error:
            return failure(str(error))
        return Result('{"sent": true}')


class CollectDigits:
    """Collects digits for the model alone: logs mask what the caller types."""

    timeout_s: ClassVar[float] = _PROMPT_S + (_MOST_DIGITS + 1) * _LONGEST_WAIT_S
    declaration = Declaration(
        "collect_digits",
        "Waits for the caller to type digits on the keypad, such as a customer number or a PIN, "
        "and returns them. Ask for them first, in the same turn, and say with which key to finish. "
        "The wait begins when your question has been heard. Do not repeat secret digits aloud.",
        {
            "type": "object",
            "properties": {
                "max_digits": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": _MOST_DIGITS,
                    "description": "It ends after so many digits. Default 20.",
                },
                "terminator": {
                    "type": "string",
                    "pattern": "^[0-9*#]?$",
                    "description": "The key that ends it and is not returned; empty for none. "
                    "Default #.",
                },
                "first_digit_timeout_s": {
                    "type": "number",
                    "minimum": 1,
                    "maximum": _LONGEST_WAIT_S,
                    "description": "Longest wait for the first digit. Default 10.",
                },
                "next_digit_timeout_s": {
                    "type": "number",
                    "minimum": 1,
                    "maximum": _LONGEST_WAIT_S,
                    "description": "Longest pause between two digits; it ends after it. Default 4.",
                },
            },
            "additionalProperties": False,
        },
    )

    def __init__(self, *, mask: bool) -> None:
        self.reveals = not mask

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None:
        most = arguments.get("max_digits", 20)
        terminator = arguments.get("terminator", "#")
        first_s = arguments.get("first_digit_timeout_s", 10)
        next_s = arguments.get("next_digit_timeout_s", 4)
        typed: asyncio.Queue[str] = asyncio.Queue(2 * _MOST_DIGITS)

        def on_event(event: BridgeEvent) -> None:
            if isinstance(event, Dtmf) and not typed.full():
                typed.put_nowait(event.digit)

        digits = ""
        with context.claim("the keypad") as free, context.listen(on_event), ExitStack() as after:
            if not free:
                return failure("Digits are being collected already.")
            if context.call.pauses_while_collecting:
                context.call.pause_recording(_ASKER)
                after.callback(context.call.resume_recording, _ASKER)
            # A caller who knows the question types during it; others have the whole time after it.
            await context.until(
                lambda: not typed.empty() or not context.call.speaking, _PROMPT_S - POLL_S
            )
            ended_by = "timeout"
            while len(digits) < most:
                try:
                    digit = await asyncio.wait_for(typed.get(), next_s if digits else first_s)
                except TimeoutError:
                    break
                if digit == terminator:
                    ended_by = "terminator"
                    break
                digits += digit
            else:
                ended_by = "max_digits"
        return Result(msgspec.json.encode({"digits": digits, "ended_by": ended_by}).decode())
