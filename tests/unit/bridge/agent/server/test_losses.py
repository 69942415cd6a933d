"""Connections lost on purpose, seen from the other end; also on uvloop, which `sipua` runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedError,
    InvalidMessage,
    InvalidStatus,
)

from sipua.bridge.agent.scenario.garbage import KINDS
from sipua.bridge.agent.scenario.scenario import ALWAYS, Connect, Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.losses import cut
from sipua.bridge.agent.server.server import AgentServer
from support.engine.realtime_types import accepted_server_event
from support.engine.sdk_client import calling

ASK = '{"type":"response.create"}'
LOOPS = (asyncio.new_event_loop, uvloop.new_event_loop)
HANGS_S = 15.0

Story = Callable[[AgentServer], Awaitable[None]]


def played(
    story: Story, loop: Callable[[], asyncio.AbstractEventLoop] = LOOPS[0], **scenario: object
) -> None:
    async def play() -> None:
        settings = AgentSettings(scenario=Scenario(**scenario))  # type: ignore[arg-type]
        async with asyncio.timeout(HANGS_S), AgentServer(settings) as server:
            await story(server)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(play())


async def all_of(connection: ClientConnection) -> AsyncIterator[bytes | str]:
    while True:
        yield await connection.recv(decode=False)


async def to_the_end(connection: ClientConnection) -> ConnectionClosed:
    with pytest.raises(ConnectionClosed) as caught:
        async for _ in all_of(connection):
            pass
    return caught.value


async def still_works(server: AgentServer) -> None:
    async with calling(server) as client:
        await client.connection.response.create()
        await client.until("response.done")


@pytest.mark.parametrize("loop", LOOPS)
def test_M2_closed_in_mid_sentence(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def story(server: AgentServer) -> None:
        async with connect(server.url) as connection:
            await connection.send(ASK)
            closed = await to_the_end(connection)
            assert closed.rcvd is not None
            assert closed.rcvd.code == 1012
        await still_works(server)

    played(story, loop, steps=(Step(close=1012, after_ms=300, scope="server"),))


@pytest.mark.parametrize("loop", LOOPS)
def test_M2_reset_in_mid_sentence(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def story(server: AgentServer) -> None:
        async with connect(server.url) as connection:
            await connection.send(ASK)
            closed = await to_the_end(connection)
            assert closed.rcvd is None  # no close frame
            assert isinstance(closed.__cause__, ConnectionResetError)
        await still_works(server)

    played(story, loop, steps=(Step(cut=True, after_ms=300, scope="server"),))


@pytest.mark.parametrize("loop", LOOPS)
def test_M2_frozen_the_connection_stays_and_nobody_answers(
    loop: Callable[[], asyncio.AbstractEventLoop], caplog: pytest.LogCaptureFixture
) -> None:
    async def story(server: AgentServer) -> None:
        async with connect(
            server.url, ping_interval=0.2, ping_timeout=0.5, close_timeout=0.1
        ) as connection:
            await connection.send(ASK)
            closed = await to_the_end(connection)
            assert isinstance(closed, ConnectionClosedError)
            assert closed.sent is not None
            assert closed.sent.reason == "keepalive ping timeout"
            assert closed.rcvd is None
        assert server.active == 1  # it does not know
        await still_works(server)

    played(story, loop, steps=(Step(freeze=True, after_ms=300, scope="server"),))
    assert not caplog.records  # its end, too, is no failure of the agent's


def test_M2_frozen_for_others_too_it_reads_nothing_more() -> None:
    async def story(server: AgentServer) -> None:
        async with connect(server.url, ping_interval=None, close_timeout=0.1) as connection:
            await connection.send(ASK)
            while True:
                try:
                    async with asyncio.timeout(0.5):
                        await connection.recv()
                except TimeoutError:
                    break
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(_flood(connection), 1)
            connection.transport.abort()

    played(story, steps=(Step(freeze=True),))


async def _flood(connection: ClientConnection) -> None:
    """Until the kernel's buffers are full."""
    while True:
        await connection.send(b"x" * 65536)


def test_M2_lost_at_a_second_of_the_session_whatever_goes_on() -> None:
    async def story(server: AgentServer) -> None:
        async with connect(server.url) as connection:
            closed = await to_the_end(connection)
            assert closed.rcvd is not None
            assert (closed.rcvd.code, closed.rcvd.reason) == (1011, "rehearsed")

    played(story, steps=(Step(on="time", at_s=0.2, close=1011),))


def test_M6_garbage_over_the_wire_leaves_the_connection_alone() -> None:
    async def story(server: AgentServer) -> None:
        async with connect(server.url, max_size=None) as connection:
            await connection.send(ASK)
            unknown = 0
            async for message in all_of(connection):
                try:
                    event = accepted_server_event(message)
                except (AssertionError, ValueError):
                    unknown += 1
                    continue
                if event["type"] == "response.done":
                    break
            assert unknown == len(KINDS) - 2  # `error` and `base64` have the vendor's types

    played(story, steps=(Step(garbage=KINDS),))


@pytest.mark.parametrize(("status", "code"), [(401, "invalid_api_key"), (503, "server_error")])
def test_M1_connections_are_refused_with_a_status_and_then_let_in(status: int, code: str) -> None:
    async def story(server: AgentServer) -> None:
        for _ in range(2):
            with pytest.raises(InvalidStatus) as caught:
                await connect(server.url)
            response = caught.value.response
            assert response.status_code == status
            assert msgspec.json.decode(response.body or b"")["error"]["code"] == code
        await still_works(server)
        assert server.counters.refused == 2

    played(story, connect=(Connect(status=status, times=2),))


def test_M1_too_many_requests_says_when_to_come_back() -> None:
    async def story(server: AgentServer) -> None:
        with pytest.raises(InvalidStatus) as caught:
            await connect(server.url)
        assert caught.value.response.headers["Retry-After"] == "7"
        assert caught.value.response.status_code == 429

    played(story, connect=(Connect(status=429, retry_after_s=7, times=ALWAYS),))


def test_M1_a_status_that_no_list_knows() -> None:
    async def story(server: AgentServer) -> None:
        with pytest.raises(InvalidStatus) as caught:
            await connect(server.url)
        assert caught.value.response.status_code == 529

    played(story, connect=(Connect(status=529),))


def test_M1_a_handshake_that_is_never_answered_does_not_hold_the_server_up() -> None:
    async def story(server: AgentServer) -> None:
        with pytest.raises(TimeoutError):
            async with connect(server.url, open_timeout=0.5):
                pass
        async with asyncio.timeout(20):
            await still_works(server)
        waiting = asyncio.create_task(_knock(server))
        await asyncio.sleep(0.2)
        await server.close()  # within the story's time
        await waiting

    played(story, connect=(Connect(never=True), Connect(), Connect(never=True)))


async def _knock(server: AgentServer) -> None:
    with pytest.raises((InvalidMessage, ConnectionError)):
        await connect(server.url)


def test_M1_a_slow_handshake_is_answered_at_last() -> None:
    async def story(server: AgentServer) -> None:
        with pytest.raises(TimeoutError):
            async with connect(server.url, open_timeout=0.3):
                pass
        async with connect(server.url, open_timeout=10) as connection:
            assert accepted_server_event(await connection.recv())["type"] == "session.created"

    played(story, connect=(Connect(slow_s=1.0, times=2),))


@pytest.mark.parametrize(("way", "code"), [(Connect(close=1013), 1013), (Connect(cut=True), None)])
def test_M1_let_in_and_lost_before_a_word(way: Connect, code: int | None) -> None:
    async def story(server: AgentServer) -> None:
        async with connect(server.url) as connection:
            closed = await to_the_end(connection)
        assert (closed.rcvd.code if closed.rcvd else None) == code
        await still_works(server)

    played(story, connect=(way,))


@pytest.mark.parametrize("loop", LOOPS)
def test_M2_who_has_gone_already_cannot_be_cut_any_more(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main() -> None:
        served: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

        async def hold(connection: ServerConnection) -> None:
            served.set_result(connection)
            await connection.wait_closed()

        async with serve(hold, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}"):
                gone = await served
            await gone.wait_closed()
            cut(gone)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())
