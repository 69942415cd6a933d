from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from sipua.log import secret_masking


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    """Secrets are registered for the life of a process; here, for one test."""
    known, pattern = set(secret_masking._registered), secret_masking._values
    yield
    secret_masking._registered.clear()
    secret_masking._registered.update(known)
    secret_masking._values = pattern


@pytest.fixture(autouse=True)
def _forget_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
