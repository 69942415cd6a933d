"""What the kernel tells of a process."""

import os
import resource
from pathlib import Path

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
