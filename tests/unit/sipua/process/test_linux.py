"""What the kernel tells of a process."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from sipua.process import linux


def test_descriptors_and_memory_of_this_process() -> None:
    before = linux.descriptors()
    with Path(os.devnull).open("rb"):
        assert linux.descriptors() == before + 1
    assert linux.memory_bytes(os.getpid()) > 5_000_000


def test_what_is_not_known_is_zero() -> None:
    """A process that may open no more files cannot list them; it must not fail of that."""
    assert linux.memory_bytes(2**22 + 1) == 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        assert linux.descriptors() == 0
        assert linux.memory_bytes(os.getpid()) == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


_ASKS = "from sipua.process import linux; {}; linux.go_first(); print(linux.nice_of(0))"


def _asked(first: str = "pass") -> int:
    said = subprocess.run(
        [sys.executable, "-c", _ASKS.format(first)], capture_output=True, check=True
    )
    return int(said.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may")
def test_a_process_goes_first_if_it_may() -> None:
    assert _asked() == linux.FIRST_NICE
    assert _asked("import os; os.nice(-15)") == -15, "it is not made to wait"
    assert linux.nice_of(os.getpid()) == os.nice(0), "this one is as it was"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_who_may_not_goes_on_as_before() -> None:
    assert _asked("import os; os.setuid(65534)") == 0


def test_the_priority_of_nobody_is_the_usual_one() -> None:
    assert linux.nice_of(2**22 + 1) == 0
