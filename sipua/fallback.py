"""What a caller gets when there is no engine to talk with, and will be none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sipua.call import Call


async def run(call: Call, cause: str) -> None:
    call.hang_up(cause, call.profile.failure_status)
