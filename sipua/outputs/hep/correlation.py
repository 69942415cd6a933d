"""Which Call-ID of SIP each of our calls has. Pure: events in, what can be sent out.

A call that comes has its Call-ID from its first event on; one that we place has it when its INVITE
is made. What happens before that waits here.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

MOST_CALLS: Final = 20_000
"""That are known at once; the oldest of more is forgotten."""
_MOST_WAITING: Final = 32

Item = TypeVar("Item")


@dataclass(slots=True)
class _Call(Generic[Item]):
    sip_call_id: str = ""
    waiting: list[Item] = field(default_factory=list)


class Correlation(Generic[Item]):
    def __init__(self) -> None:
        self._calls: OrderedDict[str, _Call[Item]] = OrderedDict()
        self.given_up = 0
        """Items of calls whose Call-ID was never known."""

    def __len__(self) -> int:
        return len(self._calls)

    def named(self, call_id: str, sip_call_id: str) -> list[tuple[Item, str]]:
        """Learn it, again when the INVITE is made anew; returns what has waited for it."""
        call = self._of(call_id)
        call.sip_call_id = sip_call_id
        waiting, call.waiting = call.waiting, []
        return [(item, sip_call_id) for item in waiting]

    def of(self, call_id: str, item: Item) -> str | None:
        """The Call-ID to send it under; None: the item waits."""
        call = self._of(call_id)
        if call.sip_call_id:
            return call.sip_call_id
        if len(call.waiting) < _MOST_WAITING:
            call.waiting.append(item)
        else:
            self.given_up += 1
        return None

    def over(self, call_id: str) -> None:
        """Behind the call's last item."""
        call = self._calls.pop(call_id, None)
        if call is not None:
            self.given_up += len(call.waiting)

    def _of(self, call_id: str) -> _Call[Item]:
        call = self._calls.get(call_id)
        if call is None:
            while len(self._calls) >= MOST_CALLS:
                self.over(next(iter(self._calls)))
            call = self._calls[call_id] = _Call()
        return call
