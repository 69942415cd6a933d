#!/usr/bin/env python3
"""What tools cost the loop that carries audio: its CPU per tool call, and how late its ticks come.

    .venv/bin/python scripts/measure_tools.py [--seconds 10] [--rate 20]

Needs openssl. A server of its own, on TLS, answers; the figures are in docs/tools.md.
"""

import argparse
import asyncio
import contextlib
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import uvloop

from sipua.tools.wire.http_client import HttpClient, Request

TICK_S = 0.005
Work = Callable[[], Awaitable[object]]
_idle: dict[str, float] = {}


@contextlib.contextmanager
def served(home: Path) -> Iterator[str]:
    """An HTTPS server in a process of its own; its URL."""
    code = f"""
import asyncio, ssl
from aiohttp import web
async def small(request): return web.json_response({{"state": "sent", "text": "x" * 300}})
async def huge(request): return web.Response(body=b"x" * 5_000_000)
app = web.Application()
app.router.add_post("/small", small); app.router.add_post("/huge", huge)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("{home}/c.pem", "{home}/k.pem")
async def main():
    runner = web.AppRunner(app); await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context); await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True); await asyncio.Event().wait()
asyncio.run(main())
"""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    command += ["-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", f"{home}/k.pem", "-out", f"{home}/c.pem"]
    subprocess.run(command, check=True, capture_output=True)
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server:
        yield f"https://localhost:{server.stdout.readline().strip()}"
        server.kill()


@contextlib.asynccontextmanager
async def ours(url: str, home: Path, *, kept: bool = True) -> AsyncIterator[Work]:
    """As `sipua` does it: on a thread with a loop of its own."""
    client = HttpClient(f"{home}/c.pem")
    await client.warm_up()
    headers = {} if kept else {"Connection": "close"}
    request = Request(url, "POST", headers, None, "k", b'{"a": 1}', 10, 0, 16_384)
    yield lambda: client.send(request)
    await client.close()


@contextlib.asynccontextmanager
async def on_this_loop(url: str, home: Path, *, kept: bool = True) -> AsyncIterator[Work]:
    """The same client library, on the loop that carries audio."""
    trusted = ssl.create_default_context(cafile=f"{home}/c.pem")
    connector = aiohttp.TCPConnector(ssl=trusted, force_close=not kept)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send() -> None:
            async with session.post(url, data=b'{"a": 1}') as response:
                await response.content.read(16_384)

        yield send


@contextlib.asynccontextmanager
async def busy_python(_url: str, _home: Path) -> AsyncIterator[Work]:
    """A Python tool that computes for 100 ms without a pause, on a thread."""

    def compute() -> None:
        end = time.thread_time() + 0.1
        while time.thread_time() < end:
            pass

    yield lambda: asyncio.to_thread(compute)


async def measure(name: str, work: Work | None, seconds: float, rate: float) -> None:
    loop = asyncio.get_running_loop()
    late: list[float] = []
    tasks: list[asyncio.Task[object]] = []
    if work is not None:
        await work()
    begun, cpu = loop.time(), time.thread_time()
    due = next_call = time.perf_counter()
    while loop.time() < begun + seconds:
        due += TICK_S
        await asyncio.sleep(due - time.perf_counter())
        now = time.perf_counter()
        late.append((now - due) * 1000)
        due = max(due, now - 0.05)
        if work is not None and now >= next_call:
            next_call += 1 / rate
            tasks.append(asyncio.ensure_future(work()))  # type: ignore[arg-type]  # a coroutine
    cpu = time.thread_time() - cpu
    await asyncio.gather(*tasks)
    late.sort()
    p50, p99, worst = (late[int(len(late) * part)] for part in (0.5, 0.99, 1 - 1e-9))
    idle = _idle.setdefault("cpu_s", cpu)  # of the first run, which has no tools
    each = (cpu - idle) / max(len(tasks), 1) * 1e6
    print(
        f"{name:44s} {len(tasks):5d} calls {each:7.0f} µs each; "
        f"late p50 {p50:5.2f}  p99 {p99:5.2f}  worst {worst:6.2f} ms",
        flush=True,
    )


async def main(seconds: float, rate: float, home: Path, url: str) -> None:
    await measure("no tools", None, seconds, rate)
    for kept in (True, False):
        how = "connection kept" if kept else "a new connection each"
        async with on_this_loop(f"{url}/small", home, kept=kept) as work:
            await measure(f"on the audio's loop, {how}", work, seconds, rate)
        async with ours(f"{url}/small", home, kept=kept) as work:
            await measure(f"sipua's client, {how}", work, seconds, rate)
    async with ours(f"{url}/huge", home) as work:
        await measure("sipua's client, answers of 5 MB, 4 a second", work, seconds, 4)
    async with busy_python(url, home) as work:
        await measure("Python tool, 100 ms of CPU, 2 a second", work, seconds, 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=20, help="tool calls a second")
    chosen = parser.parse_args()
    sys.setswitchinterval(0.001)  # as the edge does
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as url:
        uvloop.run(main(chosen.seconds, chosen.rate, Path(folder), url))
