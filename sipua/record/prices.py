"""Tokens and minutes, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sipua.bridge.engine_api.events import Usage

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a million tokens; `minute`: of a minute."""

    audio_in: float = 0.0
    audio_in_cached: float = 0.0
    audio_out: float = 0.0
    text_in: float = 0.0
    text_in_cached: float = 0.0
    text_out: float = 0.0
    minute: float = 0.0

    def of(self, usage: Usage) -> float:
        # Cached tokens are a part of the input.
        tokens = (
            max(0, usage.audio_in - usage.audio_in_cached) * self.audio_in
            + usage.audio_in_cached * self.audio_in_cached
            + usage.audio_out * self.audio_out
            + max(0, usage.text_in - usage.text_in_cached) * self.text_in
            + usage.text_in_cached * self.text_in_cached
            + usage.text_out * self.text_out
        )
        return tokens / _MILLION + usage.seconds / 60 * self.minute


FREE = Price()


def amounts(usage: Usage) -> dict[str, int | float]:
    """The used amounts, without zeros."""
    values = ((field.name, getattr(usage, field.name)) for field in fields(usage))
    return {name: round(value, 3) for name, value in values if value}


class Bill:
    """All usage of a call and its cost; null once a part of it has no price."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._prices = prices
        self.used: dict[str, int | float] = {}
        self.cost: float | None = 0.0

    def add(self, usage: Usage, model: str | None) -> float | None:
        """Add usage; returns its cost. `model` None: it costs nothing."""
        for name, value in amounts(usage).items():
            self.used[name] = round(self.used.get(name, 0) + value, 3)
        price = FREE if model is None else self._prices.get(model)
        cost = None if price is None else price.of(usage)
        self.cost = None if cost is None or self.cost is None else self.cost + cost
        return cost
