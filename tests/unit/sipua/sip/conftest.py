from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.signalling.signalling import ACCOUNT, Signalling


@pytest.fixture
def signalling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Signalling]:
    """Open, with one account that registers."""
    signalling = Signalling(monkeypatch, ACCOUNT)
    signalling.endpoint.open()
    signalling.pj.steps.clear()
    yield signalling
    signalling.close()
