"""Whether a receiver fails: told once when it begins, and once when it is over. Pure."""

from __future__ import annotations

from typing import Final

_IN_A_ROW: Final = 3
"""One failed attempt says little: the next one comes 5 s later."""


class Health:
    def __init__(self) -> None:
        self._in_a_row = 0
        self._since_s = 0.0

    @property
    def failing(self) -> bool:
        return self._in_a_row >= _IN_A_ROW

    def failed(self, now: float) -> bool:
        """Whether it is to be told that it fails."""
        self._in_a_row += 1
        if self._in_a_row == 1:
            self._since_s = now
        return self._in_a_row == _IN_A_ROW

    def worked(self, now: float) -> float | None:
        """How long it has failed, if that is to be told."""
        failing, self._in_a_row = self.failing, 0
        return max(0.0, now - self._since_s) if failing else None
