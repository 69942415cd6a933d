"""Running commands with their output in one log, and failing in plain words."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

PIP_TROUBLE = Path(__file__).parent.parent / "pip_trouble.py"
BEAT_S = 15.0  # how often a long command gives a sign of life


class BuildError(Exception):
    """The build cannot go on; the text says why and what to do."""


class Shell:
    """Runs commands, all their output appended to one log file.

    While a command runs, `on_beat` is told every `BEAT_S` what the log holds.
    """

    def __init__(self, log: Path, on_beat: Callable[[str], None] = lambda _: None) -> None:
        self.log = log
        self._on_beat = on_beat
        log.write_bytes(b"")

    def run(self, *command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> None:
        start = self.log.stat().st_size
        with self.log.open("ab") as log:
            log.write(f"\n$ {' '.join(map(str, command))}\n".encode())
            log.flush()
            code = self._wait(
                subprocess.Popen(
                    command, cwd=cwd, env=os.environ | (env or {}), stdout=log, stderr=log
                )
            )
        if code:
            raise BuildError(self._explain(command, code, start))

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        with process:
            while True:
                try:
                    return process.wait(BEAT_S)
                except subprocess.TimeoutExpired:
                    self._on_beat(self.log.read_text(errors="replace"))
                except BaseException:
                    process.kill()
                    raise

    def _explain(self, command: Sequence[str | Path], code: int, start: int) -> str:
        printed = self.log.read_bytes()[start:].decode(errors="replace")
        if {"pip", "install"} <= set(command):
            why = output(sys.executable, PIP_TROUBLE, stdin=printed)
            return f"{why.strip()} (log: {self.log})"
        tail = "\n".join(printed.splitlines()[-15:])
        return f"{command[0]} failed with exit code {code}; the end of {self.log}:\n{tail}"


def output(*command: str | Path, stdin: str = "", cwd: Path | None = None) -> str:
    """What a command prints."""
    try:
        return subprocess.run(
            command, input=stdin, cwd=cwd, check=True, capture_output=True, text=True
        ).stdout
    except FileNotFoundError:
        raise BuildError(f"the command {command[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        raise BuildError(f"{command[0]} failed: {error.stderr.strip()}") from None
