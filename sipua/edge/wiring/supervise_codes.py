"""From the configuration to the codes that are dialled: for supervising and fetching calls, and by
members of queues."""

from __future__ import annotations

from sipua.calls.supervise.codes import CodeRule
from sipua.config import Config
from sipua.queue.presence import PresenceState


def rules(config: Config) -> tuple[CodeRule, CodeRule]:
    """Of supervisors, and of parked calls."""
    supervise, park = config.supervise, config.park
    return (
        CodeRule("supervise", supervise.prefix, supervise.accounts, supervise.callers),
        CodeRule("park", park.prefix, park.accounts, park.callers),
    )


def of_members(config: Config) -> dict[PresenceState, CodeRule]:
    """What a member becomes who dials it."""
    section = config.queue_members
    codes: dict[PresenceState, str] = {
        "signed_in": section.sign_in_code,
        "signed_out": section.sign_out_code,
        "paused": section.pause_code,
    }
    return {
        state: CodeRule("queue_members", code, section.accounts, section.callers)
        for state, code in codes.items()
        if code
    }
