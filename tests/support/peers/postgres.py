"""A real PostgreSQL on a free port, as an unprivileged user, and a way to it that can hang."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import threading
from pathlib import Path

from support.ports import PortBlock
from support.process import Child

USER, PASSWORD = "sipua", "secret-of-the-test"


def programs() -> Path:
    """Where Debian has them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL is not installed: make peers"
    return found[-1].parent


class Postgres:
    """Listening when the constructor returns; `stop` and `start` as often as wanted."""

    def __init__(self, home: Path) -> None:
        self._programs, self._home, self._data = programs(), home, home / "data"
        self._ports = PortBlock(2)
        self.port = self._ports.port()
        home.mkdir(parents=True, exist_ok=True)
        # It refuses to run as root.
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._as_user = ["setpriv", "--reuid=nobody", "--clear-groups"]
            shutil.chown(home, nobody.pw_uid)
            for folder in (home, *home.parents):
                if folder.owner() == "root" and folder.is_relative_to("/tmp"):
                    folder.chmod(folder.stat().st_mode | 0o011)
        password = home / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        initdb = [
            *(self._programs / "initdb", "-D", self._data, "-U", USER, "--auth=scram-sha-256"),
            *("--pwfile", password, "--no-sync", "--encoding=UTF8", "--locale=C"),
        ]
        subprocess.run([*self._as_user, *initdb], check=True, capture_output=True, cwd="/")
        self.start()

    @property
    def address(self) -> str:
        return self.at(self.port)

    def at(self, port: int) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres"

    def start(self) -> None:
        options = (
            *("-p", str(self.port), "-h", "127.0.0.1", "-k", self._home),
            *("-c", "fsync=off", "-c", "shared_buffers=16MB"),
        )
        command = [*self._as_user, self._programs / "postgres", "-D", self._data, *options]
        self._process = Child(command, self._home.parent / "postgres.log", cwd=Path("/"))
        self._process.wait_up(self._answers, 30)

    def _answers(self) -> bool:
        try:
            return self.query("SELECT 1") == ["1"]
        except subprocess.CalledProcessError:
            return False

    def query(self, sql: str) -> list[str]:
        command = [self._programs / "psql", "-XAtq", self.address, "-c", sql]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()

    def stop(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.kill()
        self._ports.close()


class Hanging:
    """Takes connections and never says a word."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self._taken.append(self._server.accept()[0])
            except OSError:
                return

    @property
    def connections(self) -> int:
        return len(self._taken)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)
        for connection in self._taken:
            connection.close()
