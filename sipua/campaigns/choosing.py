"""Who is called next: what the caps leave room for, of those who may be called at this hour.

On the thread of the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sipua.campaigns.rules.settings import Campaign, Policy
from sipua.campaigns.store import tables
from sipua.campaigns.store.leases import CampaignStore, Leased, Limits, Postponed
from sipua.config.values import calling_hours

_ZONES_S = 2.0
"""So long the zones of a campaign are believed; contacts come and go meanwhile."""


@dataclass(slots=True)
class Chosen:
    leased: list[Leased] = field(default_factory=list)
    postponed: list[Postponed] = field(default_factory=list)
    caller_id_used_up: bool = False
    """`caller_id_calls_per_day` is reached."""


class Chooser:
    def __init__(self, store: CampaignStore) -> None:
        self._store = store
        self._zones: dict[int, tuple[float, list[str]]] = {}

    def choose(self, campaign: Campaign, policy: Policy, count: int, now_s: float) -> Chosen:
        """Up to `count` contacts, each with an attempt on the disk. Raises StoreError."""
        caller_id, found = caller_id_of(campaign), Chosen()
        if policy.caller_id_calls_per_day:
            room = self._store.caller_id_room(caller_id, policy.caller_id_calls_per_day, now_s)
            found.caller_id_used_up = not room
            count = min(count, room)
        zones = self._open_zones(campaign, policy, now_s)
        if count <= 0 or not zones:
            return found
        found.leased, found.postponed = self._store.lease(
            campaign.id,
            zones,
            count,
            caller_id=caller_id,
            limits=Limits(policy.attempts_per_day, policy.attempts_per_week),
            now_s=now_s,
        )
        if not found.leased:
            self._zones.pop(campaign.id, None)
        return found

    def _open_zones(self, campaign: Campaign, policy: Policy, now_s: float) -> list[str]:
        """Those in which people may be called now, of contacts that are due."""
        at_s, due = self._zones.get(campaign.id, (0.0, []))
        if not due or not 0 <= now_s - at_s < _ZONES_S:
            due = self._store.zones(campaign.id, now_s)
            self._zones[campaign.id] = now_s, due
        now = datetime.fromtimestamp(now_s, UTC)
        every = [
            [calling_hours.parse(text) for text in texts]
            for texts in (policy.hours, campaign.settings.hours)
            if texts
        ]
        return [
            zones
            for zones in due
            if all(
                calling_hours.allowed(hours, zones.split(tables.ZONE_MARK), now) for hours in every
            )
        ]


def caller_id_of(campaign: Campaign) -> str:
    """The number of ours; without one its trunk's, which stands under the trunk's name."""
    return campaign.settings.caller_id or campaign.settings.origin
