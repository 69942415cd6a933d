"""Spare sessions of an edge, by what the engine's server and the caller see."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from support.calls.edge import Edge
from support.engine.engine_call import SESSION
from support.engine.scripted_engine import Peer, scripted_engine
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]


class Server:
    """A good one, that knows which of its connections are open and which are configured."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.open: list[Peer] = []

    async def script(self, peer: Peer) -> None:
        self.peers.append(peer)
        self.open.append(peer)
        try:
            await peer.send("session.created", session=SESSION)
            await peer.expect("session.update")
            await peer.send("session.updated", session=SESSION)
            await peer.until_closed()
        finally:
            self.open.remove(peer)

    @property
    def idle(self) -> int:
        return sum(not peer.received for peer in self.open)


def edge_with(edge_factory: Edges, url: str, **spares: Any) -> Edge:
    return edge_factory({"edge": {"workers": 1}, "engine": {"url": url, **spares}})


async def until(condition: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_until, condition, 10, what)


def spares_of_calls(edge: Edge) -> list[bool]:
    return ["spare_s" in event for event in edge.events(name="engine.connected")]


async def test_a_call_takes_the_spare_one_and_another_one_is_opened(
    edge_factory: Edges, sipp: Sipp
) -> None:
    server = Server()
    async with scripted_engine(server.script) as engine:
        edge = await asyncio.to_thread(edge_with, edge_factory, engine.url, spare_sessions=1)
        await until(lambda: server.idle == 1, "the spare session")
        result = await asyncio.to_thread(sipp.run, "uac_call", edge.address)
        assert result.successful == 1
        assert server.peers[0].received[0]["type"] == "session.update"
        await until(lambda: len(server.peers) == 2 and server.idle == 1, "the next one")
        ended = await asyncio.to_thread(edge.wait_event, "call.ended")
        assert spares_of_calls(edge) == [True]
        assert ended["engine"]["spares_used"] == 1
        assert await asyncio.to_thread(edge.stop) == 0
        assert server.open == []
        (told,) = edge.events(name="engine.spares")
        assert (told["opened"], told["used"], told["missed"]) == (2, 1, 0)


async def test_of_two_calls_at_once_one_connects_by_itself(edge_factory: Edges, sipp: Sipp) -> None:
    server = Server()
    async with scripted_engine(server.script) as engine:
        edge = await asyncio.to_thread(edge_with, edge_factory, engine.url, spare_sessions=1)
        await until(lambda: server.idle == 1, "the spare session")
        result = await asyncio.to_thread(sipp.run, "uac_call", edge.address, calls=2, rate=1000)
        assert result.successful == 2
        await until(lambda: len(edge.events(name="call.ended")) == 2, "the ends")
        assert True in spares_of_calls(edge)
        assert len(edge.events(name="engine.in_use")) == 2


async def test_M2_one_that_the_server_has_closed_costs_the_call_nothing(
    edge_factory: Edges, sipp: Sipp
) -> None:
    server = Server()
    async with scripted_engine(server.script) as engine:
        edge = await asyncio.to_thread(edge_with, edge_factory, engine.url, spare_sessions=1)
        await until(lambda: server.idle == 1, "the spare session")
        server.peers[0].connection.transport.abort()
        await asyncio.to_thread(edge.wait_event, "engine.spare_lost")
        result = await asyncio.to_thread(sipp.run, "uac_call", edge.address)
        assert result.successful == 1
        await asyncio.to_thread(edge.wait_event, "call.ended")
        assert edge.events(name="engine.failed") == []
        assert edge.events(name="engine.outage") == []


async def test_M2_one_that_is_dead_without_a_word_costs_a_second_and_not_the_call(
    edge_factory: Edges, sipp: Sipp
) -> None:
    server = Server()

    async def first_is_dead(peer: Peer) -> None:
        if not server.peers:
            server.peers.append(peer)
            await peer.send("session.created", session=SESSION)
            await peer.vanish()
        await server.script(peer)

    async with scripted_engine(first_is_dead) as engine:
        edge = await asyncio.to_thread(edge_with, edge_factory, engine.url, spare_sessions=1)
        await until(lambda: len(server.peers) == 1, "the spare session")
        result = await asyncio.to_thread(sipp.run, "uac_call", edge.address)
        assert result.successful == 1
        ended = await asyncio.to_thread(edge.wait_event, "call.ended")
        # The machine may have been too slow for the call to come before the ping's time was over.
        if edge.events(name="engine.spare_unfit"):
            assert ended["engine"]["spares_unfit"] == 1
        assert edge.events(name="engine.failed") == []


async def test_an_old_one_is_closed_and_replaced_before_a_call_gets_it(
    edge_factory: Edges, sipp: Sipp
) -> None:
    server = Server()
    async with scripted_engine(server.script) as engine:
        edge = await asyncio.to_thread(
            edge_with, edge_factory, engine.url, spare_sessions=1, spare_max_age_s=0.5
        )
        await until(lambda: len(server.peers) >= 3, "two replacements")
        assert len(server.open) <= 2
        result = await asyncio.to_thread(sipp.run, "uac_call", edge.address)
        assert result.successful == 1
        assert not server.peers[0].received
        await asyncio.to_thread(edge.stop)
        (told,) = edge.events(name="engine.spares")
        assert told["old"] >= 2
        assert told["lost"] == 0


async def test_H1_while_it_drains_no_spare_session_is_kept(edge_factory: Edges, sipp: Sipp) -> None:
    server = Server()
    async with scripted_engine(server.script) as engine:
        edge = await asyncio.to_thread(edge_with, edge_factory, engine.url, spare_sessions=2)
        await until(lambda: server.idle == 2, "the spare sessions")
        call = sipp.start("uac_call", edge.address, until_told=True)
        await asyncio.to_thread(edge.wait_event, "call.confirmed")
        await until(lambda: server.idle == 2, "the spare sessions beside the call's")
        os.kill(edge.process.pid, signal.SIGTERM)
        await until(lambda: server.idle == 0, "the end of the spare sessions")
        assert len(server.open) == 1, "the call goes on"
        call.hang_up()
        assert (await asyncio.to_thread(call.wait)).successful == 1
        assert await asyncio.to_thread(edge.process.wait, 20) == 0
        assert server.open == []
