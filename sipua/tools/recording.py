"""`recording_pause` and `recording_resume`: for what must not be kept, such as a card number."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from sipua.tools.call_queue import Result
from sipua.tools.context import ToolContext
from sipua.tools.wire.schema import Declaration

_ASKER: Final = "agent"
_NO_ARGUMENTS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {},
    "additionalProperties": False,
}


class PauseRecording:
    timeout_s: ClassVar[float] = 5.0
    reveals: ClassVar[bool] = True
    declaration = Declaration(
        "recording_pause",
        "Pauses the recording of this call, if there is one. Call it before the caller says "
        "something that must not be kept, such as a card number or a password, and call "
        "recording_resume afterwards.",
        _NO_ARGUMENTS,
    )

    async def run(self, _arguments: dict[str, Any], context: ToolContext) -> Result | None:
        context.call.pause_recording(_ASKER)
        return Result('{"kept": false}')


class ResumeRecording:
    timeout_s: ClassVar[float] = 5.0
    reveals: ClassVar[bool] = True
    declaration = Declaration(
        "recording_resume",
        "Lets the recording of this call go on after recording_pause.",
        _NO_ARGUMENTS,
    )

    async def run(self, _arguments: dict[str, Any], context: ToolContext) -> Result | None:
        resumed = context.call.resume_recording(_ASKER)
        return Result('{"resumed": true}' if resumed else '{"resumed": false}')
