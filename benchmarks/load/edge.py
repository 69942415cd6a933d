"""`sipua serve` as a benchmark starts it: a configuration of its own, its processes, its log."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from sipua.bench.common import usage
from sipua.bench.common.errors import BenchError
from sipua.worker.fork_server import SERVER_NAME, WORKER_NAME

HOST = "127.0.0.1"
RTP_PORTS = range(16384, 32768)
_STARTUP_S = 180.0
_NAMES = {WORKER_NAME: "worker", SERVER_NAME: "fork server"}
_MODULES = {
    "sipua.bridge.agent": "agent",
    "sipua.bridge.agent.speech.recogniser": "recogniser",
}


_TALKS_ON = "[engine.turn_detection]\ninterrupt_response = false\n\n"
_OWN_TURNS = (
    *("local_live", "twilio_stream", "asterisk_websocket"),
    *("deepgram_agent", "elevenlabs_agent"),
)
"""Engines that are not told how to take turns."""
_WHICH_AGENT = {"elevenlabs_agent": 'agent_id = "ulaw_8000"\n'}


class Edge:
    """`with Edge(folder, …) as edge:` The product as it is, without probes."""

    def __init__(
        self,
        folder: Path,
        *,
        workers: int,
        engine_type: str = "local",
        engine_url: str = "",
        sessions: int = 0,
        outputs: str = "",
        text: str = "",
        port: int = 0,
    ) -> None:
        """`engine_url`: of an agent that runs already; empty: the one that the edge embeds, which
        holds so many `sessions`. `outputs`: the tables of what is made of its events; empty: call
        records alone. `text`: a whole configuration in the place of ours, with its SIP `port`.
        """
        self.port = port or free_port()
        self.workers = workers
        self._state: dict[str, Any] = {}
        self._read_to = 0
        self._log = folder / "edge.log"
        self.config = folder / "edge.toml"
        self.config.write_text(
            text
            or f'[sip]\nhost = "{HOST}"\nport = {self.port}\naccept = "any"\n\n'
            f"[rtp]\nport_min = {RTP_PORTS.start}\nport_max = {RTP_PORTS.stop - 2}\n\n"
            f'[edge]\nworkers = {workers}\n\n[engine]\ntype = "{engine_type}"\n'
            + _WHICH_AGENT.get(engine_type, "")
            + (f'url = "{engine_url}"\n\n' if engine_url else "\n")
            + (f"[agent]\nmax_sessions = {sessions}\n\n" if sessions else "")
            # The agent goes on talking when the caller does: audio both ways at the same time.
            + ("" if engine_type in _OWN_TURNS else _TALKS_ON)
            # It is a parrot: what it says is no echo of the line, but sounds like one.
            + '[barge_in]\necho = "off"\n\n'
            + (outputs or f'[cdr]\ndirectory = "{folder / "cdr"}"\n\n')
            + '[log]\nlevel = "info"\nformat = "json"\nstate_s = 1\n'
        )
        command = [sys.executable, "-m", "sipua", "serve", "--json", "--config", str(self.config)]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_listening(self) -> Mapping[str, Any]:
        end_s = time.monotonic() + _STARTUP_S
        while time.monotonic() < end_s:
            for event in self.events("edge.listening"):
                return event
            if self._process.poll() is not None:
                last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
                raise BenchError(f"the edge did not start: {' '.join(last)}")
            time.sleep(0.05)
        raise BenchError(f"the edge was not listening within {_STARTUP_S:g} s")

    def reload(self) -> None:
        """It reads its configuration again."""
        self._process.send_signal(signal.SIGHUP)

    def processes(self) -> dict[str, int]:
        """`edge`, `worker 1` …, `agent`: the process number of each."""
        found = {"edge": self.pid}
        kinds: Counter[str] = Counter()
        for pid in usage.family(self.pid)[1:]:
            kind = _NAMES.get(usage.name(pid)) or _MODULES.get(usage.module(pid), "other")
            kinds[kind] += 1
            numbered = kind == "worker" or kinds[kind] > 1
            found[f"{kind} {kinds[kind]}" if numbered else kind] = pid
        return found

    def events(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self._lines(f'"{name}"') if event.get("event") == name]

    def state(self) -> dict[str, Any]:
        """The newest line `edge.state`; empty: there is none yet."""
        with self._log.open("rb") as lines:
            lines.seek(self._read_to)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self._read_to += len(line)
                if line.startswith(b"{") and b'"edge.state"' in line:
                    self._state = json.loads(line)
        return self._state

    def faults(self) -> dict[str, int]:
        """How often each event of level warning or error was logged since it began to listen."""
        faults = Counter(
            str(event.get("event"))
            for event in self._lines('"level"')
            if event.get("level") in ("warning", "error")
        )
        return dict(faults.most_common())

    def sessions(self) -> dict[str, str]:
        """The engine's session of each SIP Call-ID."""
        by_call = {
            event["call_id"]: event["session_id"] for event in self.events("engine.connected")
        }
        return {
            event["sip_call_id"]: by_call[event["call_id"]]
            for event in self.events("call.incoming")
            if event["call_id"] in by_call
        }

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _lines(self, part: str) -> Iterator[dict[str, Any]]:
        """The complete lines of its log that have this text in them."""
        with self._log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if part in line and line.startswith("{") and line.endswith("\n"):
                    yield json.loads(line)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((HOST, 0))
        port: int = udp.getsockname()[1]
        return port
