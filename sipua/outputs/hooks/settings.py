"""The settings of webhooks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from sipua.process.web.addresses import Network

Format: TypeAlias = Literal["cloudevents", "plain"]


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    name: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    types: tuple[str, ...] = ("*",)
    format: Format = "cloudevents"
    batch: bool = False
    """Several events in a request, as CloudEvents have it."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 15.0
    parallel: int = 8
    """Deliveries at once; of one call there is never more than one."""
    allow: tuple[Network, ...] = ()
    """Networks that may be reached beside public ones."""
    ca_file: str = ""
    most_bytes: int = 200_000_000
    """Of what waits for it and of its dead letters."""

    @property
    def fingerprint(self) -> str:
        """Changes with what makes it another receiver: a new one is not disabled by an old 410."""
        told = [self.url, self.types, self.format, dict(self.headers), *(["batch"] * self.batch)]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class HookSettings:
    directory: Path
    endpoints: tuple[EndpointSettings, ...]
    retry_s: tuple[float, ...]
    """The pause before each attempt; the first is 0."""
    max_age_s: float
    """What is older and has been tried is given up."""
    keep_dead_s: float
