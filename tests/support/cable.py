"""Two machines on a cable: network namespaces that nobody else sees, each with IPv4 and IPv6.

A namespace lives as long as the process that was started in it, so nothing is left behind.
"""

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from support.process import Child, wait_until

# In a user namespace of its own an ordinary user is root, too.
_AS_ROOT = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
_ENTER_AS_ROOT = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]


class Machine:
    """`within` stands before a command that is to run on it."""

    def __init__(self, home: Path, number: int, *, beside: "Machine | None" = None) -> None:
        self.ip4 = f"192.0.2.{number}"
        self.ip6 = f"2001:db8:7::{number}"
        self._home = home
        started_in = beside.within if beside else []
        self._holder = Child(
            [*started_in, "unshare", *([] if beside else _AS_ROOT), "--net", "sleep", "infinity"],
            home / f"machine-{number}",
        )
        self.within = [
            *("nsenter", "--target", str(self.pid), *_ENTER_AS_ROOT, "--net", "--"),
        ]
        wait_until(self._is_up, 10, "a network namespace")

    @property
    def pid(self) -> int:
        return self._holder.pid

    def _is_up(self) -> bool:
        return Path(f"/proc/{self.pid}/comm").read_text().strip() == "sleep"

    def plug_in(self, interface: str, gateway: "Machine | None" = None) -> None:
        for command in (
            "link set lo up",
            f"addr add {self.ip4}/24 dev {interface}",
            f"addr add {self.ip6}/64 dev {interface} nodad",
            f"link set {interface} up",
        ):
            self.run("ip", *command.split())
        if gateway:
            self.run("ip", "route", "add", "default", "via", gateway.ip4)
            self.run("ip", "-6", "route", "add", "default", "via", gateway.ip6)

    def run(self, *command: str) -> None:
        subprocess.run([*self.within, *command], check=True, capture_output=True)

    def program(self, program: Path) -> Path:
        """One that runs on this machine, as a file of its own."""
        script = self._home / f"{program.name}-within-{self.pid}"
        script.write_text(f'#!/bin/sh\nexec {" ".join(self.within)} "{program}" "$@"\n')
        script.chmod(0o755)
        return script

    def close(self) -> None:
        self._holder.kill()


class Cable:
    """`near` and `far`, each the other's only neighbour."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.near = Machine(home, 1)
        self.far = Machine(home, 2, beside=self.near)
        far = str(self.far.pid)
        self.near.run("ip", *f"link add near type veth peer name far netns {far}".split())
        self.near.plug_in("near")
        # A phone asks for the way to the internet to learn its own addresses.
        self.far.plug_in("far", gateway=self.near)

    def close(self) -> None:
        self.far.close()
        self.near.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
