"""What the kernel knows of the edge's processes: /proc, read from outside, so that the edge need
not be believed, and is not changed by being watched.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PPID, _UTIME, _STIME = 1, 11, 12  # fields of stat behind the name


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process at one moment."""

    cpu_s: float
    rss_mb: float
    """What is in memory."""
    pss_mb: float
    """The same, with pages that processes share counted in parts: only these can be added up."""
    descriptors: int
    threads: int
    ports: frozenset[int]
    """UDP ports of the range for RTP that it holds."""


def usage(pid: int, rtp_ports: range) -> Usage:
    """Raises OSError when the process is gone."""
    folder = _PROC / str(pid)
    links = list(_links(folder / "fd"))
    memory = dict(
        re.findall(r"^(Rss|Pss):\s+(\d+) kB$", (folder / "smaps_rollup").read_text(), re.MULTILINE)
    )
    return Usage(
        cpu_s=cpu_s(pid),
        rss_mb=int(memory["Rss"]) * 1024 / 1e6,
        pss_mb=int(memory["Pss"]) * 1024 / 1e6,
        descriptors=len(links),
        threads=sum(1 for _ in (folder / "task").iterdir()),
        ports=frozenset(_ports(folder, set(links), rtp_ports)),
    )


def cpu_s(pid: int) -> float:
    """User and system time of a process so far, threads included, children not."""
    fields = _stat(pid)
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS


def family(pid: int) -> list[int]:
    """The process and all that it and its children have started and that run, by their number."""
    parents = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int(_stat(int(folder.name))[_PPID])
            except OSError:
                continue  # it has ended meanwhile
    found = [pid]
    for member in found:
        found += sorted(child for child, parent in parents.items() if parent == member)
    return found


def name(pid: int) -> str:
    """What it calls itself: sipua-worker; empty: it is gone."""
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def module(pid: int) -> str:
    """What follows `-m` in its command: sipua.bridge.agent; empty: no module, or gone."""
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    return next((after for word, after in pairwise(words) if word == "-m"), "")


def pin(pid: int, cores: frozenset[int]) -> None:
    """Keep a process on these cores: the threads that it has, and so those that they start."""
    for thread in (_PROC / str(pid) / "task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def _stat(pid: int) -> list[str]:
    return (_PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()


def _links(folder: Path) -> Iterator[str]:
    for descriptor in folder.iterdir():
        try:
            yield str(descriptor.readlink())
        except OSError:
            continue  # it was closed meanwhile


def _ports(folder: Path, links: set[str], rtp_ports: range) -> Iterator[int]:
    for table in ("udp", "udp6"):
        try:
            lines = (folder / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            port = int(fields[1].rpartition(":")[2], 16)
            if port in rtp_ports and f"socket:[{fields[9]}]" in links:
                yield port
