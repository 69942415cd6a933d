"""The upgrade to a websocket: refused, hostile, late, through proxies, by TLS."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
from http import HTTPStatus
from pathlib import Path

import pytest

from sipua.bridge.engine_api.errors import ErrorKind
from support.engine.engine_socket import (
    KEY,
    LOOPS,
    Inbox,
    connect,
    echo,
    failure,
    idle,
    run,
)
from support.engine.scripted_engine import scripted_engine, tcp_server

# Opening


async def test_the_upgrade_carries_our_headers_and_no_compression() -> None:
    async with scripted_engine(idle) as engine:
        link = await connect(engine.url + "?model=m", user_agent="sipua/1")
        request = engine.requests[0]
        assert request.path == "/v1/realtime?model=m"
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert request.headers["User-Agent"] == "sipua/1"
        assert "Sec-WebSocket-Extensions" not in request.headers
        assert "OpenAI-Beta" not in request.headers
        await link.close()


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (HTTPStatus.UNAUTHORIZED, "unauthorized", False),
        (HTTPStatus.FORBIDDEN, "forbidden", False),
        (HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", True),
        (HTTPStatus.INTERNAL_SERVER_ERROR, "server", True),
        (HTTPStatus.SERVICE_UNAVAILABLE, "server", True),
        (HTTPStatus.NOT_FOUND, "protocol", False),
    ],
)
async def test_M1_refused_upgrade(status: HTTPStatus, kind: ErrorKind, retryable: bool) -> None:
    body = f'{{"error":{{"code":"the_code","message":"You sent {KEY}."}}}}'
    async with scripted_engine(answer=(status, {"Retry-After": "7"}, body)) as engine:
        error = await failure(engine.url)
    assert (error.kind, error.status, error.retryable) == (kind, status, retryable)
    assert error.retry_after_s == 7
    assert error.code == "the_code"
    assert str(error).endswith("You sent ***.")


async def test_H8_a_redirect_is_not_followed() -> None:
    async with scripted_engine(idle) as elsewhere:
        answer = (HTTPStatus.FOUND, {"Location": elsewhere.url}, "")
        async with scripted_engine(answer=answer) as engine:
            error = await failure(engine.url)
        assert elsewhere.requests == []
    assert (error.kind, error.status) == ("protocol", 302)


async def test_M1_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = await failure(f"ws://127.0.0.1:{taken.getsockname()[1]}")
    assert (error.kind, error.retryable) == ("refused", True)
    assert "cannot connect to ws://127.0.0.1" in str(error)


async def test_M1_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_such_host(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_such_host)
    error = await failure("ws://engine.invalid/v1?token=tok-12345")
    assert (error.kind, error.retryable) == ("dns", True)
    assert str(error) == "the host of ws://engine.invalid/v1 is unknown: Name or service not known"


async def test_M1_a_server_that_never_upgrades() -> None:
    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with tcp_server(mute) as port:
        error = await failure(f"ws://127.0.0.1:{port}", open_timeout_s=0.05)
    assert (error.kind, error.retryable) == ("timeout", True)
    assert "within 0.05 s" in str(error)


async def test_M1_a_server_that_hangs_up() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with tcp_server(hang_up) as port:
        error = await failure(f"ws://127.0.0.1:{port}")
    assert error.kind in {"server", "refused"}  # an orderly end, or a reset: the race is its own
    assert error.retryable


@pytest.mark.parametrize("text", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 banana\r\n\r\n"])
async def test_M1_a_server_of_another_kind(text: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(text)
        writer.close()

    async with tcp_server(say) as port:
        error = await failure(f"ws://127.0.0.1:{port}")
    assert (error.kind, error.retryable) == ("protocol", False)


async def test_M1_no_tls_where_tls_is_expected() -> None:
    async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with tcp_server(speak_plainly) as port:
        error = await failure(f"wss://127.0.0.1:{port}")
    assert (error.kind, error.retryable) == ("tls", False)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "127.0.0.1", "", "ws://[broken", "ws://h:99999/", "ws://"]
)
async def test_an_address_that_is_none(url: str) -> None:
    error = await failure(url)
    assert (error.kind, error.retryable) == ("protocol", False)


@pytest.mark.parametrize("value", [f"{KEY}\n", f"{KEY}\r\nX: y", f"{KEY}\0", f"{KEY}é"])
async def test_H8_a_key_file_with_a_line_break_is_named_but_not_shown(value: str) -> None:
    error = await failure("ws://127.0.0.1:9/", headers={"Authorization": value})
    assert error.kind == "protocol"
    assert "'Authorization'" in str(error)


async def test_a_cancelled_connect_leaves_nothing_open() -> None:
    closed = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                pass
        closed.set()

    async with tcp_server(mute) as port:
        task = asyncio.create_task(connect(f"ws://127.0.0.1:{port}"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(20):
            await closed.wait()


async def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    async with scripted_engine(idle) as engine:
        link = await connect(engine.url)
        await link.close()


async def test_a_proxy_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert (await failure("ws://engine.invalid/")).kind == "refused"


async def test_a_socks_proxy_that_we_cannot_speak_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
    monkeypatch.setenv("ws_proxy", "socks5://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert (await failure("ws://engine.invalid/")).kind in {"protocol", "refused"}


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate for 127.0.0.1 in one file."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
        "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout - -out -"
    )
    made = subprocess.run(command.split(), check=True, capture_output=True)
    path.write_bytes(made.stdout)
    return path


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_M1_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    async with scripted_engine(idle, ssl=server_tls(certificate)) as engine:
        error = await failure(engine.url)
    assert (error.kind, error.retryable) == ("tls", False)
    assert "self-signed certificate" in str(error)


@pytest.mark.parametrize("loop", LOOPS)
def test_tls_with_a_certificate_of_our_own(certificate: Path, loop: str) -> None:
    async def scenario() -> None:
        trust = ssl.create_default_context(cafile=certificate)
        inbox = Inbox()
        async with scripted_engine(echo, ssl=server_tls(certificate)) as engine:
            link = await connect(engine.url, inbox, tls=trust)
            for number in range(500):  # more than the transport holds
                link.send(b"%d " % number * 200)
            await inbox.until(lambda inbox: len(inbox.messages) == 500)
            assert [int(message.split()[0]) for message in inbox.messages] == list(range(500))
            await link.close()

    run(loop, scenario())
