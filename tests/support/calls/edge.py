"""A real `sipua serve` as a child process: own ports, own configuration file, JSON log."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support import late_machine
from support.calls import edge_forks, event_log
from support.engine.journal import judge_client
from support.ports import LOOPBACK, PortBlock
from support.process import Child, wait_until

WORKERS = 2
_RTP_PORTS = 512  # pairs of 256 calls; what a call gives back rests before its next use

Event = event_log.Event
Config = Mapping[str, Mapping[str, Any] | list[Mapping[str, Any]]]


class Edge:
    """Listening when the constructor returns. `config` says only what the test is about:

        Edge(tmp_path, {"calls": {"answer": "at_once"}, "accounts": [{"name": "pbx", …}]})

    The rest: loopback, free ports, the embedded local agent, calls accepted from anyone. With
    `file`, that configuration is taken as it is; only ports and log come from the environment.
    `inside`: a command that takes another one elsewhere, as into a network namespace.
    """

    def __init__(
        self,
        home: Path,
        config: Config | None = None,
        *,
        env: Mapping[str, str] | None = None,
        file: Path | None = None,
        python: Path | None = None,
        rtp_ports: int = _RTP_PORTS,
        inside: Sequence[str] = (),
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._events = event_log.EventLog(home / "edge.log")
        self._ports = PortBlock(rtp_ports + 20)
        self.port = self._ports.port()
        self.rtp_ports = first, last = self._ports.range(rtp_ports)
        self._dialect = (config or {}).get("engine", {}).get("dialect", "ga")
        self._journal = Path((config or {}).get("agent", {}).get("journal", home / "agent.jsonl"))
        base: Config = {
            "sip": {"host": LOOPBACK, "port": self.port, "accept": "any"},
            "rtp": {"port_min": first, "port_max": last},
            "edge": {"workers": WORKERS},
            "log": {"level": "debug", "format": "json"},
            "agent": {"journal": self._journal},
            "cdr": {"directory": home / "cdr"},
            "outbound": {"directory": home / "outbound"},
        }
        self.file = file or home / "edge.toml"
        self._base = base
        self._python = python or Path(sys.executable)
        self._command: list[str | Path] = [*inside, self._python, "-m", "sipua"]
        self._forked = python is None and not inside
        # What the machine's owner has set for their own edge is no part of a test.
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("SIPUA_")}
        if file is None:
            self.write(config or {})
        else:
            self._env |= {
                "SIPUA_SIP__PORT": str(self.port),
                "SIPUA_RTP__PORT_MIN": str(first),
                "SIPUA_RTP__PORT_MAX": str(last),
                "SIPUA_EDGE__WORKERS": str(WORKERS),
                "SIPUA_LOG__LEVEL": "debug",
                "SIPUA_AGENT__JOURNAL": str(self._journal),
                "SIPUA_CDR__DIRECTORY": str(home / "cdr"),
                "SIPUA_OUTBOUND__DIRECTORY": str(home / "outbound"),
            }
        self._env["XDG_RUNTIME_DIR"] = str(home)  # what it leaves for doctor is the test's
        self._env |= env or {}
        late_machine.listen_to(home / "edge.log")
        self.start()

    def write(self, config: Config) -> None:
        """Its file, again; read at the next start, or reload."""
        self.file.write_text(toml(merge(self._base, config)))

    @property
    def address(self) -> tuple[str, int]:
        return LOOPBACK, self.port

    @property
    def uri(self) -> str:
        return f"sip:agent@{LOOPBACK}:{self.port}"

    def doctor(self) -> str:
        """What `sipua doctor` says where this edge has run."""
        command = [self._python, "-m", "sipua", "doctor"]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, check=False)
        return done.stdout

    def worker_of(self, call_id: str) -> int:
        return int(self.events(call_id=call_id, name="call.incoming")[0]["worker"])

    def worker_pid(self, worker: int) -> int:
        """Of the process that is this worker now, or was last."""
        ready = (event for event in self.events(name="worker.ready") if event["worker"] == worker)
        return int([event["pid"] for event in ready][-1])

    def start(self) -> None:
        """Also starts it again, after `stop()` or `kill()`, with the same file and ports."""
        started = len(self.events(name="edge.listening"))
        self.begin()
        self.process.wait_up(lambda: len(self.events(name="edge.listening")) > started, 60)

    def begin(self) -> None:
        """As `start`, without waiting until it listens."""
        arguments = ["serve", "--config", self.file]
        log = self._home / "edge.log"
        if self._forked and edge_forks.can(self._env):
            self.process: Child = edge_forks.ForkedEdge(arguments, log, self._env)
        else:
            self.process = Child([*self._command, *arguments], log, env=self._env)

    def stop(self, timeout_s: float = 30) -> int:
        """SIGTERM; its exit status."""
        return self.process.stop(timeout_s)

    def kill(self) -> None:
        """As `kill -9`, or a crash."""
        self.process.kill()

    def close(self) -> None:
        if self.process.exit_status is None:
            self.process.kill()
        self._ports.close()
        judge_client(self._journal, self._dialect)

    @property
    def log(self) -> str:
        path = self._home / "edge.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def events(self, *, call_id: str | None = None, name: str | None = None) -> list[Event]:
        """The JSON lines so far, oldest first."""
        found = self._events.events(name)
        return [event for event in found if call_id in (None, event.get("call_id"))]

    def wait_event(
        self, name: str, *, call_id: str | None = None, count: int = 1, timeout_s: float = 30
    ) -> Event:
        """The `count`th event of that name."""

        def come() -> list[Event]:
            return self.events(call_id=call_id, name=name)[count - 1 :]

        return wait_until(come, timeout_s, f"{name} from the edge")[0]

    def rejected(self, count: int) -> list[Event]:
        """All refused calls, when so many are told: an answer leaves before it is."""
        self.wait_event("call.rejected", count=count)
        return self.events(name="call.rejected")

    def ended_so_far(self, *, still_up: int = 0) -> int:
        """Calls, when no others are up: an earlier test's is told after its BYE was answered."""

        def all_told() -> bool:
            begun, ended = (len(self.events(name=f"call.{at}")) for at in ("incoming", "ended"))
            return begun == ended + still_up

        wait_until(all_told, 30, "call.ended of all calls of before")
        return len(self.events(name="call.ended"))


def merge(base: Config, over: Config) -> Config:
    """Tables of both are joined key by key; a list of tables replaces the other."""
    merged = dict(base)
    for name, value in over.items():
        table = merged.get(name, {})
        if isinstance(value, Mapping) and isinstance(table, Mapping):
            merged[name] = {**table, **value}
        else:
            merged[name] = value
    return merged


def toml(config: Config) -> str:
    """Sections one level deep, with inline tables below: all that a configuration has."""
    lines = []
    for name, section in config.items():
        tables = section if isinstance(section, list) else [section]
        for table in tables:
            lines.append(f"[[{name}]]" if isinstance(section, list) else f"[{name}]")
            lines += [f"{key} = {_value(value)}" for key, value in table.items()]
            lines.append("")
    return "\n".join(lines)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    # JSON's strings, numbers and booleans are TOML's too; a path is a string.
    return json.dumps(str(value) if isinstance(value, Path) else value)
