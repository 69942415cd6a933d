import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from support import virtual_time
from support.calls.call_bridge import Setup, bridge_setup

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, LoopFactory]:
    virtual = any("virtual_clock" in mark.args for mark in item.iter_markers("usefixtures"))
    return {"loop": virtual_time.VirtualLoop if virtual else asyncio.new_event_loop}


@pytest.fixture
def virtual_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that uses this has a loop in virtual time."""
    monkeypatch.setattr(time, "monotonic", virtual_time.monotonic)
    monkeypatch.setattr(time, "monotonic_ns", virtual_time.monotonic_ns)


@pytest_asyncio.fixture
async def setup() -> AsyncIterator[Setup]:
    async with bridge_setup() as made:
        yield made
