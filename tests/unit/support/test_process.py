import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.process import Child, wait_until


def test_output_and_exit_status_are_kept(tmp_path: Path) -> None:
    child = Child(["sh", "-c", "echo said; exit 3"], tmp_path / "log")
    assert child.wait(5) == 3
    assert child.log.read_text() == "said\n"


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    child = Child(
        ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"], tmp_path / "log"
    )
    wait_until(lambda: "up" in child.log.read_text(), 5, "the shell")
    assert child.stop(0.2) == -signal.SIGKILL


def test_one_that_ends_before_it_is_up_tells_why(tmp_path: Path) -> None:
    child = Child(["sh", "-c", "echo no such port; exit 1"], tmp_path / "log")
    with pytest.raises(RuntimeError, match="sh ended with 1:\nno such port"):
        child.wait_up(lambda: False, 5)


def test_one_that_never_comes_up_is_not_left_behind(tmp_path: Path) -> None:
    child = Child(["sleep", "60"], tmp_path / "log")
    with pytest.raises(TimeoutError, match="sleep's start"):
        child.wait_up(lambda: False, 0.1)
    assert child.exit_status == -signal.SIGKILL


def test_it_does_not_outlive_a_test_run_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from support.process import Child; "
        "print(Child(['sleep', '60'], Path(sys.argv[1])).pid, flush=True); time.sleep(60)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "log"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        assert run.stdout is not None
        pid = int(run.stdout.readline())
        # Until then it is still the launcher, which has yet to ask the kernel for it.
        comm = Path(f"/proc/{pid}/comm")
        wait_until(lambda: comm.read_text().strip() == "sleep", 5, "the child's start")
        run.kill()

    def gone() -> bool:
        command = Path(f"/proc/{pid}/cmdline")
        return not command.exists() or not command.read_bytes()  # empty: dead, not yet reaped

    wait_until(gone, 5, "the end of the orphan")
