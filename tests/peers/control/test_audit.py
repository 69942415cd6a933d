"""The audit log of a real edge: a call that is steered (SIPp), a reload, refused tokens, curl; and
the command that verifies it.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.calls.api import TOKENS, Api, api_config
from support.calls.edge import Edge
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
ME = pwd.getpwuid(os.getuid()).pw_name


def config(directory: Path, **more: Any) -> dict[str, Any]:
    return {"api": api_config(), "audit": {"enabled": True, "directory": directory}, **more}


def lines(directory: Path, kind: str = "") -> list[dict[str, Any]]:
    found = [
        json.loads(line)
        for path in sorted(directory.glob("*.jsonl"))
        for line in path.read_text().splitlines(keepends=True)
        if line.endswith("}\n")
    ]
    return [line for line in found if kind in ("", line["type"])]


def verify(directory: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sipua", "audit", "verify", "--directory", str(directory)]
    return subprocess.run([*command, *more], capture_output=True, text=True, check=False)


def sha256sum(line: str) -> str:
    """As another program says it."""
    done = subprocess.run(["sha256sum"], input=line, capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def test_who_has_changed_what_and_what_becomes_of_the_file(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path
) -> None:
    directory = tmp_path / "audit"
    account = {"name": "office", "registrar": "sip:127.0.0.1:9", "user": "100"}
    edge = edge_factory(config(directory, accounts=[{**account, "password": "first-canary"}]))
    api = Api(edge)

    running = sipp.start("uac_call_ended_by_peer", edge.address)
    call_id = str(edge.wait_event("call.confirmed")["call_id"])
    assert api.ask("POST", f"/v1/calls/{call_id}/hangup", {}, right="operator").status < 300
    running.wait()
    curl = shutil.which("curl")
    assert curl
    refused = [curl, "-s", "-H", "Authorization: Bearer wrong-canary", f"{api.url}/v1/calls"]
    subprocess.run(refused, check=True, capture_output=True)
    assert api.ask("POST", "/v1/config/reload", {}, right="readonly").status == 403
    edge.write(
        config(
            directory,
            accounts=[{**account, "password": "second-canary"}],
            calls={"max_duration_s": 77},
        )
    )
    assert api.ask("POST", "/v1/config/reload", {"check": False}).status == 200
    # Told behind the answer: the reload itself is told before.
    wait_until(lambda: len(lines(directory, "api.request")) >= 4, 30, "the line of the reload")

    hangup, wrong, no_right, reload = [one["data"] for one in lines(directory, "api.request")][:4]
    assert (hangup["by"], hangup["right"]) == ("operator", "operator")
    assert hangup["path"].endswith(f"/{call_id}/hangup")
    assert hangup["from"] == "127.0.0.1"
    assert hangup["local_user"] == ME
    assert (wrong["by"], wrong["status"], wrong["problem"]) == ("", 401, "wrong-token")
    assert (no_right["by"], no_right["problem"]) == ("readonly", "no-right")
    assert (reload["by"], reload["status"], reload["given"]) == ("admin", 200, ["check"])
    (line,) = lines(directory, "config.reloaded")
    changes = {one["key"]: (one["old"], one["new"]) for one in line["changes"]}
    assert changes["calls.max_duration_s"][1] == "77"
    assert changes["accounts[office].password"] == ('"********"', '"********"')

    assert edge.stop() == 0
    assert lines(directory)[-1]["type"] == "edge.stopped"
    (file,) = directory.glob("*.jsonl")
    text = file.read_text()
    for secret in ("canary", *TOKENS.values()):
        assert secret not in text
    before, after = text.splitlines()[:2]
    assert json.loads(after)["previous"] == sha256sum(before)

    head = edge.events(name="audit.written")[-1]["hash"]
    good = verify(directory, "--head", str(head))
    assert (good.returncode, "0 faults" in good.stdout) == (0, True), good.stdout
    file.write_text(text.replace('"operator"', '"readonly"', 1))
    bad = verify(directory)
    assert bad.returncode == 1
    assert f"FAULT  {file.name}:" in bad.stdout
    file.write_text("".join(text.splitlines(keepends=True)[:-1]))
    assert verify(directory).returncode == 0
    assert verify(directory, "--head", str(head)).returncode == 1


def test_H2_a_killed_edge_leaves_a_chain_that_goes_on(edge_factory: Edges, tmp_path: Path) -> None:
    directory = tmp_path / "audit"
    edge = edge_factory(config(directory))
    for start in (1, 2):
        api = Api(edge, start=start)
        assert api.ask("PUT", "/v1/log", {"level": "debug"}).status == 200
        wait_until(lambda: len(lines(directory, "api.request")) == start, 30, "the line")  # noqa: B023 (waited for here)
        edge.kill()
        if start == 1:
            (file,) = directory.glob("*.jsonl")
            with file.open("ab") as torn:
                torn.write(b'{"n": 3, "prev')
            edge.start()
    found = verify(directory)
    assert found.returncode == 0, found.stdout
    assert "was cut off" in found.stdout
