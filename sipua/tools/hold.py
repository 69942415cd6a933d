"""`put_on_hold`: the caller waits, hears a sound, and is not listened to."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import msgspec

from sipua.tools.call_queue import Result, failure
from sipua.tools.context import ToolContext
from sipua.tools.wire.schema import Declaration


class PutOnHold:
    reveals: ClassVar[bool] = True

    def __init__(self, max_s: float) -> None:
        self._max_s = max_s
        self.timeout_s = max_s + 30
        self.declaration = Declaration(
            "put_on_hold",
            "Lets the caller wait: they hear a waiting sound, and are not heard. Tell "
            "them first, in the same turn. Together with other tools it lasts until those are "
            "done, but never longer than `seconds`; alone it lasts for `seconds`.",
            {
                "type": "object",
                "properties": {
                    "seconds": {
                        "type": "number",
                        "minimum": 1,
                        "maximum": max_s,
                        "description": "Longest hold.",
                    }
                },
                "required": ["seconds"],
                "additionalProperties": False,
            },
        )

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None:
        call = context.call
        with context.claim("the hold") as free:
            if not free:
                return failure("The caller is on hold already.")
            with_others = context.others_running() > 0
            began = asyncio.get_running_loop().time()
            call.listening(False)
            call.hold_sound(True)
            try:
                done = await context.until(
                    lambda: with_others and not context.others_running(), arguments["seconds"]
                )
            finally:
                call.hold_sound(False)
                if not context.claimed("the goodbye"):
                    call.listening(True)
        held_s = round(asyncio.get_running_loop().time() - began, 1)
        ended_by = "the other tools are done" if done else "the time is over"
        return Result(msgspec.json.encode({"held_s": held_s, "ended_by": ended_by}).decode())
