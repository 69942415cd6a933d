import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator

import pytest

from sipua.bridge.engine_api.errors import ErrorKind
from sipua.bridge.engine_api.protocol import Link
from sipua.bridge.engine_link import websocket
from sipua.bridge.engine_link.errors import EngineClosed
from support.engine.engine_socket import (
    LOOPS,
    Inbox,
    connect,
    echo,
    failure,
    idle,
    run,
)
from support.engine.scripted_engine import Peer, scripted_engine

# Messages


@pytest.mark.parametrize("loop", LOOPS)
def test_messages_arrive_whole_and_in_order(loop: str) -> None:
    async def fragments(peer: Peer) -> None:
        await peer.connection.send(["fra", "gm", "ent"])
        await peer.connection.send("text")
        await peer.connection.send(b"binary")
        await peer.send_raw(b"\xff\xfe not utf-8")
        await peer.connection.wait_closed()

    async def scenario() -> None:
        inbox = Inbox()
        async with scripted_engine(fragments) as engine:
            link = await connect(engine.url, inbox)
            await inbox.until(lambda inbox: len(inbox.messages) == 4)
            assert inbox.messages == [b"fragment", b"text", b"binary", b"\xff\xfe not utf-8"]
            assert link.received == 4
            await link.close()
        assert inbox.ends == []

    run(loop, scenario())


async def test_M6_a_16_mb_frame_is_received() -> None:
    async def large(peer: Peer) -> None:
        await peer.connection.send("x" * 16_000_000)
        await peer.connection.send("after")
        await peer.connection.wait_closed()

    inbox = Inbox()
    async with scripted_engine(large) as engine:
        link = await connect(engine.url, inbox)
        await inbox.until(lambda inbox: len(inbox.messages) == 2)
        assert [len(message) for message in inbox.messages] == [16_000_000, 5]
        await link.close()


async def test_M6_a_larger_frame_ends_the_connection_and_may_be_retried() -> None:
    async def larger(peer: Peer) -> None:
        await peer.connection.send("x" * 18_000_000)

    inbox = Inbox()
    async with scripted_engine(larger) as engine:
        await connect(engine.url, inbox)
        end = await inbox.end()
    assert (end.code, end.by_us, end.retryable) == (1009, True, True)


async def test_M6_fragments_without_end_end_the_connection() -> None:
    async def endless(peer: Peer) -> None:
        async def fragments() -> AsyncIterator[str]:
            while True:
                yield "x" * 1_000_000

        await peer.connection.send(fragments())

    inbox = Inbox()
    async with scripted_engine(endless) as engine:
        await connect(engine.url, inbox)
        end = await inbox.end()
    assert (end.code, end.by_us, end.retryable) == (1009, True, True)
    assert inbox.messages == []


# Slow links


@pytest.mark.parametrize("loop", LOOPS)
def test_M7_a_slow_link_drops_the_oldest_audio_and_no_request(loop: str) -> None:
    """20 s of speech and some requests for a peer that reads nothing for a while."""
    frames = 1000
    held = asyncio.Event

    async def slow(peer: Peer) -> None:
        peer.stop_reading()
        await release.wait()
        peer.connection.transport.resume_reading()
        async for message in peer.connection:
            got.append(message if isinstance(message, bytes) else message.encode())
            if got[-1] == b"last":
                done.set()

    async def scenario() -> None:
        nonlocal release, done
        release, done = held(), held()
        inbox = Inbox()
        async with scripted_engine(slow) as engine:
            # A megabyte of kernel buffers would hide the slowness.
            link = await connect(engine.url, inbox, max_queued_audio=50)
            for number in range(frames):
                link.send_audio(b"%06d" % number + b"a" * 8000)
                if number % 100 == 0:
                    link.send(b"request %d" % number)
                await asyncio.sleep(0)
            link.send(b"last")
            waiting, dropped = link.queued, link.audio_dropped
            assert dropped > 0
            assert 50 <= waiting <= 50 + frames // 100 + 1
            release.set()
            async with asyncio.timeout(20):
                await done.wait()
            assert link.queued == 0
            assert link.audio_dropped == dropped
            await link.close()
        requests = [message for message in got if message.startswith(b"request")]
        audio = [int(message[:6]) for message in got if message.endswith(b"a")]
        assert requests == [b"request %d" % number for number in range(0, frames, 100)]
        assert audio == sorted(audio)
        assert len(audio) == frames - dropped
        assert audio[-50:] == list(range(frames - 50, frames))  # the newest are there
        assert got[-1] == b"last"
        assert inbox.ends == []

    release: asyncio.Event
    done: asyncio.Event
    got: list[bytes] = []
    run(loop, scenario())


async def test_M7_the_kernel_holds_little_that_was_not_sent() -> None:
    async with scripted_engine(Peer.vanish) as engine:
        link = await connect(engine.url)
        tcp = link._connection.transport.get_extra_info("socket")
        limit = tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
        assert limit == websocket.UNSENT_BYTES
        link.abort()


async def test_requests_that_nobody_reads_end_the_connection() -> None:
    inbox = Inbox()
    async with scripted_engine(Peer.vanish) as engine:
        link = await connect(engine.url, inbox)
        for _ in range(3000):
            link.send(b"x" * 8000)
        end = await inbox.end()
    assert (end.code, end.retryable) == (1006, True)
    assert "too many requests" in end.reason
    assert link.queued <= websocket.MAX_CONTROL_QUEUE + 1


@pytest.mark.parametrize("loop", LOOPS)
def test_sending_after_the_end_is_counted_and_never_raises(loop: str) -> None:
    async def hang_up(peer: Peer) -> None:
        peer.connection.transport.abort()

    async def scenario() -> None:
        inbox = Inbox()
        async with scripted_engine(hang_up) as engine:
            link = await connect(engine.url, inbox)
            for _ in range(50):
                link.send_audio(b"audio")
                await asyncio.sleep(0)
            await inbox.end()
            unsent = link.unsent
            link.send(b"request")
            link.send_audio(b"audio")
            assert link.unsent == unsent + 2
            await link.close()

    run(loop, scenario())


# Ends


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013, 3000, 4000])
async def test_a_close_by_the_server_is_reported_once(code: int) -> None:
    async def bye(peer: Peer) -> None:
        await peer.connection.close(code, "the reason")

    inbox = Inbox()
    async with scripted_engine(bye) as engine:
        link = await connect(engine.url, inbox)
        assert await inbox.end() == EngineClosed(code, "the reason")
        await link.close()
    assert len(inbox.ends) == 1


async def test_M2_a_reset_is_seen_at_once() -> None:
    async def reset(peer: Peer) -> None:
        peer.connection.transport.abort()

    inbox = Inbox()
    async with scripted_engine(reset) as engine:
        await connect(engine.url, inbox)
        end = await inbox.end()
    assert (end.code, end.retryable) == (1006, True)


async def test_M2_a_half_open_link_is_found_by_ping() -> None:
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    async with scripted_engine(Peer.vanish) as engine:
        started = loop.time()
        await connect(engine.url, inbox, ping_interval_s=0.1, link=Link(ping_timeout_s=0.2))
        end = await inbox.end()
        assert loop.time() - started < 5
    assert end == EngineClosed(1006, "no answer to a ping within 0.2 s")
    assert end.retryable


async def test_M2_a_half_open_link_is_found_even_when_nothing_can_be_written() -> None:
    inbox = Inbox()
    async with scripted_engine(Peer.vanish) as engine:
        link = await connect(engine.url, inbox, ping_interval_s=0.3, link=Link(ping_timeout_s=0.2))
        while link.queued < 100:
            link.send_audio(b"a" * 8000)
            await asyncio.sleep(0)
        assert "ping" in (await inbox.end()).reason


def test_M2_the_default_finds_it_within_ten_seconds() -> None:
    usual = websocket.connect.__kwdefaults__
    assert usual["ping_interval_s"] + usual["link"].ping_timeout_s + websocket.CLOSE_TIMEOUT_S <= 10


async def test_a_peer_that_sends_but_answers_no_ping_is_alive() -> None:
    async def busy(peer: Peer) -> None:
        peer.stop_reading()
        for _ in range(150):  # longer than two pings are waited for, also on a busy machine
            await peer.connection.send("audio")
            await asyncio.sleep(0.01)

    inbox = Inbox()
    async with scripted_engine(busy) as engine:
        link = await connect(engine.url, inbox, ping_interval_s=0.01, link=Link(ping_timeout_s=0.5))
        await inbox.until(lambda inbox: len(inbox.messages) >= 140, timeout_s=20)
        assert inbox.ends == []
        link.abort()


async def test_M2_a_peer_whose_pings_are_not_waited_for_is_not_taken_for_gone() -> None:
    inbox = Inbox()
    async with scripted_engine(Peer.vanish) as engine:
        options = {"ping_interval_s": 0.01, "link": Link(ping_timeout_s=0)}
        link = await connect(engine.url, inbox, **options)
        await asyncio.sleep(0.1)
        assert (inbox.ends, link.unanswered_s()) == ([], 0.0)
        tcp = link._connection.transport.get_extra_info("socket")
        option = tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert option == websocket.STALE_S * 1000, "TCP finds it"
        link.abort()


async def test_audio_in_binary_messages_and_all_else_in_text() -> None:
    inbox = Inbox()
    async with scripted_engine(echo, subprotocols=["media"]) as engine:
        link = await connect(
            engine.url, inbox, link=Link(binary_audio=True, subprotocol="media"), headers={}
        )
        link.send_audio(b"\x7b\xff\x80")
        link.send("ä".encode())
        await inbox.until(lambda inbox: len(inbox.messages) == 2)
        await link.close()
        assert engine.requests[0].headers["Sec-WebSocket-Protocol"] == "media"
    assert inbox.messages == [b"\x7b\xff\x80", "ä"]


async def test_the_ping_measures_the_round_trip() -> None:
    async with scripted_engine(idle) as engine:
        link = await connect(engine.url)
        async with asyncio.timeout(20):
            while link.rtt_ms == 0:
                await asyncio.sleep(0.01)
        assert link.rtt_ms < 1000
        await link.close()


async def test_our_close_is_a_goodbye_and_no_event() -> None:
    inbox = Inbox()
    async with scripted_engine(idle) as engine:
        link = await connect(engine.url, inbox)
        await link.close()
        await link.close()
        assert engine.peers[0].connection.close_code == 1000
    assert inbox.ends == []
    assert link._reader.done()
    assert link._watchdog.done()


async def test_close_does_not_wait_for_a_dead_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT_S", 0.1)
    loop = asyncio.get_running_loop()
    async with scripted_engine(Peer.vanish) as engine:
        for stuck in (False, True):
            link = await connect(engine.url)
            while stuck and link.queued < 100:
                link.send_audio(b"a" * 8000)
            started = loop.time()
            await link.close()
            assert loop.time() - started < 5


# The seam


@pytest.fixture
def debug_everything(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "websockets"):
        yield caplog


async def test_H8_the_library_logs_no_header_at_debug(
    debug_everything: pytest.LogCaptureFixture,
) -> None:
    async with scripted_engine(idle, logger=logging.getLogger("server under test")) as engine:
        debug_everything.clear()
        logging.getLogger("server under test").setLevel(logging.WARNING)
        link = await connect(engine.url)
        await link.close()
    ours = [record for record in debug_everything.records if record.name.startswith("sipua")]
    assert ours == []
    from_client = [r for r in debug_everything.records if r.name.startswith("websockets.client")]
    assert from_client == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "refused"),
        (OSError("Multiple exceptions: [Errno 111] ..., [Errno 101] ..."), "refused"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "refused"),
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), "timeout"),
        (ssl.SSLError(1, "[SSL] internal error"), "tls"),
        (EOFError(), "server"),
        (ImportError("python-socks is missing"), "protocol"),
    ],
)
async def test_M1_what_the_network_says(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: ErrorKind
) -> None:
    async def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(websocket, "_open", fail)
    assert (await failure("ws://engine.invalid/")).kind == kind
