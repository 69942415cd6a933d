"""Whether too many of those who answered were left without an answer. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sipua.campaigns.rules.settings import Policy

RULE: Final = "abandoned_percent"


@dataclass(frozen=True, slots=True)
class Live:
    """Calls of a campaign that persons have answered, of the days that are looked at."""

    answered: int
    abandoned: int
    last_s: float
    """When the last one was abandoned; Unix time."""


def too_many(live: Live, policy: Policy, since_s: float) -> str:
    """Why the campaign is to be paused; empty: it is not. `since_s`: when somebody last started
    it: what was abandoned before was known then."""
    if not live.abandoned or live.last_s < since_s:
        return ""
    reckoned = max(live.answered, policy.abandoned_least)
    share = 100 * live.abandoned / reckoned
    if share <= policy.abandoned_percent:
        return ""
    return (
        f"{live.abandoned} of {live.answered} calls that persons have answered in "
        f"{policy.abandoned_days} days were abandoned: {share:.1f} %"
        + (f" of {reckoned}" if reckoned > live.answered else "")
        + f", `outbound.{RULE}` is {policy.abandoned_percent:g}"
    )
