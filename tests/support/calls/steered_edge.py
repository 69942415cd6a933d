"""`sipua serve` whose calls a test steers, and which places calls, by its HTTP interface."""

import itertools
import json
import os
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from sipua.calls.steer.commands import Command, name_of
from support.calls.edge import Config, Edge, merge
from support.ports import LOOPBACK, PortBlock

TOKEN = "of-a-test-and-of-nothing-else"
_PATHS = {
    "record": "recording",
    "hang_up": "hangup",
    "press_keys": "dtmf",
    "set_metadata": "metadata",
    "supervise": "supervisors",
    "supervise_mode": "supervisors/mode",
    "supervise_end": "supervisors/end",
}
_KEYS = itertools.count(1)

Outcome = dict[str, Any]
"""`status` of the command, or the kind of the problem; `ts`: when it was told."""


class SteeredEdge(Edge):
    def __init__(self, home: Path, config: Config | None = None) -> None:
        self._block = PortBlock(2)
        self._api_port = self._block.port()
        token = {
            "name": "test",
            "token": TOKEN,
            "right": "operator",
            "supervise": True,
            "place": {
                "prefixes": [f"sip:@{LOOPBACK}", "1", "2"],
                "max_calls": 10,
                "per_minute": 100,
            },
        }
        api: Config = {"api": {"enabled": True, "port": self._api_port, "tokens": [token]}}
        super().__init__(home, merge(api, config or {}))

    def close(self) -> None:
        super().close()
        self._block.close()

    def steer(self, call_id: str, command: Command) -> Outcome:
        fields = msgspec.to_builtins(command)
        for of_the_edge in ("type", "fetch", "slot"):
            fields.pop(of_the_edge, None)
        if "target" in fields:
            fields["to"] = fields.pop("name", "") or fields.pop("target")
            fields.pop("target", None)
        name = name_of(command)
        return self.ask(f"/v1/calls/{call_id}/{_PATHS.get(name, name)}", fields)

    def place(self, to: str, **order: Any) -> Outcome:
        """The call, or the problem."""
        key = f'"{next(_KEYS)}-{self._api_port}"'
        return self.ask("/v1/calls", {"to": to, **order}, {"Idempotency-Key": key})

    def client_env(self) -> dict[str, str]:
        """For commands of `sipua` that ask it."""
        token = self.file.parent / "token"
        token.write_text(TOKEN)
        url = f"http://{LOOPBACK}:{self._api_port}"
        clean = {name: value for name, value in os.environ.items() if name[:6] != "SIPUA_"}
        path = f"{Path(sys.executable).parent}:{clean['PATH']}"
        return {**clean, "PATH": path, "SIPUA_API_URL": url, "SIPUA_TOKEN_FILE": str(token)}

    def get(self, path: str) -> Outcome:
        asked = urllib.request.Request(
            f"http://{LOOPBACK}:{self._api_port}{path}",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            told: Outcome = json.loads(answer.read())
        return told

    def ask(self, path: str, body: Outcome, headers: dict[str, str] | None = None) -> Outcome:
        asked = urllib.request.Request(
            f"http://{LOOPBACK}:{self._api_port}{path}",
            data=json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {TOKEN}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )
        try:
            with urllib.request.urlopen(asked, timeout=100) as answer:
                told = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read())
            kind = problem.pop("type").rpartition(":")[2]
            told = {**problem, "status": kind}
        return {**told, "ts": datetime.now(UTC).isoformat()}
