"""What the websocket to the engine costs: many connections, both ways, one process.

    python -m sipua.bench.experiments.websocket_cost --sessions 50 100 200

Each session sends 20 ms of PCM16 as an append fifty times a second, as a call does, and gets ten
deltas of 100 ms a second. The server is another process; what is measured is the client: its CPU
time per message (of either direction), and how long a message takes from one process's hand into
the other's. `none` is the same program without websockets: what pacing alone costs.

Runs alternate, so that what else the machine does falls on all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import ssl
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np
import uvloop
from websockets.asyncio.server import ServerConnection, serve

from sipua.bridge.engine_link import websocket

FRAME_S: Final = 0.02
DELTA_S: Final = 0.1
SLOTS: Final = 20  # of a frame; sessions are spread over them
WARM_UP_S: Final = 1.0
HEAD: Final = b'{"type":"input_audio_buffer.append","at":"%020d","audio":"'
AT: Final = slice(HEAD.index(b"%"), HEAD.index(b"%") + 20)
AUDIO: Final = b"A" * 1280 + b'"}'  # 20 ms in base64
DELTA: Final = b"A" * 6400 + b'"}'


@dataclass(slots=True)
class Side:
    """What one side of all connections received."""

    messages: int = 0
    late_ms: list[float] = field(default_factory=list)
    counting: bool = False

    def receive(self, message: bytes | str) -> None:
        if self.counting:
            self.messages += 1
            self.late_ms.append((time.monotonic_ns() - int(message[AT])) / 1e6)


@dataclass(frozen=True, slots=True)
class Result:
    link: str
    sessions: int
    cpu_share: float
    us_per_message: float
    up_ms: tuple[float, float]
    down_ms: tuple[float, float]


def message(tail: bytes) -> bytes:
    return HEAD % time.monotonic_ns() + tail


# The server's process


def _serve(pipe: Connection, certificate: str) -> None:
    uvloop.run(_server(pipe, certificate))


async def _server(pipe: Connection, certificate: str) -> None:
    side = Side()

    async def talk(connection: ServerConnection) -> None:
        speaking = asyncio.create_task(_speak(connection))
        with contextlib.suppress(Exception):
            async for received in connection:
                side.receive(received if isinstance(received, bytes) else received.encode())
        speaking.cancel()

    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    async with serve(talk, "127.0.0.1", 0, ssl=tls, compression=None, ping_interval=None) as server:
        pipe.send(next(iter(server.sockets)).getsockname()[1])
        order = asyncio.Event()
        orders: list[str] = []

        def on_order() -> None:
            orders.append(pipe.recv())
            order.set()

        asyncio.get_running_loop().add_reader(pipe.fileno(), on_order)

        while True:
            await order.wait()
            order.clear()
            side.counting = orders[-1] == "count"
            if orders[-1] == "stop":
                os.set_blocking(pipe.fileno(), True)
                pipe.send(side.late_ms)
                return


async def _speak(connection: ServerConnection) -> None:
    due = time.monotonic()
    with contextlib.suppress(Exception):
        while True:
            await connection.send(message(DELTA), text=True)
            due += DELTA_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))


# The measured process


def _measure(pipe: Connection, url: str, connected: bool, sessions: int, seconds: float) -> None:
    pipe.send(uvloop.run(_client(pipe, url, connected, sessions, seconds)))


async def _client(
    pipe: Connection, url: str, connected: bool, sessions: int, seconds: float
) -> tuple[float, float, int, int, list[float]]:
    side = Side()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    sockets = [
        await websocket.connect(
            url,
            {},
            on_message=side.receive,
            on_closed=lambda closed: print("lost:", closed),
            open_timeout_s=20,
            tls=tls,
        )
        for _ in range(sessions if connected else 0)
    ]
    send: list[Callable[[bytes], None]] = [socket.send_audio for socket in sockets]
    send = send or [lambda _: None] * sessions
    await _talk(send, WARM_UP_S)
    pipe.send("count")
    pipe.recv()
    side.counting = True
    cpu_s, started = time.process_time(), time.monotonic()
    sent = await _talk(send, seconds)
    cpu_s, lasted = time.process_time() - cpu_s, time.monotonic() - started
    for socket in sockets:
        socket.abort()
    return cpu_s, lasted, sent, side.messages, side.late_ms


async def _talk(send: list[Callable[[bytes], None]], seconds: float) -> int:
    """A frame of every connection, a twentieth of them each millisecond."""
    by_slot = [send[slot::SLOTS] for slot in range(SLOTS)]
    due, slot, sent = time.monotonic(), 0, 0
    end = due + seconds
    while due < end:
        for say in by_slot[slot]:
            say(message(AUDIO))
        sent += len(by_slot[slot])
        slot = (slot + 1) % SLOTS
        due += FRAME_S / SLOTS
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return sent


def run(connected: bool, sessions: int, seconds: float, certificate: str) -> Result:
    context = multiprocessing.get_context("spawn")
    serving, served = context.Pipe()
    server = context.Process(target=_serve, args=(served, certificate), daemon=True)
    server.start()
    scheme = "wss" if certificate else "ws"
    url = f"{scheme}://127.0.0.1:{serving.recv()}/"
    measuring, measured = context.Pipe()
    arguments = (measured, url, connected, sessions, seconds)
    client = context.Process(target=_measure, args=arguments, daemon=True)
    client.start()
    measuring.recv()
    serving.send("count")
    measuring.send("go")
    cpu_s, lasted, sent, received, down_ms = measuring.recv()
    serving.send("stop")
    up_ms = serving.recv()
    client.join()
    server.join()
    messages = sent + received
    return Result(
        ("TLS" if certificate else "plain") if connected else "none",
        sessions,
        cpu_s / lasted,
        cpu_s / messages * 1e6,
        _middle_and_worst(up_ms),
        _middle_and_worst(down_ms),
    )


def _middle_and_worst(values: list[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 0.0
    return float(np.percentile(values, 50)), float(np.percentile(values, 99))


def _certificate(folder: str) -> str:
    path = Path(folder) / "server.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
        f"-subj /CN=127.0.0.1 -keyout {path} -out {path}.crt"
    )
    subprocess.run(command.split(), check=True, capture_output=True)  # noqa: S603 - ours
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return str(path)


def _row(results: list[Result]) -> str:
    def middle(value: Callable[[Result], float]) -> float:
        return statistics.median(map(value, results))

    first = results[0]
    return (
        f"| {first.sessions} | {first.link} "
        f"| {middle(lambda r: r.cpu_share) * 100:.1f} % "
        f"| {middle(lambda r: r.us_per_message):.1f} "
        f"| {middle(lambda r: r.up_ms[0]):.2f} / {middle(lambda r: r.up_ms[1]):.1f} "
        f"| {middle(lambda r: r.down_ms[0]):.2f} / {middle(lambda r: r.down_ms[1]):.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("| sessions | link | of a core | µs per message | up p50 / p99 | down p50 / p99, ms |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        kinds = [(False, ""), (True, ""), (True, _certificate(folder))]
        for sessions in options.sessions:
            results: dict[str, list[Result]] = {}
            for connected, certificate in kinds * options.rounds:
                result = run(connected, sessions, options.seconds, certificate)
                results.setdefault(result.link, []).append(result)
            for measured in results.values():
                print(_row(measured), flush=True)


if __name__ == "__main__":
    main()
