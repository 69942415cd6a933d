"""docs/webhooks.md as printed: its files, both receivers, its commands."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.calls.hook_server import HookServer, answer
from support.peers.sipp import Sipp
from support.ports import PortBlock
from support.process import wait_until

pytestmark = pytest.mark.peer

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


class Page:
    """Its files in a folder, with ports of ours."""

    def __init__(self, home: Path, port: int, api_port: int) -> None:
        self.home = home
        self._ports = {":8099": f":{port}", "8099": str(port), ":8090": f":{api_port}"}
        self._path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.secret, self.trial, self.dead, self.gone, self.api = blocks("sh")
        (config,) = blocks("toml")
        (python,), (node,) = blocks("python"), blocks("js")
        token = secrets.token_hex(24)
        api = f'[api]\nenabled = true\nport = {api_port}\n[[api.tokens]]\nname = "me"\n'
        api += f'token = "{token}"\nright = "admin"\n'
        for name, text in (
            ("edge.toml", f"{config}\n{api}[webhook_spool]\nretry_s = [0, 0.1]\n"),
            ("receiver.py", python),
            ("receiver.mjs", node),
            ("api.header", f"Authorization: Bearer {token}\n"),
        ):
            (home / name).write_text(self._with_ports(text))

    def run(self, script: str) -> str:
        script = self._with_ports(script).replace("curl -s", "curl --fail-with-body -sS")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        spool = {
            "SIPUA_WEBHOOK_SPOOL__DIRECTORY": str(self.home / "spool"),
        }
        return {**os.environ, **spool, "PATH": self._path}

    def is_dead(self, kind: str, call_id: str) -> bool:
        lines = self.run("sipua hooks dead crm -c edge.toml").splitlines()
        return any(kind in line and call_id in line for line in lines)

    @contextmanager
    def receiver(self, *command: str) -> Iterator[Callable[[], str]]:
        """What it has printed."""
        process = subprocess.Popen(
            command, cwd=self.home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        lines: list[str] = []
        pipe = process.stdout
        reading = threading.Thread(target=lambda: lines.extend(iter(pipe.readline, "")))
        reading.start()
        try:
            wait_until(lambda: self._tried() or process.poll() is not None, 20, "the receiver")
            assert process.poll() is None, lines
            yield lambda: "".join(lines)
        finally:
            process.kill()
            process.wait()
            reading.join()
            pipe.close()

    def _tried(self) -> bool:
        command = ["sipua", "hooks", "test", "crm", "-c", "edge.toml"]
        done = subprocess.run(
            command, cwd=self.home, env=self.environment, capture_output=True, check=False
        )
        return done.returncode == 0

    def _with_ports(self, text: str) -> str:
        for printed, ours in self._ports.items():
            text = text.replace(printed, ours)
        return text


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    block = PortBlock(4)
    yield block
    block.close()


def test_the_page_as_printed(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path, ports: PortBlock
) -> None:
    port = ports.port()
    page = Page(tmp_path, port, ports.port())
    page.run(page.secret)
    assert (tmp_path / "crm.secret").stat().st_mode & 0o777 == 0o600
    edge = edge_factory(file=tmp_path / "edge.toml", env=page.environment)
    with page.receiver(sys.executable, "receiver.py") as printed:
        assert page.run(page.trial).startswith("answered 204")
        sipp.run("uac_call", edge.address, pause_ms=200)
        edge.wait_event("call.ended")
        wait_until(lambda: "call.ended c-" in printed(), 20, "the events")
        assert "webhook.test -" in printed()
    sipp.run("uac_call", edge.address, pause_ms=200)  # nobody takes the events of this one
    call = edge.wait_event("call.ended", count=2)["call_id"]
    wait_until(lambda: page.is_dead("call.ended", call), 20, "dead letters")
    node = shutil.which("node")
    command = (node, "receiver.mjs") if node else (sys.executable, "receiver.py")
    with page.receiver(*command) as printed:
        said = page.run(page.dead)
        assert f" {call} " in said
        assert "wait again" in said
        wait_until(lambda: f"call.ended {call}" in printed(), 20, "what was dead")
    with HookServer([answer(410, Connection="close")], port=port):
        sipp.run("uac_call", edge.address, pause_ms=200)
        edge.wait_event("webhook.disabled")
        gone = edge.wait_event("call.ended", count=3)["call_id"]
        wait_until(lambda: page.is_dead("call.incoming", gone), 20, "what was given up")
    with page.receiver(sys.executable, "receiver.py") as printed:
        page.run(page.gone)
        wait_until(lambda: f"call.incoming {gone}" in printed(), 20, "what was given up")
        listed, *_ = page.run(page.api).split("}{")
        assert '"state":"ok"' in listed


def test_the_bodies_have_the_fields_that_are_printed(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    cloudevent, plain = map(json.loads, blocks("json"))
    with HookServer([answer(204)]) as server, HookServer([answer(204)]) as other:
        common = {"types": ["call.answered"], "allow": ["127.0.0.1", "::1"]}
        hooks = [
            {"name": "one", "url": server.url, **common},
            {"name": "two", "url": other.url, "format": "plain", **common},
        ]
        edge = edge_factory({"webhooks": hooks, "webhook_spool": {"directory": tmp_path / "s"}})
        sipp.run("uac_call", edge.address, pause_ms=200)
        wait_until(lambda: server.requests and other.requests, 20, "the events")
    for printed, request in ((cloudevent, server.requests[0]), (plain, other.requests[0])):
        assert list(request.json) == list(printed)
        assert list(request.json["data"]) == list(printed["data"])
        assert {name: type(value) for name, value in request.json.items()} == {
            name: type(value) for name, value in printed.items()
        }
