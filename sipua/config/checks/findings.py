"""The findings of the checks of several keys."""

from __future__ import annotations

from dataclasses import dataclass

from sipua.config.values.problems import KeyPath, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """A contradiction. The first path is the key to report; the others take part."""

    paths: tuple[KeyPath, ...]
    what: str
    fix: str
    severity: Severity = "error"
