"""A2: generated requests, right and wrong, against the OpenAPI document of a real edge."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.api import TOKENS, Api, api_config
from support.calls.edge import Edge
from support.ports import LOOPBACK

pytestmark = [pytest.mark.peer, pytest.mark.slow]

_FUZZ_S = int(os.environ.get("FUZZ_API_S", "0")) // 3
"""Of each of three runs by `make fuzz`, with examples of their own; 0: the same few each time."""
_LONGEST_S = 120 + 2 * _FUZZ_S
_HOW_MUCH = (
    ("--max-examples", "100000", "--max-time", str(_FUZZ_S))
    if _FUZZ_S
    else ("--max-examples", "15", "--seed", "1")
)


@pytest.fixture
def edge(edge_factory: Callable[..., Edge], tmp_path: Path) -> Edge:
    records = {"enabled": True, "directory": str(tmp_path / "records")}
    placing = {"prefixes": [f"sip:@{LOOPBACK}"], "max_calls": 2}
    # Admitted without a bound: what is refused for its number is not judged.
    api = api_config(placing=placing, requests_per_second=10_000)
    return edge_factory({"api": api, "record": records})


def ask(api: Api, home: Path, *more: str, ids: str = "") -> None:
    """`ids`: what stands for the ids of calls, beside generated ones."""
    config = home / "schemathesis.toml"
    config.write_text(f'[parameters]\nid = "{ids}"\n' if ids else "")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run"),
            f"{api.url}/openapi.json",
            *("--header", f"Authorization: Bearer {TOKENS['operator']}"),
            *("--phases", "coverage,fuzzing", *_HOW_MUCH),
            # After ten wrong tokens they get 429: A1 asks each operation without one instead.
            *("--exclude-checks", "ignored_auth"),
            *("--request-timeout", "20", "--no-color", *more),
        ],
        cwd=home,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_A2_generated_requests_find_no_fault(edge: Edge, tmp_path: Path) -> None:
    api = Api(edge)
    ask(api, tmp_path, "--exclude-path", "/v1/events")  # which has no end
    assert api.get("/health/ready", right="") == {"status": "ready"}
    assert edge.events(name="api.fault") == []


def test_A2_generated_orders_to_a_call_that_is_up(edge: Edge, tmp_path: Path) -> None:
    api = Api(edge)
    order = {"to": f"sip:agent@{LOOPBACK}:{edge.port}", "wait_s": 20}
    placed = api.ask("POST", "/v1/calls", order, headers={"Idempotency-Key": "one"}).json
    assert placed["state"] == "active"
    others = ("--include-path-regex", "/v1/calls/", "--exclude-path-regex", "hangup|transfer")
    ask(api, tmp_path, *others, ids=placed["id"])
    assert api.get(f"/v1/calls/{placed['id']}")["state"] == "active"
    ask(api, tmp_path, "--include-path-regex", "hangup|transfer", ids=placed["id"])
    assert api.get(f"/v1/calls/{placed['id']}")["state"] == "ended"
    assert edge.events(name="api.fault") == []
    assert edge.events(name="fault.unowned") == []
