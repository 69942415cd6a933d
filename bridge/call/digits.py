"""Digits of one call, of every kind: which are listened for, how ours leave, and that each counts
once.

    rfc4733 ──┐
    info ─────┼─▶ is_new ─▶ the call's listeners
    inband ───┘

    dtmf      listened for                            ours leave as
    auto      events, info, and tones if no events    events, else tones
    rfc4733   events, info                            events, else tones
    inband    events, info, tones                     tones

Some gateways send a key in two ways. Its second telling has the same digit, comes within
`TOLD_AGAIN_S`, and by a way by which that press was not told yet; then it is no other press. Two
presses of one key, told twice each, come out as two whatever their order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from sipua.bridge.call.media import DtmfKind, MediaPlan
from sipua.rtp.events import DigitWay, Dtmf

TOLD_AGAIN_S: Final = 2.0
"""An INFO that was lost twice on its way comes 1.5 s late (RFC 3261, timer E)."""
_REMEMBERED: Final = 64


@dataclass(slots=True)
class _Press:
    digit: str
    began_s: float
    ended_s: float
    ways: set[DigitWay] = field(default_factory=set)


class CallDigits:
    def __init__(self, kind: DtmfKind) -> None:
        self._kind = kind
        self._presses: deque[_Press] = deque(maxlen=_REMEMBERED)

    def listens_for_tones(self, plan: MediaPlan) -> bool:
        """By default never both: a phone that sends events often lets the tone through as well."""
        without_events = plan.telephone_event_type is None
        return self._kind == "inband" or (self._kind == "auto" and without_events)

    def is_new(self, key: object, now: float) -> bool:
        """Whether it was not told before; `now`: when it was told, at its release or later. What is
        no key always is."""
        if not isinstance(key, Dtmf):
            return True
        began_s, way = now - key.duration_ms / 1000, key.way
        for press in self._presses:
            if press.digit != key.digit or way in press.ways:
                continue
            apart_s = max(began_s - press.ended_s, press.began_s - now)
            if apart_s <= TOLD_AGAIN_S:
                press.ways.add(way)
                return False
        self._presses.append(_Press(key.digit, began_s, now, {way}))
        return True


def leave_as_events(kind: DtmfKind, plan: MediaPlan) -> bool:
    return kind != "inband" and plan.telephone_event_send_type is not None
