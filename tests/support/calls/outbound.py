"""`sipua outbound` as a child process: the edge places a call."""

import os
import sys
from pathlib import Path

from support.calls.edge import Config, merge, toml
from support.calls.event_log import Event, EventLog
from support.ports import LOOPBACK, PortBlock
from support.process import Child, wait_until


class Outbound:
    """Under way when the constructor returns. `close()` ends it, if it is still there."""

    def __init__(
        self, home: Path, uri: str, config: Config | None = None, *, account: str = ""
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._ports = PortBlock()
        first, last = self._ports.range(100)
        base: Config = {
            "sip": {"host": LOOPBACK},
            "rtp": {"port_min": first, "port_max": last},
            "log": {"level": "debug", "format": "json"},
            "cdr": {"directory": str(home / "cdr")},
        }
        file = home / "outbound.toml"
        file.write_text(toml(merge(base, config or {})))
        file.chmod(0o600)
        command: list[str | Path] = [sys.executable, "-m", "sipua", "outbound", "--config", file]
        if account:
            command += ["--account", account]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SIPUA_")}
        self.process = Child([*command, uri], home / "outbound.out", env=environment)
        self._events = EventLog(self.process.log)

    @property
    def told(self) -> str:
        """All that it has written."""
        return self.process.log.read_text(errors="replace")

    def events(self, name: str) -> list[Event]:
        return self._events.events(name)

    def wait_event(self, name: str, timeout_s: float = 45) -> Event:
        return wait_until(lambda: self.events(name), timeout_s, f"{name} from sipua outbound")[0]

    def wait(self, timeout_s: float = 90) -> int:
        """Its exit status."""
        return self.process.wait(timeout_s)

    def close(self) -> None:
        if self.process.exit_status is None:
            self.process.kill()
        self._ports.close()
