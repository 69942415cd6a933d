"""The events of campaigns, and of the list of numbers that are not called. docs/outbound.md."""

from __future__ import annotations

from sipua.events.event import Event


class DoNotCallAdded(Event, tag="do_not_call.added"):
    """A number is in the list from now on. Of a call, where the agent has entered it."""

    number: str | None
    """As far as `record.numbers` allows it; None: several at once."""
    by: str
    """The name of a token, or `agent`."""
    reason: str | None = None
    count: int = 1


class DoNotCallRemoved(Event, tag="do_not_call.removed"):
    """A number is not in the list any more."""

    LEVEL = "warning"
    number: str | None
    by: str


class CampaignStarted(Event, tag="campaign.started"):
    """It calls from now on; also after a pause, and after the edge was started again."""

    campaign: str
    by: str
    """The name of a token; `edge`: it ran already when the edge was started."""
    left: int
    """Contacts that are not done."""


class CampaignPaused(Event, tag="campaign.paused"):
    """It begins no calls; those that are up go on."""

    LEVEL = "warning"
    campaign: str
    by: str
    """The name of a token; `breaker`: too many attempts have failed, or were abandoned; `edge`:
    its calls cannot be placed."""
    cause: str | None = None
    rule: str | None = None
    """`abandoned_percent`, where that is why."""


class CampaignStopped(Event, tag="campaign.stopped"):
    """It begins no calls, and never will."""

    campaign: str
    by: str
    left: int


class CampaignFinished(Event, tag="campaign.finished"):
    """Each of its contacts is done."""

    campaign: str
    contacts: int
    done: dict[str, int]
    """By outcome."""


class CampaignAttempt(Event, tag="campaign.attempt"):
    """An attempt to reach a contact has ended."""

    campaign: str
    contact: int
    number: str | None
    attempt: int
    outcome: str
    of_call: str | None = None
    """The id of its call."""
    again_in_s: int | None = None
    """Until the next attempt; missing: it was the last one."""
    abandoned: bool = False
    """A person has answered and has heard nothing of ours within two seconds."""


class CampaignsFailing(Event, tag="campaigns.failing"):
    """The database of campaigns cannot be used: none of them calls."""

    LEVEL = "error"
    cause: str
    fix: str = "`outbound.directory`: space, rights, and whether another edge has it"


class CampaignsRecovered(Event, tag="campaigns.recovered"):
    """The database of campaigns can be used again."""
