"""`do_not_call`: the other side wants no calls any more, and gets none."""

from __future__ import annotations

import asyncio
import time
from typing import Any, ClassVar, Final

from sipua.calls.facts import CallFacts
from sipua.campaigns.do_not_call import LONGEST_REASON, DoNotCallList
from sipua.campaigns.rules.numbers import in_one_form
from sipua.campaigns.store.databases import StoreError
from sipua.events.outbound_events import DoNotCallAdded
from sipua.record.settings import Numbers
from sipua.record.transcript_redaction import number as shown
from sipua.tools.call_queue import Result, failure
from sipua.tools.context import ToolContext
from sipua.tools.wire.schema import Declaration

BY: Final = "agent"
_UNKNOWN: Final = (
    "The number of this call is not known, so it could not be entered. Say so, and ask for a "
    "request in writing."
)
_FAILED: Final = (
    "The request could not be written down. Say so, and that a person will take care of it."
)


class DoNotCall:
    """For the number of this call alone: a model must not be talked into forbidding others."""

    timeout_s: ClassVar[float] = 10.0
    reveals: ClassVar[bool] = True
    declaration = Declaration(
        "do_not_call",
        "Enters the telephone number of this call into the list of numbers that are never called "
        "again. Use it at once when the other person says in any words that they want no more "
        "calls. Then confirm it to them.",
        {
            "type": "object",
            "properties": {
                "reason": {
                    "type": "string",
                    "description": "In a few words: what the person has said.",
                }
            },
            "additionalProperties": False,
        },
    )

    def __init__(self, numbers: DoNotCallList, shown_as: Numbers) -> None:
        self._list = numbers
        self._shown_as = shown_as

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None:
        facts = context.call.facts()
        party = _party(facts)
        if not in_one_form(party, ""):
            return failure(_UNKNOWN)
        reason = " ".join(str(arguments.get("reason", "")).split())[:LONGEST_REASON]
        try:
            added = await asyncio.to_thread(
                self._list.add,
                [party],
                by=BY,
                reason=reason,
                now_s=time.time(),
                call_id=facts.call_id,
            )
        except StoreError as error:
            return failure(_FAILED, reason=str(error))
        if added:
            number = shown(party, self._shown_as)
            context.tell(DoNotCallAdded(number=number, by=BY, reason=reason or None))
        return Result('{"entered": true}')


def _party(facts: CallFacts) -> str:
    """The other side's number."""
    if facts.direction == "outgoing":
        return facts.called
    return "" if facts.caller.anonymous else facts.caller.number
