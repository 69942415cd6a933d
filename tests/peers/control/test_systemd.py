"""The unit of configs/systemd as a real systemd runs it: ready, a call, reload, stop; and an edge
that stands still is started again (H11).
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.peers import systemd
from support.peers.sipp import Sipp
from support.peers.systemd import Systemd
from support.ports import LOOPBACK, PortBlock
from support.process import wait_until

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(os.geteuid() != 0, reason="takes root"),
]

REPOSITORY = Path(__file__).parents[3]
UNIT = REPOSITORY / "configs" / "systemd" / "sipua.service"
EXPOSURE = 1.5
"""Of 10, as `systemd-analyze security` counts."""
UID = 64_999
HOMES = ("/root", "/home", "/run/user")


@dataclass
class Service:
    systemd: Systemd
    address: tuple[str, int]
    file: Path

    def wait(self, name: str, value: str, timeout_s: float = 60) -> None:
        wait_until(
            lambda: self.systemd.property(name) == value,
            timeout_s,
            f"{name}={value} (it is {self.systemd.property(name)})",
        )


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    if why := systemd.why_impossible():
        pytest.skip(f"no systemd here: {why}")
    tmp_path.chmod(0o755)
    ports = PortBlock(60)
    port, (first, last) = ports.port(), ports.range(40)
    file = tmp_path / "edge.toml"
    file.write_text(
        f'[sip]\nhost = "{LOOPBACK}"\nport = {port}\naccept = "any"\n'
        f"[rtp]\nport_min = {first}\nport_max = {last}\n[edge]\nworkers = 1\n"
        "[cdr]\nenabled = true\n[record]\nenabled = true\n"
    )
    file.chmod(0o644)
    # Its Python and this clone may be below a home, which the unit hides, and the test's folder is
    # below /tmp, of which it has another one.
    seen = sorted({str(REPOSITORY), str(tmp_path), sys.base_prefix, sys.prefix})
    drop_in = (
        "[Unit]\nDefaultDependencies=no\n[Service]\nProtectHome=tmpfs\nWatchdogSec=3\n"
        + "".join(f"BindReadOnlyPaths={path}\n" for path in seen)
        + f"ExecStart=\nExecStart={sys.executable} -m sipua serve --config {file}\n"
        f"Environment=PYTHONDONTWRITEBYTECODE=1\n"
        f"StandardOutput=append:{tmp_path}/edge.log\nStandardError=append:{tmp_path}/edge.log\n"
    )
    try:
        with Systemd(tmp_path, UNIT, drop_in, user="sipua", uid=UID) as running:
            yield Service(running, (LOOPBACK, port), file)
    finally:
        ports.close()


def test_the_unit_gives_away_little() -> None:
    command = ["systemd-analyze", "security", "--offline=true", str(UNIT)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"Overall exposure level.*?: (\d+\.\d+)", said)
    assert found is not None, said
    assert float(found[1]) <= EXPOSURE, said


def _nice_of_workers() -> set[int]:
    """Of those of the service's user."""
    names = [
        path
        for path in Path("/proc").glob("[0-9]*/comm")
        if path.stat().st_uid == UID and path.read_text() == "sipua-worker\n"
    ]
    return {os.getpriority(os.PRIO_PROCESS, int(path.parent.name)) for path in names}


@pytest.mark.slow
def test_a_call_through_the_service(service: Service, sipp: Sipp) -> None:
    running = service.systemd
    service.wait("ActiveState", "active")
    assert running.property("StatusText") == "0 calls"
    status = Path(f"/proc/{running.main_pid()}/status").read_text()
    assert re.search(rf"^Uid:\t{UID}\t{UID}", status, re.MULTILINE)
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert _nice_of_workers() == {-10}
    call = sipp.start("uac_call", service.address, pause_ms=8000)
    service.wait("StatusText", "1 call", 30)
    assert call.wait().ok
    service.wait("StatusText", "0 calls", 30)
    before = running.main_pid()
    running.ctl("reload", "sipua.service")
    wait_until(lambda: "config.reloaded" in _log(service), 20, "the reload")
    assert running.main_pid() == before
    running.ctl("stop", "sipua.service")
    service.wait("ActiveState", "inactive")
    assert running.property("Result") == "success"
    assert running.property("ExecMainStatus") == "0"


@pytest.mark.slow
def test_H11_an_edge_that_stands_still_is_started_again(service: Service, sipp: Sipp) -> None:
    running = service.systemd
    service.wait("ActiveState", "active")
    before = running.main_pid()
    os.kill(before, signal.SIGSTOP)
    service.wait("NRestarts", "1")
    service.wait("ActiveState", "active")
    assert running.main_pid() != before
    assert sipp.run("uac_call", service.address, pause_ms=200).ok


@pytest.mark.slow
def test_H8_a_wrong_configuration_is_not_tried_again(service: Service) -> None:
    running = service.systemd
    service.wait("ActiveState", "active")
    service.file.write_text("[sip]\nport = 700000\n")
    running.ctl("restart", "sipua.service")
    service.wait("ActiveState", "failed")
    assert running.property("NRestarts") == "0"
    assert running.property("ExecMainStatus") == "3"


def _log(service: Service) -> str:
    return (service.file.parent / "edge.log").read_text()
