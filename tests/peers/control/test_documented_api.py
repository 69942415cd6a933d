"""docs/api.md as printed: its file, its commands, and the command line beside them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.ports import PortBlock
from support.process import wait_until

pytestmark = pytest.mark.peer

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_as_printed(
    edge_factory: Callable[..., Edge], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, *rest = blocks("sh")
    (config,) = blocks("toml")
    _run(token, tmp_path)
    (tmp_path / "edge.toml").write_text(config)
    ports = PortBlock(4)
    monkeypatch.setenv("SIPUA_RECORD__DIRECTORY", str(tmp_path / "records"))
    try:
        port = ports.port()
        monkeypatch.setenv("SIPUA_API__PORT", str(port))
        environment = {
            "SIPUA_API__PORT": str(port),
            "SIPUA_RECORD__DIRECTORY": str(tmp_path / "records"),
        }
        edge = edge_factory(file=tmp_path / "edge.toml", env=environment)
        script = "".join(rest).replace(":8090", f":{port}").replace(":5060", f":{edge.port}")
        said = _run(script.replace("curl -s", "curl --fail-with-body -sS"), tmp_path)
    finally:
        ports.close()

    def ends() -> set[str]:
        return {event["end"]["reason"] for event in edge.events(name="call.ended")}

    wait_until(lambda: ends() == {"operator_hangup", "hangup"}, 20, f"both ends, not {ends()}")
    assert '{"status":"ready"}' in said
    assert '"metadata"' in said or "4711" in said
    assert '"kind":"call"' in said
    assert "takes calls" in said
    heard = (tmp_path / "events.txt").read_text()
    assert "event: call.steered\n" in heard
    assert "event: call.ended\n" in heard


def _run(script: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
