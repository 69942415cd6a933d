"""An agent of other people's parts: a program that an edge asks by a route's `voice_url`, with our
local agent as the model behind it."""

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.calls.twilio_client import ACCOUNT
from support.engine.scenarios import scenario
from support.peers.installation import installation
from support.ports import LOOPBACK, PortBlock
from support.process import Child


def listens(port: int) -> bool:
    with contextlib.closing(socket.socket()) as tried:
        return tried.connect_ex((LOOPBACK, port)) == 0


def python_of_agents(program: Path, words: Sequence[str], log: Path) -> Child:
    """`program`, run where the packages of these agents are installed."""
    return Child(
        [installation("agents") / "bin" / "python", program, *words],
        log,
        env={**os.environ, "TAC_ANALYTICS_DISABLED": "true", "PYTHONUNBUFFERED": "1"},
    )


@contextmanager
def voice_agent(
    edge_factory: Callable[..., Edge],
    home: Path,
    program: Path,
    *,
    page: str,
    auth_token: str,
    steps: str,
    words: Callable[[str, str], Sequence[str]],
) -> Iterator[tuple[Edge, Path]]:
    """The edge, and what the program writes. `steps`: of the model, besides its greeting. `words`:
    those of the program behind its port, from the URL of the model and that of the edge's API."""
    with contextlib.ExitStack() as stack:
        ports = stack.enter_context(PortBlock(4))
        web, model = ports.port(), ports.port()
        edge = edge_factory(
            {
                "api": api_config(placing={"prefixes": [f"sip:@{LOOPBACK}"]}),
                "twilio": {"account_sid": ACCOUNT, "auth_token": auth_token, "allow": [LOOPBACK]},
                "routes": [{"name": "agent", "voice_url": f"http://{LOOPBACK}:{web}{page}"}],
            }
        )
        with_steps = ["--port", str(model), "--scenario", str(scenario(home, steps))]
        agent = Child([sys.executable, "-m", "sipua", "agent", *with_steps], home / "model.log")
        stack.callback(agent.kill)
        log = home / "program.log"
        told = words(f"ws://{LOOPBACK}:{model}/v1/realtime", Api(edge).url.rstrip("/"))
        asked = python_of_agents(program, [str(web), *told], log)
        stack.callback(asked.kill)
        agent.wait_up(lambda: listens(model), 60)
        asked.wait_up(lambda: listens(web), 60)
        yield edge, log
