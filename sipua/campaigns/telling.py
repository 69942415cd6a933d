"""The events of campaigns, made of what is known of them."""

from __future__ import annotations

from sipua.campaigns.attempts import Told, named
from sipua.campaigns.rules.settings import Campaign, Policy
from sipua.campaigns.store.leases import Lost
from sipua.events import edge_events, outbound_events
from sipua.events.event import Event
from sipua.record.transcript_redaction import number as shown


def attempt(told: Told, policy: Policy) -> outbound_events.CampaignAttempt:
    leased = told.leased
    return outbound_events.CampaignAttempt(
        campaign=told.campaign.name,
        contact=leased.contact,
        number=shown(leased.number, policy.numbers),
        attempt=leased.attempts,
        outcome=told.outcome,
        of_call=told.call_id or None,
        again_in_s=_whole(told.again_in_s),
        abandoned=told.abandoned,
    )


def lost(
    one: Lost, campaign: Campaign | None, policy: Policy, again_in_s: float | None
) -> outbound_events.CampaignAttempt:
    return outbound_events.CampaignAttempt(
        campaign=campaign.name if campaign else "",
        contact=one.contact,
        number=shown(one.number, policy.numbers),
        attempt=one.attempts,
        outcome="unknown",
        of_call=one.call_id or None,
        again_in_s=_whole(again_in_s),
    )


def blocked(
    campaign: Campaign, policy: Policy, rule: str, limit: int, number: str = ""
) -> edge_events.CallBlocked:
    return edge_events.CallBlocked(
        origin=campaign.settings.origin,
        rule=rule,
        limit=limit,
        by=named(campaign),
        number=shown(number, policy.numbers) or None,
    )


def state(one: Campaign, left: int, *, by_api: bool) -> Event | None:
    """None: that is not told. `left`: contacts that are not done."""
    if one.state == "running":
        by = one.by if by_api else "edge"
        return outbound_events.CampaignStarted(campaign=one.name, by=by, left=left)
    if one.state == "paused" and by_api:
        cause = one.cause or None
        return outbound_events.CampaignPaused(campaign=one.name, by=one.by, cause=cause)
    if one.state == "stopped" and by_api:
        return outbound_events.CampaignStopped(campaign=one.name, by=one.by, left=left)
    return None


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
