"""Where the configuration of an edge comes from, to be read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sipua.config import Config, Loaded


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    read: Callable[[], Loaded]
    """Raises ConfigError. Called on a thread."""

    @classmethod
    def fixed(cls, config: Config) -> Source:
        """It is in no file, and never another one."""
        name = "(no file)"
        return cls(name, lambda: Loaded(config, (), name, {}))
