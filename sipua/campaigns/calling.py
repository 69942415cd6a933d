"""The calls of campaigns that are up, and how many more may begin. No I/O; `now` is passed in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sipua.campaigns.rules.outcomes import Breaker
from sipua.campaigns.rules.pace import Pace
from sipua.campaigns.rules.settings import Campaign, Policy
from sipua.campaigns.store.leases import Leased


@dataclass(frozen=True, slots=True)
class Up:
    """A call that is up, or about to be."""

    campaign: Campaign
    leased: Leased


class Calling:
    def __init__(self) -> None:
        self._up: dict[int, Up] = {}
        """By attempt."""
        self._calls: dict[str, int] = {}
        """Attempts by the ids of their calls."""
        self._of: Counter[int] = Counter()
        self._pace = Pace()
        self._paces: dict[int, Pace] = {}
        self._breakers: dict[int, Breaker] = {}

    def __len__(self) -> int:
        return len(self._up)

    def of(self, campaign: Campaign) -> int:
        return self._of[campaign.id]

    def room(self, campaign: Campaign, policy: Policy, now: float) -> int:
        """How many calls it may begin now."""
        settings = campaign.settings
        return min(
            settings.max_calls - self.of(campaign),
            policy.max_calls - len(self._up),
            self._pace_of(campaign).room(settings.calls_per_second, now),
            self._pace.room(policy.calls_per_second, now),
        )

    def wait_s(self, campaign: Campaign, now: float) -> float:
        """Until the next call may begin, as far as it is a matter of pace."""
        return max(self._pace.wait_s(now), self._pace_of(campaign).wait_s(now))

    def begin(self, campaign: Campaign, leased: list[Leased], policy: Policy, now: float) -> None:
        for one in leased:
            self._up[one.attempt] = Up(campaign, one)
        count = len(leased)
        self._of[campaign.id] += count
        self._pace.begun(count, policy.calls_per_second, now)
        self._pace_of(campaign).begun(count, campaign.settings.calls_per_second, now)

    def placed(self, leased: Leased, call_id: str) -> None:
        self._calls[call_id] = leased.attempt

    def ended(self, call_id: str) -> Up | None:
        """None: it is none of ours."""
        attempt = self._calls.pop(call_id, None)
        return None if attempt is None else self.end(attempt)

    def end(self, attempt: int) -> Up:
        up = self._up.pop(attempt)
        self._of[up.campaign.id] -= 1
        return up

    def breaker(self, campaign: Campaign) -> Breaker:
        settings = campaign.settings
        found = self._breakers.get(campaign.id)
        if found is None:
            found = Breaker(settings.breaker_window, settings.breaker_share)
            self._breakers[campaign.id] = found
        return found

    def keep_only(self, campaigns: set[int]) -> None:
        for gone in set(self._paces) - campaigns:
            del self._paces[gone]
        for gone in set(self._breakers) - campaigns:
            del self._breakers[gone]

    def _pace_of(self, campaign: Campaign) -> Pace:
        return self._paces.setdefault(campaign.id, Pace())
