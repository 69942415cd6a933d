"""What the caller hears of us, for a turn state without a playout."""

from __future__ import annotations

from dataclasses import dataclass

from sipua.bridge.turns.state import TurnState


@dataclass
class FakeLine:
    saying: str = ""


def turn_state() -> TurnState:
    """Of a call in which nothing is said by us."""
    return TurnState(FakeLine())
