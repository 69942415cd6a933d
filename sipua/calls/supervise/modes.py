"""What a supervisor does in a call, and what of it is possible now. No I/O.

            hears            is heard by      the agent
listen      caller, agent    -                goes on
whisper     caller, agent    agent            goes on, and hears it
barge       caller, agent    agent, caller    goes on
takeover    caller           caller           has left, for good

"The agent" is the model, or the person that the caller was put through to.

listen ◀─▶ whisper ◀─▶ barge ◀─▶ listen ──▶ takeover, from each, and not back
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sipua.calls.steer.commands import Mode
from sipua.codecs.pcm import Pcm

USUAL_KEYS: Final[Mapping[str, Mode]] = {"4": "listen", "5": "whisper", "6": "barge"}


@dataclass(frozen=True, slots=True)
class SuperviseSettings:
    account: str = ""
    """Which supervisors are called by; empty: that of the call, if calls can be placed by it."""
    placing: frozenset[str] = frozenset()
    """The accounts and trunks that calls can be placed by."""
    ring_s: float = 30.0
    keys: Mapping[str, Mode] = field(default_factory=lambda: USUAL_KEYS)
    """What a key of the supervisor's changes the mode to."""
    announcement: Pcm | None = None
    """The caller hears it to its end before anybody listens. None: nothing."""
    pin: str = ""
    """Keys that one who dials in has to press first. Empty: none."""
    hold_sound: Pcm | None = None
    """For the caller while a supervisor who has taken over puts us on hold without music."""

    def account_for(self, wanted: str, origin: str) -> str:
        return wanted or self.account or (origin if origin in self.placing else "")


@dataclass(frozen=True, slots=True)
class CallNow:
    """What matters of the call."""

    confirmed: bool = True
    on_hold: bool = False
    put_through: bool = False
    """The agent is aside, or has left."""
    joined: bool = False
    """A person has its place, and talks with the caller."""
    parked: bool = False
    engine_gone: bool = False
    """The fallback runs, or a menu."""


def refused(mode: Mode, call: CallNow) -> str:
    """Why this mode is not possible now; empty: it is."""
    if not call.confirmed:
        return "the call is not answered yet"
    if mode != "takeover":
        return ""
    if call.parked:
        return ""
    if call.put_through and not call.joined:
        return "the other side is being put through"
    if call.engine_gone and not call.joined:
        return "no agent has the call: a menu or the fallback runs"
    if call.on_hold:
        return "the call is on hold"
    return ""
