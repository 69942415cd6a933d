"""What a stranger costs the callers of a trunk: packets of one kind, so many a second, with and
without, in turn:

    python benchmarks/experiments/flood_cost.py [--calls 50] [--rate 1000] [--pairs 2] [KIND ...]

`--calls` of the trunk talk and are measured; the stranger sends from an address that may not call.
KIND is `invite`, `options`, `register`, `rubbish` (to the SIP port) or `rtp` (to the ports of the
calls). `answered` is `invite` with `[admission]` switched off, so that each has its 403.
"""

import argparse
import os
import socket
import tempfile
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from sipua.bench.common import children
from sipua.bench.life.strangers import packet
from sipua.bench.load import callers, speech
from sipua.bench.load.call_loop import Add, Plan
from sipua.bench.load.edge import HOST, RTP_PORTS, Edge
from sipua.bench.load.figures import figures
from sipua.bench.load.meter import Meter
from sipua.bench.replay import engine_side
from sipua.bridge.agent.scenario.settings import AgentSettings

STARTUP_S = 30.0
SETTLE_S = 3.0
STRANGER = "127.0.0.8"
KINDS = ("invite", "answered", "options", "register", "rubbish", "rtp")
TRUNK = f'[[trunks]]\nname = "carrier"\nhosts = ["{HOST}"]\n\n'
OPEN = "[admission]\nstranger_rate = 0\nstrangers_rate = 0\npeer_rate = 0\n\n"


def flood(pipe: Connection, kind: str, port: int, rate: int, calls: int) -> None:
    """In its process: bursts of a hundredth of a second, until the pipe says something."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((STRANGER, 0))
        udp.setblocking(False)
        me = "{}:{}".format(*udp.getsockname())
        pipe.send("ready")
        began, sent = time.monotonic(), 0
        while not pipe.poll(0.01):
            while sent < (time.monotonic() - began) * rate:
                to = RTP_PORTS.start + 2 * (sent % (2 * calls)) if kind == "rtp" else port
                try:
                    udp.sendto(
                        packet("invite" if kind == "answered" else kind, sent, me, port), (HOST, to)
                    )
                except BlockingIOError:
                    break
                sent += 1
        pipe.send(sent)


def measured(kind: str, rate: int, calls: int, seconds: float) -> str:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        agent = stack.enter_context(
            children.Child("agent", engine_side.run, AgentSettings(max_sessions=4000), "")
        )
        url = agent.hear(STARTUP_S)
        outputs = TRUNK + (OPEN if kind == "answered" else "[cdr]\nenabled = false\n\n")
        edge = stack.enter_context(Edge(folder, workers=1, engine_url=url, outputs=outputs))
        edge.wait_listening()
        loop = speech.loop()
        plan = Plan((HOST, edge.port), loop.frames, 20, "s")
        steady = stack.enter_context(children.Child("callers", callers.run, plan))
        steady.hear(STARTUP_S)
        steady.ask(Add(calls), STARTUP_S)
        time.sleep(calls / 20 + SETTLE_S)
        stranger = None
        if kind:
            stranger = stack.enter_context(
                children.Child("stranger", flood, kind, edge.port, rate, calls)
            )
            stranger.hear(STARTUP_S)
        meter = Meter(edge.processes(), callers=steady.pid, engine=agent.pid)
        steady.ask("report", STARTUP_S)
        agent.ask("report", STARTUP_S)
        meter.begin()
        began_ns = time.monotonic_ns()
        time.sleep(seconds)
        processes = {one.name: one for one in meter.end()}
        ended_ns = time.monotonic_ns()
        notes = steady.ask("report", STARTUP_S)
        sessions = agent.ask("report", STARTUP_S)
        # What left last may not be noted as arrived yet.
        window = figures(notes, sessions, edge.sessions(), loop, (began_ns, ended_ns - 200_000_000))
        sent = stranger.ask("report", STARTUP_S) if stranger else 0
        faults = edge.faults()
    late = [float(np.percentile(window.up_ms, share)) for share in (50, 99, 99.9)]
    spacing = float(np.percentile(window.spacing_ms, 99))
    return (
        f"{kind or 'quiet':9} caller → engine p50 {late[0]:.2f} p99 {late[1]:.2f} "
        f"p99.9 {late[2]:.1f} ms  spacing p99 {spacing:.2f} ms  "
        f"edge {processes['edge'].cpu_percent:.1f} %  worker "
        f"{processes['worker 1'].cpu_percent:.1f} %  {sent} sent {faults or ''}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=KINDS, metavar="KIND")
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--pairs", type=int, default=2)
    arguments = parser.parse_args()
    os.environ["SIPUA_SIP__ACCEPT"] = "trunks"
    children.raise_file_limit()
    for kind in arguments.kinds:
        for _ in range(arguments.pairs):
            for one in ("", kind):
                print(measured(one, arguments.rate, arguments.calls, arguments.seconds), flush=True)
