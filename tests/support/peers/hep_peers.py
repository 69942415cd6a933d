"""Others that speak HEP 3: Kamailio, which sends it, and sngrep, which receives it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.peers.installation import installation
from support.ports import LOOPBACK, PortBlock, is_bound
from support.process import Child

CAPTURE_ID = 77
_SIPTRACE = """\
debug=2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
dns=no
listen=udp:{address}
mpath="{modules}"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "siptrace.so"
modparam("siptrace", "duplicate_uri", "sip:{host}:{collector}")
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", 3)
modparam("siptrace", "hep_capture_id", {capture_id})
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "trace_on", 1)

request_route {{
    sip_trace();
    sl_send_reply("200", "OK");
}}
"""


class SipTrace:
    """A Kamailio that answers 200 to all, and shows the collector what it got."""

    def __init__(self, home: Path, collector: int) -> None:
        home.mkdir(parents=True)
        self._ports = PortBlock()
        self.port = self._ports.port()
        where = installation("kamailio")
        file = home / "kamailio.cfg"
        file.write_text(
            _SIPTRACE.format(
                host=LOOPBACK,
                address=f"{LOOPBACK}:{self.port}",
                modules=next(where.glob("usr/lib/*/kamailio/modules")),
                collector=collector,
                capture_id=CAPTURE_ID,
            )
        )
        self._process = Child(
            [where / "kamailio", "-DD", "-E", "-f", file, "-Y", home, "-m", "16", "-M", "4"],
            home / "console",
            end="TERM",
        )
        self._process.wait_up(lambda: is_bound(self.port), 60)

    def close(self) -> None:
        self._process.stop()
        self._ports.close()


class Sngrep:
    """Listens for HEP, and writes the SIP in it to a pcap file."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        self._ports = PortBlock()
        self.port = self._ports.port()
        self._file = home / "sip.pcap"
        command = ["-F", "-N", "-q", "-O", self._file, "-L", f"udp:{LOOPBACK}:{self.port}"]
        program = installation("sngrep") / "sngrep"
        self._process = Child([program, *command], home / "console", end="INT")
        self._process.wait_up(lambda: is_bound(self.port), 30)

    def size(self) -> int:
        return self._file.stat().st_size if self._file.exists() else 0

    def close(self) -> Path:
        """The file, whole."""
        self._process.stop()
        self._ports.close()
        return self._file


def tshark(
    file: Path, *fields: str, only: str = "", options: tuple[str, ...] = ()
) -> list[list[str]]:
    """These fields of each packet, as Wireshark reads them."""
    command = [installation("tshark") / "tshark", "-n", "-r", file, *options, "-T", "fields"]
    command += [*(["-Y", only] if only else []), *(word for one in fields for word in ("-e", one))]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [line.split("\t") for line in told.stdout.splitlines()]
