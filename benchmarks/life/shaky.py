"""The engine of a life that fails: a local agent that rehearses another failure each time."""

from __future__ import annotations

import subprocess
import sys
from itertools import cycle
from typing import Self

from sipua.bench.load.edge import HOST

FAULTS = ("drop:6", "cut:5", "freeze:6", "stall", "silence:8", "429", "burst", "garbage", "")
_STOP_S = 5.0


class ShakyEngine:
    """`with ShakyEngine(port) as engine:` It listens; `fail_anew` ends it and starts another."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._faults = cycle(FAULTS)
        self._process: subprocess.Popen[bytes] | None = None
        self.fault = ""
        self.fail_anew()

    def fail_anew(self) -> str:
        """In between the engine is not there at all."""
        self._stop()
        self.fault = next(self._faults)
        command = [sys.executable, "-m", "sipua", "agent", "--host", HOST]
        command += ["--port", str(self._port), *(["--fault", self.fault] if self.fault else [])]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return self.fault or "none"

    def close(self) -> None:
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(_STOP_S)
        self._process = None
