"""Contradictions around call records."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config


def cdr(config: Config) -> Iterator[Finding]:
    if not config.cdr.postgres.get_secret_value():
        return
    if not config.cdr.enabled:
        yield Finding(
            (("cdr", "postgres"), ("cdr", "enabled")),
            "gets nothing while enabled = false",
            "enabled = true",
            "warning",
        )
    if find_spec("asyncpg") is None:
        yield Finding(
            (("cdr", "postgres"),),
            "needs asyncpg, which is not installed",
            "pip install 'sipua[postgres]'",
        )
