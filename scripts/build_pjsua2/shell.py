"""Running commands with their output in one log, and failing in plain words."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path


class BuildError(Exception):
    """The build cannot go on; the text says why and what to do."""


class Shell:
    """Runs commands, all their output appended to one log file."""

    def __init__(self, log: Path) -> None:
        self.log = log
        log.write_bytes(b"")

    def run(self, *command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> None:
        with self.log.open("ab") as log:
            log.write(f"\n$ {' '.join(map(str, command))}\n".encode())
            log.flush()
            result = subprocess.run(
                command, cwd=cwd, env=os.environ | (env or {}), stdout=log, stderr=log, check=False
            )
        if result.returncode:
            raise BuildError(self._explain(command, result.returncode))

    def _explain(self, command: Sequence[str | Path], code: int) -> str:
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        return f"{command[0]} failed with exit code {code}; the end of {self.log}:\n{tail}"


def output(*command: str | Path, cwd: Path | None = None) -> str:
    """What a command prints."""
    try:
        return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise BuildError(f"the command {command[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        raise BuildError(f"{command[0]} failed: {error.stderr.strip()}") from None
