"""`sipua doctor --config`: whether call records can be written."""

from __future__ import annotations

import os
from pathlib import Path

from sipua.config import Config
from sipua.doctor.findings import Finding, Level


def examine(config: Config) -> list[Finding]:
    """Looks, and makes nothing."""
    if not config.cdr.enabled:
        return []
    directory = Path(config.cdr.directory).expanduser().absolute()
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return [Finding(Level.OK, "call records", f"{directory} can be written")]
    return [
        Finding(
            Level.WARN,
            "call records",
            f"{there} cannot be written",
            "calls have no rows: set `cdr.directory`, or its owner (chown) to the user of the edge",
        )
    ]
