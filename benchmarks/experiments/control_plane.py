"""The control plane with everything on against everything off, with the same callers, and once more
with webhooks in batches:

    python benchmarks/experiments/control_plane.py [--calls 50] [--cps 5] [--pairs 2]

On: the API with ten readers of all events, a webhook for all events, call records in SQLite,
metrics scraped each second, SIP and RTCP sent by HEP. `--calls` talk all the time and are measured;
beside them `--cps` calls a second come, talk for two seconds and go, because a call that only talks
has few events. The receivers are a process of their own: their work is not counted, but is done on
the same cores.
"""

import argparse
import asyncio
import base64
import contextlib
import socket
import tempfile
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import numpy as np
from aiohttp import web

from sipua.bench.common import children
from sipua.bench.load import callers, speech
from sipua.bench.load.call_loop import Add, Plan
from sipua.bench.load.edge import HOST, Edge
from sipua.bench.load.figures import figures
from sipua.bench.load.meter import Meter
from sipua.bench.replay import engine_side
from sipua.bench.soak import callers as turnover
from sipua.bridge.agent.scenario.settings import AgentSettings

CALL_S = 2.0
STARTUP_S = 30.0
SETTLE_S = 3.0
READERS = 10
TOKEN = "t" * 32
OFF = "[cdr]\nenabled = false\n"


def on(folder: Path, api: int, metrics: int, hook: int, collector: int, *, batch: bool) -> str:
    secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
    return (
        f'[cdr]\ndirectory = "{folder / "cdr"}"\n\n'
        f"[api]\nenabled = true\nport = {api}\n\n"
        f'[[api.tokens]]\nname = "bench"\ntoken = "{TOKEN}"\nright = "admin"\n\n'
        f"[metrics]\nenabled = true\nport = {metrics}\n\n"
        f'[webhook_spool]\ndirectory = "{folder / "hooks"}"\n\n'
        f'[[webhooks]]\nname = "bench"\nurl = "http://{HOST}:{hook}/"\nsecret = "{secret}"\n'
        f'allow = ["{HOST}"]\nparallel = 50\nbatch = {str(batch).lower()}\n\n'
        f'[hep]\nenabled = true\nhost = "{HOST}"\nport = {collector}\n'
    )


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]


# --- the receivers, in their process ----------------------------------------------------------


class Receivers(asyncio.DatagramProtocol):
    def __init__(self, api: int, metrics: int, hook: int, collector: int) -> None:
        self._ports = api, metrics, hook, collector
        self.got = dict.fromkeys(("events", "deliveries", "scrapes", "datagrams"), 0)

    def datagram_received(self, _data: bytes, _source: object) -> None:
        self.got["datagrams"] += 1

    async def deliver(self, request: web.Request) -> web.Response:
        await request.read()
        self.got["deliveries"] += 1
        return web.Response()

    async def follow(self, client: aiohttp.ClientSession) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"http://{HOST}:{self._ports[0]}/v1/events"
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with client.get(url, headers=headers) as answer:
                    async for line in answer.content:
                        self.got["events"] += line.startswith(b"data:")
            await asyncio.sleep(0.2)

    async def scrape(self, client: aiohttp.ClientSession) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with client.get(f"http://{HOST}:{self._ports[1]}/metrics") as answer:
                    await answer.read()
                    self.got["scrapes"] += answer.ok
            await asyncio.sleep(1.0)

    async def run(self, pipe: Connection) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, (HOST, self._ports[3]))
        app = web.Application()
        app.router.add_post("/", self.deliver)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, HOST, self._ports[2]).start()
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout) as client, asyncio.TaskGroup() as tasks:
            self._tasks = [tasks.create_task(self.follow(client)) for _ in range(READERS)]
            self._tasks.append(tasks.create_task(self.scrape(client)))
            pipe.send("ready")
            with contextlib.suppress(EOFError):
                while await asyncio.to_thread(pipe.recv) == "report":
                    pipe.send(dict(self.got))
            for task in self._tasks:
                task.cancel()


def receive(pipe: Connection, *ports: int) -> None:
    asyncio.run(Receivers(*ports).run(pipe))


# --- a measurement ----------------------------------------------------------------------------


def measured(name: str, calls: int, cps: float, seconds: float) -> tuple[str, float]:
    """The line, and the processor's share of the edge and its worker together."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        agent = stack.enter_context(
            children.Child("agent", engine_side.run, AgentSettings(max_sessions=4000), "")
        )
        url = agent.hear(STARTUP_S)
        ports = free_ports(4)
        receivers = stack.enter_context(children.Child("receivers", receive, *ports))
        receivers.hear(STARTUP_S)
        outputs = OFF if name == "off" else on(folder, *ports, batch=name == "batch")
        edge = stack.enter_context(Edge(folder, workers=1, engine_url=url, outputs=outputs))
        edge.wait_listening()
        loop = speech.loop()
        plans = [
            Plan((HOST, edge.port), loop.frames, rate, prefix)
            for rate, prefix in ((20, "s"), (cps, "t"))
        ]
        steady = stack.enter_context(children.Child("callers", callers.run, plans[0]))
        fleeting = stack.enter_context(children.Child("turnover", turnover.run, plans[1], CALL_S))
        steady.hear(STARTUP_S)
        fleeting.hear(STARTUP_S)
        steady.ask(Add(calls), STARTUP_S)
        fleeting.ask(Add(int(cps * (calls / 20 + SETTLE_S + seconds))), STARTUP_S)
        time.sleep(calls / 20 + SETTLE_S)
        meter = Meter(edge.processes(), callers=steady.pid, engine=agent.pid)
        steady.ask("report", STARTUP_S)
        agent.ask("report", STARTUP_S)
        before = receivers.ask("report", STARTUP_S)
        meter.begin()
        began_ns = time.monotonic_ns()
        time.sleep(seconds)
        processes = {one.name: one for one in meter.end()}
        ended_ns = time.monotonic_ns()
        got = receivers.ask("report", STARTUP_S)
        notes = steady.ask("report", STARTUP_S)
        sessions = agent.ask("report", STARTUP_S)
        # What left last may not be noted as arrived yet.
        window = figures(notes, sessions, edge.sessions(), loop, (began_ns, ended_ns - 200_000_000))
        gone = fleeting.ask("state", STARTUP_S)
        faults = edge.faults()
    late = [float(np.percentile(window.up_ms, share)) for share in (50, 99, 99.9)]
    spacing = float(np.percentile(window.spacing_ms, 99))
    worker, itself = processes["worker 1"], processes["edge"]
    line = "  ".join(
        (
            f"{name:6}caller → engine p50 {late[0]:.2f} p99 {late[1]:.2f} p99.9 {late[2]:.1f} ms",
            f"spacing p99 {spacing:.2f} ms",
            f"worker {worker.cpu_percent:.1f} % {worker.memory_mb:.0f} MB",
            f"edge {itself.cpu_percent:.1f} % {itself.memory_mb:.0f} MB",
            f"{gone.completed} calls gone {gone.faults or ''}",
            " ".join(f"{(got[key] - before[key]) / seconds:.0f} {key}/s" for key in got),
            str(faults or ""),
        )
    )
    return line, worker.cpu_percent + itself.cpu_percent


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--cps", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--pairs", type=int, default=2)
    arguments = parser.parse_args()
    children.raise_file_limit()
    for _ in range(arguments.pairs):
        shares = {}
        for variant in ("off", "on", "batch"):
            words, shares[variant] = measured(
                variant, arguments.calls, arguments.cps, arguments.seconds
            )
            print(words, flush=True)
        for variant in ("on", "batch"):
            ratio = shares[variant] / shares["off"]
            print(f"{variant} / off: {ratio:.3f} of the processor", flush=True)
