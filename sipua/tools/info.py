"""`get_call_info`: the facts of its call that the model may know, and the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec

from sipua.calls.facts import CallFacts
from sipua.tools.call_queue import Result
from sipua.tools.context import ToolContext
from sipua.tools.wire.schema import Declaration


def _now() -> datetime:
    return datetime.now(UTC)


class GetCallInfo:
    timeout_s: ClassVar[float] = 5.0
    reveals: ClassVar[bool] = True

    def __init__(
        self, reveal: Sequence[str], timezone: str, wall: Callable[[], datetime] = _now
    ) -> None:
        self._reveal = tuple(reveal)
        self._zone = ZoneInfo(timezone) if timezone else None
        self._wall = wall
        revealed = ", ".join(_LABELS[name] for name in self._reveal)
        self.declaration = Declaration(
            "get_call_info",
            f"Tells what is known about this telephone call: {revealed}.",
            {"type": "object", "properties": {}},
        )

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None:
        facts = context.call.facts()
        info: dict[str, object] = {}
        for name in self._reveal:
            info |= self._fact(name, facts)
        return Result(msgspec.json.encode(info).decode())

    def _fact(self, name: str, facts: CallFacts) -> dict[str, object]:
        if name == "from":
            caller, verstat = facts.caller.number, facts.caller.verdict.verstat
            return {
                "from": facts.from_uri,
                **({"caller": caller} if caller else {}),
                **({"verstat": verstat} if verstat else {}),
            }
        if name == "to":
            return {"to": facts.to_uri}
        if name == "direction":
            return {"direction": facts.direction}
        if name == "duration":
            return {"duration_s": round(facts.talked_s)}
        if name == "metadata":
            return {"metadata": dict(facts.metadata)}
        if name == "time":
            now = self._wall().astimezone(self._zone)
            return {
                "time": now.isoformat(timespec="seconds"),
                "weekday": now.strftime("%A"),
                "timezone": str(self._zone or now.tzinfo),
            }
        return {
            "call_id": facts.call_id,
            "sip_call_id": facts.sip_call_id,
            "account": facts.origin,
            "route": facts.route,
        }


_LABELS = {
    "from": "who calls",
    "to": "which number was called",
    "direction": "the direction",
    "duration": "how long it lasts",
    "time": "the date and time with the time zone",
    "sip": "identifiers for a support case",
    "metadata": "what its operator has noted about it",
}
