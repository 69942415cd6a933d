from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_edges_for_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """What edges of this machine have left is no part of a test, and no test leaves anything."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nonexistent")
