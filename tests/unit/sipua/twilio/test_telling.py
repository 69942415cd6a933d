"""What is told beside calls: bounded, and a failure is a line of the log."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sipua.twilio import telling
from sipua.twilio.fetch import FetchError
from sipua.twilio.request import WebRequest
from sipua.twilio.telling import Telling

ASKED = WebRequest("https://agent.example/", "POST", {}, b"")


class Client:
    def __init__(self) -> None:
        self.told = 0
        self.fails = False
        self.go_on = asyncio.Event()

    async def tell(self, _: WebRequest) -> None:
        await self.go_on.wait()
        if self.fails:
            raise FetchError(11_200, "it answered 500")
        self.told += 1


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append(f"{event} {fields['kind']}")


async def test_the_last_ones_have_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    client, log = Client(), Log()
    told = Telling(client)  # type: ignore[arg-type]
    told.tell(ASKED, log)  # type: ignore[arg-type]
    asyncio.get_running_loop().call_later(0.05, client.go_on.set)
    await told.close()
    assert (client.told, log.lines) == (1, [])
    monkeypatch.setattr(telling, "_LAST_S", 0.05)
    client.go_on.clear()
    told.tell(ASKED, log)  # type: ignore[arg-type]
    await told.close()
    assert client.told == 1


async def test_what_is_lost_is_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "MOST_WAITING", 2)
    client, log = Client(), Log()
    told = Telling(client)  # type: ignore[arg-type]
    for _ in range(3):
        told.tell(ASKED, log)  # type: ignore[arg-type]
    client.fails = True
    client.go_on.set()
    await told.close()
    lost = ["twilio.status_lost too_many", *["twilio.status_lost failed"] * 2]
    assert log.lines == lost
