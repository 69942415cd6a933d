"""The settings of traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TraceSettings:
    endpoint: str = field(repr=False)
    """The whole address, with its path."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    private: bool = False
    """Whether numbers and words are written."""
    resource: Mapping[str, str] = field(default_factory=dict)
    """Attributes of this edge: its service's name among them."""
    timeout_s: float = 10.0
    ca_file: str = ""
