"""coturn as a STUN server, as a child process."""

from collections.abc import Sequence
from pathlib import Path

from support.peers.installation import installation
from support.process import Child

_OPTIONS = "--stun-only --no-auth --no-cli --no-tls --no-dtls --no-tcp --log-file=stdout"
# Of relays, which are not asked for: it looks at each port of them at its start.
_RANGE = ("--min-port=50000", "--max-port=50010")


class Coturn:
    """It listens when the constructor returns. `inside`: a command that takes it elsewhere."""

    def __init__(self, home: Path, host: str, port: int, inside: Sequence[str] = ()) -> None:
        home.mkdir(parents=True, exist_ok=True)
        program = installation("coturn") / "coturn"
        where = (f"--listening-ip={host}", f"--listening-port={port}")
        files = (f"--pidfile={home}/coturn.pid", f"--userdb={home}/coturn.db")
        command = [*inside, program, "-n", *where, *_RANGE, *_OPTIONS.split(), *files]
        self._process = Child(command, home / "coturn.log")
        self._process.wait_up(lambda: _listens(self._process.pid, port), 30)

    def stop(self) -> None:
        """May be called twice."""
        self._process.kill()


def _listens(pid: int, port: int) -> bool:
    """Its log does not say it. The table is that of the process's network namespace."""
    return f":{port:04X} " in Path(f"/proc/{pid}/net/udp").read_text()
