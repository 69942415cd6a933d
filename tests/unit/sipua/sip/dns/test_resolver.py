"""S22: the thread between those who ask and DNS. What it asks is a coroutine of the test's."""

from __future__ import annotations

import asyncio
import queue
import threading

import pytest

from sipua.sip.dns.names import Found, Name, News, NotFound, Outcome
from sipua.sip.dns.resolver import Resolver

TRUNK = Name("trunk.example", services=True)
OTHER = Name("other.example", services=False)
HERE = Found(("192.0.2.1",))
PATIENCE_S = 10.0


class Dns:
    """Answers when it is told to; `asked` comes from the resolver's thread."""

    def __init__(self) -> None:
        self.outcomes: dict[Name, Outcome | Exception] = {}
        self.asked: list[Name] = []
        self.silent = False

    async def __call__(self, name: Name) -> Outcome:
        self.asked.append(name)
        if self.silent:
            await asyncio.Event().wait()
        outcome = self.outcomes.get(name, NotFound("unknown"))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def test_S22_the_start_waits_for_the_first_answers() -> None:
    dns, news = Dns(), list[News]()
    dns.outcomes[TRUNK] = HERE
    resolver = Resolver(dns, [TRUNK], news.append)
    await resolver.start(PATIENCE_S)
    assert [item.addresses for item in news] == [HERE.addresses]
    assert resolver.ask(TRUNK, pytest.fail) == HERE
    await resolver.close()


async def test_S22_a_silent_dns_holds_up_neither_the_start_nor_the_end() -> None:
    dns = Dns()
    dns.silent = True
    resolver = Resolver(dns, [TRUNK], pytest.fail)
    async with asyncio.timeout(PATIENCE_S):
        await resolver.start(0.01)
        assert resolver.ask(OTHER, pytest.fail) is None
        await resolver.close()
    assert isinstance(resolver.ask(TRUNK, pytest.fail), NotFound)  # and starts no thread again


async def test_S22_who_asks_while_it_is_looked_up_gets_the_same_answer_from_its_thread() -> None:
    dns = Dns()
    dns.outcomes[OTHER] = HERE
    answers: queue.SimpleQueue[tuple[Outcome, str]] = queue.SimpleQueue()
    resolver = Resolver(dns, [], pytest.fail)
    await resolver.start(PATIENCE_S)

    def later(outcome: Outcome) -> None:
        answers.put((outcome, threading.current_thread().name))

    asked = [resolver.ask(OTHER, later) for _ in range(3)]
    for _ in range(asked.count(None)):
        assert await asyncio.to_thread(answers.get, timeout=PATIENCE_S) == (HERE, "names")
    assert asked[0] is None
    assert resolver.ask(OTHER, pytest.fail) == HERE
    assert dns.asked == [OTHER]
    await resolver.close()


async def test_H9_a_look_up_that_breaks_is_an_answer() -> None:
    dns, news = Dns(), list[News]()
    dns.outcomes[TRUNK] = RuntimeError("broken")
    resolver = Resolver(dns, [TRUNK], news.append)
    await resolver.start(PATIENCE_S)
    assert [item.cause for item in news] == ["RuntimeError: broken"]
    await resolver.close()


async def test_S22_a_name_of_the_configuration_is_looked_up_again_by_itself() -> None:
    dns = Dns()
    found: queue.SimpleQueue[News] = queue.SimpleQueue()
    resolver = Resolver(dns, [TRUNK], found.put)
    await resolver.start(PATIENCE_S)
    assert found.get_nowait().cause == "unknown"
    dns.outcomes[TRUNK] = HERE
    again = await asyncio.to_thread(found.get, timeout=PATIENCE_S)  # after two seconds
    assert again.addresses == HERE.addresses
    await resolver.close()
