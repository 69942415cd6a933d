"""Attempts that are under way: placed, ended, and what is to be written of them.

An attempt is on the disk when it comes here. What becomes of it waits in `news` for the one who
writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sipua.bridge.fault_owner import FaultOwner
from sipua.calls.steer.place_request import CannotPlaceError, PlaceRequest
from sipua.campaigns.calling import Calling, Up
from sipua.campaigns.rules.outcomes import Outcome, abandoned, again_after_s, outcome_of
from sipua.campaigns.rules.settings import Campaign
from sipua.campaigns.store.leases import Ended, Leased, News, Unmade

AGAIN_S: Final = 5.0
"""A contact that found no room is called again so soon, at the earliest."""
_OF_CONTACT: Final = ("do_not_call", "allowed_destinations")
"""Rules that forbid this number, and no others."""


class Places(Protocol):
    async def place(self, request: PlaceRequest) -> str:
        """The call's id. Raises CannotPlaceError."""
        ...

    def busy(self, origin: str) -> bool:
        """Whether a call would find no room now."""
        ...


@dataclass(frozen=True, slots=True)
class Clocks:
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Told:
    """An attempt that has ended, for those who tell it."""

    campaign: Campaign
    leased: Leased
    outcome: Outcome
    call_id: str
    again_in_s: float | None
    abandoned: bool


class Attempts:
    """On the edge's loop."""

    def __init__(
        self,
        places: Places,
        calling: Calling,
        faults: FaultOwner,
        clocks: Clocks,
        *,
        on_ended: Callable[[Told], None],
        on_unfit: Callable[[Campaign, str], None],
    ) -> None:
        """`on_unfit(campaign, cause)`: its calls cannot be placed, whatever the number."""
        self._places = places
        self._calling = calling
        self._faults = faults
        self._clocks = clocks
        self._on_ended = on_ended
        self._on_unfit = on_unfit
        self.news = News()

    def begin(self, campaign: Campaign, leased: Leased) -> None:
        self._faults.task(self._place(campaign, leased), "campaign call")

    async def _place(self, campaign: Campaign, leased: Leased) -> None:
        try:
            call_id = await self._places.place(_request(campaign, leased))
        except CannotPlaceError as error:
            self._not_placed(self._calling.end(leased.attempt), error)
        except Exception:
            self._done(self._calling.end(leased.attempt), "failed")
            raise
        else:
            self._calling.placed(leased, call_id)
            self.news.placed.append((leased.attempt, call_id))

    def _not_placed(self, up: Up, error: CannotPlaceError) -> None:
        if error.kind == "failed":
            self._done(up, "failed")
            return
        again_s: float | None = self._clocks.wall() + max(error.retry_after_s, AGAIN_S)
        rule = error.rule if error.kind in ("invalid", "blocked") else ""
        if rule in _OF_CONTACT:
            again_s = None
        else:
            rule = ""
        self.news.unmade.append(Unmade(up.leased.attempt, up.leased.contact, again_s, rule))
        if error.kind == "invalid" and not rule:
            self._on_unfit(up.campaign, str(error))

    def ended(self, call_id: str, fields: Mapping[str, Any]) -> None:
        """`fields`: of `call.ended`, of any call."""
        up = self._calling.ended(call_id)
        if up is None:
            return
        duration = fields.get("duration_s")
        talk_s = float(duration) if isinstance(duration, int | float) else 0.0
        self._done(up, outcome_of(fields), call_id, talk_s=talk_s, left=abandoned(fields))

    def _done(
        self,
        up: Up,
        outcome: Outcome,
        call_id: str = "",
        *,
        talk_s: float = 0.0,
        left: bool = False,
    ) -> None:
        """`left`: abandoned."""
        leased, settings = up.leased, up.campaign.settings
        now_s = self._clocks.wall()
        again_in = again_after_s(outcome, leased.attempts, settings.retry_s, settings.max_attempts)
        again_s = None if again_in is None else now_s + again_in
        self.news.ended.append(
            Ended(leased.attempt, leased.contact, outcome, now_s, again_s, talk_s, left)
        )
        self._calling.breaker(up.campaign).ended(outcome)
        self._on_ended(Told(up.campaign, leased, outcome, call_id, again_in, left))

    def take_news(self) -> News:
        news, self.news = self.news, News()
        return news

    def put_back(self, news: News) -> None:
        """It could not be written."""
        now = self.news
        self.news = News(news.placed + now.placed, news.unmade + now.unmade, news.ended + now.ended)


def _request(campaign: Campaign, leased: Leased) -> PlaceRequest:
    settings = campaign.settings
    ours = {
        "campaign": campaign.name,
        "contact": str(leased.contact),
        "attempt": str(leased.attempts),
        "consent": leased.consent,
    }
    return PlaceRequest(
        to=leased.number,
        origin=settings.origin,
        route=settings.route,
        caller_id=settings.caller_id,
        metadata={**leased.values, **{name: text for name, text in ours.items() if text}},
        ring_timeout_s=settings.ring_timeout_s,
        max_duration_s=settings.max_duration_s,
        answering=settings.answering,
        on_voicemail=settings.on_voicemail,
        by=named(campaign),
    )


def named(campaign: Campaign) -> str:
    """As whose call it is known."""
    return f"campaign:{campaign.name}"
