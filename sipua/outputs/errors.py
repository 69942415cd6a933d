"""What keeps an output from beginning."""

from __future__ import annotations


class OutputError(Exception):
    def __init__(self, event: str, cause: str, fix: str) -> None:
        """`event`: the line of the log; `fix`: what of the configuration to look at."""
        super().__init__(cause)
        self.event = event
        self.fix = fix
