from __future__ import annotations

from collections.abc import Iterator

import pytest

from sipua.log import secret_masking


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    """Secrets are registered for the life of a process; here, for one test, which begins without
    those of tests elsewhere.
    """
    known, pattern = set(secret_masking._registered), secret_masking._values
    secret_masking._registered.clear()
    secret_masking._values = None
    yield
    secret_masking._registered.clear()
    secret_masking._registered.update(known)
    secret_masking._values = pattern


@pytest.fixture(autouse=True)
def _no_edges_for_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """What edges of this machine have left is no part of a test, and no test leaves anything."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nonexistent")
