"""A call's own hold: a re-INVITE out, its outcome in, and again after glare.

set(True) ─▶ SetHold ─▶ HoldDone        the peer hears our hold sound; the model hears nothing
                ▲  └──▶ HoldRefused     the call goes on as it was
                └─ 491: both sides have made an offer; each waits, for another time (RFC 3261
                   14.1): the side that has made the Call-ID for 2.1 to 4 s, the other for less
"""

from __future__ import annotations

import asyncio
import random as chance
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sipua.sip.messages import CallCommand, HoldDone, HoldNews, HoldRefused, SetHold

GLARE: Final = 491
MOST_TRIES: Final = 4
ANSWERED_WITHIN_S: Final = 36.0
"""64*T1 (RFC 3261 17), and a moment: signalling tells an outcome by then."""


@dataclass(frozen=True, slots=True)
class HoldOutcome:
    """`status` is SIP's; 0: none came, in time."""

    ok: bool
    status: int = 0
    reason: str = ""


def glare_pause_s(*, call_id_is_ours: bool, drawn: float) -> float:
    """RFC 3261 14.1, in steps of 10 ms; `drawn` is from 0 to 1."""
    return round(2.1 + drawn * 1.9 if call_id_is_ours else drawn * 2.0, 2)


class OurHold:
    """One call's."""

    def __init__(
        self,
        call_id: str,
        send: Callable[[CallCommand], None],
        *,
        call_id_is_ours: bool,
        random: Callable[[], float] = chance.random,
    ) -> None:
        """`call_id_is_ours`: the SIP Call-ID, because we have placed the call."""
        self.on = False
        """Whether the peer is on hold by us, or is being put on hold."""
        self._call_id = call_id
        self._send = send
        self._call_id_is_ours = call_id_is_ours
        self._random = random
        self._answer: asyncio.Future[HoldNews | None] | None = None
        self.under_way = False

    async def set(self, on: bool) -> HoldOutcome:
        """One at a time: ask `under_way` first."""
        self.under_way = True
        try:
            for _ in range(MOST_TRIES - 1):
                outcome = await self._try(on)
                if outcome.status != GLARE:
                    return outcome
                drawn = self._random()
                await asyncio.sleep(
                    glare_pause_s(call_id_is_ours=self._call_id_is_ours, drawn=drawn)
                )
            return await self._try(on)
        finally:
            self.under_way = False

    def on_news(self, news: HoldNews) -> None:
        self._tell(news)

    def on_ended(self) -> None:
        self._tell(None)

    async def _try(self, on: bool) -> HoldOutcome:
        before, self.on = self.on, on  # the media is told before the outcome is
        self._answer = asyncio.get_running_loop().create_future()
        self._send(SetHold(self._call_id, on))
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                news = await self._answer
        except TimeoutError:
            return HoldOutcome(ok=False, reason="no answer to the re-INVITE")
        finally:
            self._answer = None
        match news:
            case HoldDone():
                return HoldOutcome(ok=True, status=200)
            case HoldRefused():
                self.on = before
                return HoldOutcome(ok=False, status=news.status, reason=news.reason)
        return HoldOutcome(ok=False, reason="the call is over")

    def _tell(self, news: HoldNews | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(news)
