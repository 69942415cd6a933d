import asyncio
import time
from collections.abc import Callable

import pytest

from support import virtual_time

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, LoopFactory]:
    virtual = any("virtual_clock" in mark.args for mark in item.iter_markers("usefixtures"))
    return {"loop": virtual_time.VirtualLoop if virtual else asyncio.new_event_loop}


@pytest.fixture
def virtual_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that uses this has a loop in virtual time."""
    monkeypatch.setattr(time, "monotonic", virtual_time.monotonic)
    monkeypatch.setattr(time, "monotonic_ns", virtual_time.monotonic_ns)
