"""docs/agents.md, section by section: its files as printed, its commands, what it promises to see.

The ports are the bed's, so that several can run at once; the caller is `sipua call`, as there.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.calls.edge import Edge
from support.media import audio
from support.peers.pbx import GREETING, heard
from support.ports import LOOPBACK, PortBlock
from support.process import Child, wait_until

pytestmark = [pytest.mark.peer, pytest.mark.sound]

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "agents.md").read_text()
TOOLS = (DOCS / "tools.md").read_text()
NOWHERE = "ws://127.0.0.1:9"  # discard: no server listens there


def blocks(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


(AGENT, SHOP, TOOL, SHOP_WITH_TOOL, TRANSFER, SHOP_WITH_TRANSFER, FALLBACK, MODEL) = blocks("toml")


class Reader:
    """Who follows the page: a folder, an edge, a test phone."""

    def __init__(self, home: Path, edge_factory: Callable[..., Edge], port: int) -> None:
        self.home = home
        self.port = port
        self._edge_factory = edge_factory
        # The edge of the tests runs in another folder than the reader's.
        self._env = {"SIPUA_RECORD__DIRECTORY": str(home / "records")}

    def write(self, *parts: str, shop: str) -> None:
        text = "\n".join(parts).replace("8080", str(self.port))
        (self.home / "agent.toml").write_text(text)
        (self.home / "shop.toml").write_text(shop)

    def serve(self, **env: str) -> Edge:
        # The page gives it no name to answer to but the command's; its port is the bed's.
        self.edge = self._edge_factory(file=self.home / "agent.toml", env=self._env | env)
        return self.edge

    def call(self, *options: str) -> dict[str, Any]:
        assert "sipua call sip:shop@127.0.0.1:5060 --record heard.wav" in PAGE
        uri = f"sip:shop@{LOOPBACK}:{self.edge.port}"
        command = [sys.executable, "-m", "sipua", "call", uri, "--record", "heard.wav", "--json"]
        done = subprocess.run(
            [*command, *options],
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
        report: dict[str, Any] = json.loads(done.stdout)
        self.edge.wait_event("call.ended")
        return report

    def hears(self, said: audio.Pcm) -> None:
        """The phone hears from its own start on, which may be some packets after the edge's."""
        heard(said[2400:], audio.read_wav(self.home / "heard.wav", rate_hz=8000))

    def sipua(self, *words: str) -> str:
        command = [sys.executable, "-m", "sipua", *words]
        done = subprocess.run(
            command,
            cwd=self.home,
            env=os.environ | self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def orders(self) -> Iterator[None]:
        """`orders.py` and its secret, as tools.md has them."""
        (server,) = [text for text in blocks("python", TOOLS) if text.startswith("import base64")]
        (self.home / "orders.py").write_text(server.replace("8080", str(self.port)))
        (secret,) = blocks("sh", TOOLS)
        subprocess.run(["bash", "-c", secret], cwd=self.home, check=True)
        child = Child(
            ["bash", "-c", f"cd {self.home} && exec {sys.executable} -u orders.py"],
            self.home / "orders.log",
        )
        try:
            listens = f":{self.port:04X} 00000000:0000 0A"
            wait_until(lambda: listens in Path("/proc/net/tcp").read_text(), 10, "orders.py")
            yield
        finally:
            child.kill()


@pytest.fixture
def reader(tmp_path: Path, edge_factory: Callable[..., Edge]) -> Iterator[Reader]:
    ports = PortBlock(4)
    yield Reader(tmp_path, edge_factory, ports.port())
    ports.close()


def outcomes(edge: Edge) -> list[tuple[str, str]]:
    told = [event for event in edge.events() if event["event"] in ("tool.done", "tool.failed")]
    return [(event["tool"], event["outcome"]) for event in told]


def test_1_what_it_is_told(reader: Reader) -> None:
    reader.write(AGENT, shop=SHOP)
    assert "no problems" in reader.sipua("config", "check", "agent.toml")
    reader.serve()
    reader.call()
    reader.hears(GREETING)


def test_2_a_tool(reader: Reader) -> None:
    with reader.orders():
        reader.write(AGENT, TOOL, shop=SHOP_WITH_TOOL)
        edge = reader.serve()
        reader.call()
        assert outcomes(edge) == [("find_order", "ok")]
    reader.call()
    assert outcomes(edge) == [("find_order", "ok"), ("find_order", "error")]
    assert edge.wait_event("call.ended", count=2)["end"]["by"] == "caller"


def test_3_a_transfer_that_the_phone_refuses(reader: Reader) -> None:
    with reader.orders():
        reader.write(AGENT, TOOL, TRANSFER, shop=SHOP_WITH_TRANSFER)
        edge = reader.serve()
        reader.call("--seconds", "15")
    failed = edge.wait_event("call.transfer_failed")
    assert f"`status={failed['status']}`" in PAGE
    assert outcomes(edge) == [("find_order", "ok"), ("transfer", "error")]
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"


def test_4_a_fallback(reader: Reader) -> None:
    reader.write(AGENT, TRANSFER, FALLBACK, shop=SHOP)
    assert f"SIPUA_ENGINE__URL={NOWHERE} sipua serve" in PAGE
    edge = reader.serve(SIPUA_ENGINE__URL=NOWHERE)
    reader.call()
    reader.hears(GREETING)
    failed, connected = edge.wait_event("engine.failed"), edge.wait_event("engine.connected")
    assert failed["call_id"] == connected["call_id"]


def test_4_no_engine_at_all(reader: Reader) -> None:
    reader.write(AGENT, TRANSFER, FALLBACK, shop=SHOP)
    assert f"`SIPUA_ENGINES__SECOND__URL={NOWHERE}`" in PAGE
    edge = reader.serve(SIPUA_ENGINE__URL=NOWHERE, SIPUA_ENGINES__SECOND__URL=NOWHERE)
    reader.call("--seconds", "20")
    sorry = Path(__file__).parents[3] / "bridge" / "playout" / "prompts" / "sorry.wav"
    reader.hears(audio.read_wav(sorry, rate_hz=8000))
    assert edge.wait_event("call.ended")["end"]["by"] == "edge"


def test_5_a_failure_rehearsed_and_read_again(reader: Reader) -> None:
    reader.write(AGENT, TRANSFER, FALLBACK, shop=SHOP)
    fault = re.search(r"SIPUA_AGENT__FAULT=(\S+) sipua serve", PAGE)
    assert fault is not None
    edge = reader.serve(SIPUA_AGENT__FAULT=fault[1], SIPUA_RECORD__ENABLED="true")
    reader.call("--seconds", "20")
    outage = edge.wait_event("engine.outage")
    back = next(event for event in edge.events(name="engine.in_use") if event["why"] != "first")
    assert (back["call_id"], back["why"]) == (outage["call_id"], "reconnected")
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"
    listed = reader.sipua("record", "list", "--config", "agent.toml")
    assert outage["call_id"] in listed
    shown = reader.sipua("record", "show", outage["call_id"], "--config", "agent.toml")
    assert "outage" in shown


def test_6_the_model(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-one")
    head, _, rest = AGENT.partition('[engine]\ntype = "local"')
    # Without the comment that stands behind it, and the sections about the local agent.
    reader.write(head, MODEL + rest.partition("\n")[2], TRANSFER, FALLBACK, shop=SHOP)
    assert "no problems" in reader.sipua("config", "check", "agent.toml")
