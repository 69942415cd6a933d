"""A real Prometheus that scrapes an edge each second, and promtool."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.peers.installation import installation
from support.ports import LOOPBACK, PortBlock
from support.process import Child

CONFIGS = Path(__file__).parents[3] / "configs" / "observability"


def promtool(*arguments: str | Path, given: bytes = b"", cwd: Path = CONFIGS) -> str:
    """What it says; that of a failed one is the failure of the test."""
    program = installation("prometheus") / "usr" / "bin" / "promtool"
    done = subprocess.run(
        [program, *arguments], input=given, capture_output=True, check=False, timeout=60, cwd=cwd
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


class Prometheus:
    """Listening when the constructor returns, with the rules of `configs/observability`."""

    def __init__(self, home: Path, targets: Sequence[str]) -> None:
        home.mkdir(parents=True, exist_ok=True)
        config = home / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{CONFIGS / 'rules.yml'}]\n"
            "scrape_configs:\n"
            f"  - {{job_name: sipua, static_configs: [{{targets: {json.dumps(list(targets))}}}]}}\n"
        )
        self._ports = PortBlock(2)
        self._address = f"{LOOPBACK}:{self._ports.port()}"
        command: list[str | Path] = [
            installation("prometheus") / "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address={self._address}",
        ]
        self._process = Child(command, home / "prometheus.log")
        self._process.wait_up(self._ready, 30)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self._address}/-/ready", timeout=2):
                return True
        except OSError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        found = self._get("query", query=expression)["result"]
        assert isinstance(found, list)
        return found

    def value(self, expression: str) -> float | None:
        """Of the only sample; None: there is none."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else None

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _get(self, what: str, **parameters: str) -> Any:
        url = f"http://{self._address}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    def close(self) -> None:
        self._process.kill()
        self._ports.close()
