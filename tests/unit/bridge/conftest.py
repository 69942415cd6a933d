from collections.abc import AsyncIterator

import pytest_asyncio

from support.calls.call_bridge import Setup, bridge_setup


@pytest_asyncio.fixture
async def setup() -> AsyncIterator[Setup]:
    async with bridge_setup() as made:
        yield made
