import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import structlog

from sipua.log import logs, secret_masking
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


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests have registered is no secret in this one; for a process it is for ever."""
    monkeypatch.setattr(secret_masking, "_owners", Counter())
    monkeypatch.setattr(secret_masking, "_values", None)


@pytest.fixture(autouse=True)
def _forget_logging() -> Iterator[None]:
    """Logging is set up for the life of a process; here, for one test and its output."""
    yield
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, logs._FromStdlib):
            root.removeHandler(handler)
            logs.set_level("info")
    root.setLevel(logging.WARNING)
    structlog.reset_defaults()
