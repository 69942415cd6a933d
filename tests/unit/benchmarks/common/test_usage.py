"""What /proc tells of a process: this one, and one that it starts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from sipua.bench.common import usage


@pytest.fixture
def child() -> Iterator[int]:
    """A program that waits, started by `-m`."""
    with subprocess.Popen(
        [sys.executable, "-m", "timeit", "-n1", "-r1", "input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield process.pid
        process.kill()


def test_what_a_process_opens_is_seen_and_gone_when_it_is_closed(closed_port: int) -> None:
    ports = range(closed_port, closed_port + 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", closed_port))
        none, one = range(0), usage.usage(os.getpid(), ports)
    after = usage.usage(os.getpid(), ports)
    assert one.ports == frozenset(ports)
    assert after.ports == frozenset()
    assert one.descriptors == after.descriptors + 1
    assert 0 < after.pss_mb <= after.rss_mb
    assert after.cpu_s > 0
    assert usage.usage(os.getpid(), none).ports == frozenset()


def test_threads_are_counted() -> None:
    over = threading.Event()
    before = usage.usage(os.getpid(), range(0)).threads
    thread = threading.Thread(target=over.wait)
    thread.start()
    assert usage.usage(os.getpid(), range(0)).threads == before + 1
    over.set()
    thread.join()


def test_a_child_is_of_the_family_and_known_by_its_module(child: int) -> None:
    assert usage.family(os.getpid())[0] == os.getpid()
    assert child in usage.family(os.getpid())
    assert usage.module(child) == "timeit"
    assert usage.module(os.getpid()) != "timeit"


def test_a_pinned_process_stays_on_its_core(child: int) -> None:
    core = max(os.sched_getaffinity(0))
    usage.pin(child, frozenset({core}))
    assert os.sched_getaffinity(child) == {core}


def test_of_a_process_that_is_gone_nothing_is_told(child: int) -> None:
    os.kill(child, 9)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    with pytest.raises(OSError, match=r"such|ermission|link"):
        usage.usage(child, range(0))
    assert usage.module(child) == ""
