"""The search on a real socket."""

import asyncio
import socket

import pytest

from sipua.sip.nat.search import Failed, Learned
from sipua.sip.nat.stun_client import StunClient
from support.ports import LOOPBACK
from support.signalling.stun_server import StunServer, answer


async def _addresses(host: str) -> tuple[str, ...]:
    return {"stun.test": ("::1", LOOPBACK)}.get(host, ())


def _server() -> StunServer:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((LOOPBACK, 0))
    return StunServer(udp)


async def _find(*servers: tuple[str, int]) -> tuple[list[Learned | Failed], str]:
    news: list[Learned | Failed] = []
    client = StunClient(servers, LOOPBACK, _addresses, news.append, refresh_s=30)
    try:
        await client.start(20)
    finally:
        await client.close()
    return news, client.address


@pytest.mark.parametrize("host", [LOOPBACK, "stun.test"])
async def test_the_start_waits_for_the_first_answer(host: str) -> None:
    with _server() as server:
        server.says = "203.0.113.9"
        port = int(server.address.rpartition(":")[2])
        assert await _find((host, port)) == ([Learned("203.0.113.9", "", 0)], "203.0.113.9")


async def test_a_name_that_is_not_known_is_told() -> None:
    (news,), address = await _find(("nowhere.test", 3478))
    assert news == Failed("nowhere.test has no IPv4 address that is known")
    assert address == ""


async def test_the_second_server_is_asked_when_the_first_has_no_address() -> None:
    with _server() as server:
        server.says = "203.0.113.9"
        port = int(server.address.rpartition(":")[2])
        news, _ = await _find(("nowhere.test", 3478), (LOOPBACK, port))
    assert news == [Learned("203.0.113.9", "", 1)]


async def test_an_answer_from_another_host_is_not_taken() -> None:
    """Even with the bits of the request, which only a host on the way can have seen."""
    with _server() as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        server.silent = True
        host, _, port = server.address.rpartition(":")
        news: list[Learned | Failed] = []
        client = StunClient([(host, int(port))], LOOPBACK, _addresses, news.append, refresh_s=30)
        await client.start(0.05)
        try:
            client._search._transaction = bytes(12)
            other.sendto(answer(bytes(12), ("198.51.100.66", 1)), server.asked[0])
            await asyncio.sleep(0.2)
            assert news == []
        finally:
            await client.close()


async def test_a_fault_does_not_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipua.sip.nat.stun_client.RETRY_S", 0.01)
    with _server() as server:
        server.says = "203.0.113.9"
        news: list[Learned | Failed] = []
        faults = [RuntimeError("once")]

        async def resolve(_host: str) -> tuple[str, ...]:
            if faults:
                raise faults.pop()
            return (LOOPBACK,)

        port = int(server.address.rpartition(":")[2])
        client = StunClient([("stun.test", port)], LOOPBACK, resolve, news.append, refresh_s=30)
        await client.start(20)
        await client.close()
    assert news == [Failed("RuntimeError: once"), Learned("203.0.113.9", "", 0)]
