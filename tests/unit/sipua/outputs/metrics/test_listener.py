"""The port of Prometheus: whose name for it counts."""

from __future__ import annotations

import asyncio

import pytest

from sipua.outputs.metrics.exposition import Page
from sipua.outputs.metrics.listener import Listener


async def status(host: str, *, listens_on: str = "127.0.0.1") -> int:
    """Of a request with this header Host; empty: without one."""
    listener = Listener(Page([]), listens_on, 0)
    address = await listener.open()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        version, line = ("1.1", f"Host: {host}\r\n") if host else ("1.0", "")
        writer.write(f"GET /metrics HTTP/{version}\r\n{line}\r\n".encode())
        answer = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        return int(answer.split()[1])
    finally:
        await listener.close()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9464", "localhost", "LOCALHOST:1", "[::1]:9464", "192.0.2.1", ""]
)
async def test_a_name_of_this_machine_is_answered(host: str) -> None:
    assert await status(host) == 200


@pytest.mark.parametrize("host", ["evil.example:9464", "127.0.0.1.evil.example", ":", "a:b:c"])
async def test_a_name_that_a_page_has_made_lead_here_is_not(host: str) -> None:
    assert await status(host) == 421


async def test_where_other_machines_ask_any_name_counts() -> None:
    assert await status("edge.example.com:9464", listens_on="0.0.0.0") == 200
