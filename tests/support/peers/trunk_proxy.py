"""A real Kamailio between the edge and a trunk: configs/kamailio/, with the ports of a test, and
probes each second.
"""

from collections.abc import Sequence
from pathlib import Path

from support.peers.installation import installation
from support.ports import LOOPBACK, PortBlock, is_bound
from support.process import Child, wait_until

_FILES = Path(__file__).parents[3] / "configs" / "kamailio"
_OUTSIDE, _INSIDE = "192.0.2.5:5060", "10.0.0.5:5060"
_TRUNK = ("203.0.113.10:5060", "203.0.113.65:5060")
_EDGES = ("10.0.0.20:5060", "10.0.0.21:5060")


class TrunkProxy:
    """Its ports are there from the beginning, the process from `start()` to `close()`."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        self._home = home
        self._ports = PortBlock()
        self.outside = (LOOPBACK, self._ports.port())
        self.inside = (LOOPBACK, self._ports.port())
        self._process: Child | None = None

    def start(self, *, trunk: Sequence[str], edges: Sequence[str], probe_s: int = 1) -> None:
        """Servers as `host:port`."""
        ours = {
            _OUTSIDE: _address(self.outside),
            _INSIDE: _address(self.inside),
            **dict(zip(_TRUNK, trunk, strict=False)),
            **dict(zip(_EDGES, edges, strict=False)),
        }
        servers = self._home / "dispatcher.list"
        lines = (_FILES / servers.name).read_text().splitlines()
        kept = [line for line in lines if line[0] == "#" or line.split()[1][4:] in ours]
        servers.write_text(_replaced("\n".join(kept) + "\n", ours))
        file = self._home / "kamailio.cfg"
        others = {
            f"/etc/kamailio/{servers.name}": str(servers),
            "log_stderror=no": "log_stderror=yes",
            "children=4": "children=1",
            '"ds_ping_interval", 5': f'"ds_ping_interval", {probe_s}',
        }
        text = (_FILES / file.name).read_text()
        assert all(one in text for one in others), others
        file.write_text(_replaced(text, {**ours, **others}))
        where = installation("kamailio")
        modules = next(where.glob("usr/lib/*/kamailio/modules"))
        command = [
            *(where / "kamailio", "-DD", "-E", "-f", file, "-L", modules),
            *("-Y", self._home, "-m", "16", "-M", "4"),
        ]
        # It is several processes: SIGTERM to the first ends all of them, SIGKILL would not.
        self._process = Child(command, self._home / "console", end="TERM")
        ports = (self.outside[1], self.inside[1])
        self._process.wait_up(lambda: all(map(is_bound, ports)), 60)

    @property
    def log(self) -> str:
        return self._process.log.read_text(errors="replace") if self._process else ""

    def wait_told(self, what: str, count: int = 1, timeout_s: float = 30) -> None:
        wait_until(lambda: self.log.count(what) >= count, timeout_s, f"{what} from Kamailio")

    def close(self) -> None:
        if self._process is not None:
            self._process.stop()
        self._ports.close()


def _address(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


def _replaced(text: str, words: dict[str, str]) -> str:
    for old, new in words.items():
        text = text.replace(old, new)
    return text
