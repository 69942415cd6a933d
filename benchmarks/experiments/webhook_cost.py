"""What a webhook costs: one request for each event against batches, as pairs in one run.

    python benchmarks/experiments/webhook_cost.py [--rate 82] [--calls 50] [--pairs 3]

Events of `--calls` calls happen `--rate` times a second. Told is the processor time of the process
that sends them (the events themselves included), for each second and for each event; the receiver
is a process of its own, and is not counted.
"""

import argparse
import asyncio
import base64
import contextlib
import ipaddress
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from aiohttp import web

from sipua.bench.common import children
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.outputs.hooks.settings import EndpointSettings, HookSettings
from sipua.outputs.hooks.webhooks import Webhooks

HOST = "127.0.0.1"
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
DATA = b'{"turn":12,"item":"item_CbXQ2kS8bYvFh","start_ms":183220,"end_ms":185460,"played_ms":2240}'
STARTUP_S = 30.0


def receive(pipe: Connection) -> None:
    asyncio.run(_receive(pipe))


async def _receive(pipe: Connection) -> None:
    got = 0

    async def deliver(request: web.Request) -> web.Response:
        nonlocal got
        await request.read()
        got += 1
        return web.Response()

    app = web.Application()
    app.router.add_post("/", deliver)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    pipe.send(runner.addresses[0][1])
    with contextlib.suppress(EOFError):
        while await asyncio.to_thread(pipe.recv):
            pipe.send(got)


async def measured(one: EndpointSettings, folder: Path, asked: argparse.Namespace) -> float:
    """The share of a core."""
    events = EventStream("bench")
    hooks = Webhooks(HookSettings(folder, (one,), (0.0,), 3600.0, 3600.0), events)
    await hooks.start()
    await asyncio.sleep(1.0)
    began, began_cpu = time.monotonic(), time.process_time()
    for number in range(round(asked.rate * asked.seconds)):
        await asyncio.sleep(max(0.0, began + number / asked.rate - time.monotonic()))
        events.put(Told("turn.agent", time.time(), f"c-{number % asked.calls}", DATA))
    share = (time.process_time() - began_cpu) / (time.monotonic() - began)
    await hooks.stop()
    return share


def receiver_of(port: int, *, batch: bool) -> EndpointSettings:
    return EndpointSettings(
        *("bench", f"http://{HOST}:{port}/", (SECRET,)),
        allow=(ipaddress.ip_network(HOST),),
        parallel=50,
        batch=batch,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=82.0)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--pairs", type=int, default=3)
    asked = parser.parse_args()
    with children.Child("receiver", receive) as receiver:
        port = receiver.hear(STARTUP_S)
        for _ in range(asked.pairs):
            shares = []
            for batch in (False, True):
                before = receiver.ask("report", STARTUP_S)
                with tempfile.TemporaryDirectory() as folder:
                    work = measured(receiver_of(port, batch=batch), Path(folder), asked)
                    shares.append(asyncio.run(work))
                requests = (receiver.ask("report", STARTUP_S) - before) / asked.seconds
                print(
                    f"{'batches' if batch else 'events':8}{shares[-1]:6.2%} of a core"
                    f"  {shares[-1] / asked.rate * 1000:.2f} ms an event"
                    f"  {requests:.0f} requests a second",
                    flush=True,
                )
            print(f"batches / events: {shares[1] / shares[0]:.2f}", flush=True)


if __name__ == "__main__":
    main()
