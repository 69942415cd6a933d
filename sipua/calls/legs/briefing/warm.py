"""The briefing of a target, as the configuration has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sipua.calls.legs.briefing.words import SpokenAnswer
from sipua.codecs.pcm import Pcm

BriefedBy: TypeAlias = Literal["text", "model", "agent"]


@dataclass(frozen=True, slots=True, eq=False)
class Warm:
    """Sounds are at 8 kHz."""

    briefing: Pcm
    keys: Pcm
    """Tells the keys."""
    gone: Pcm
    """Tells that the caller has hung up meanwhile."""
    by: BriefedBy = "text"
    """Who says who waits. `model`: the caller's own, in a sentence or two. `agent`: one with a
    session of its own, which answers the target's questions. `briefing` when these fail."""
    by_key: bool = True
    """The target accepts by a key; otherwise by listening to the briefing."""
    accept_key: str = "1"
    decline_key: str = "2"
    detects: bool = True
    """A voicemail system is hung up on."""
    words: SpokenAnswer | None = None
    """The target may also accept by saying so. None: what it says is not written down."""
    agent_s: float = 60.0
    """So long the target may talk with an agent."""
    agent_told: str = ""
    """What such an agent is told, behind our own words."""

    @property
    def needs_engine(self) -> bool:
        """Whether a session of its own hears the target."""
        return self.by == "agent" or self.words is not None
