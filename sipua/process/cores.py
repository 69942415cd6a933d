"""How many processors this process may use: its affinity, and its container's share of time."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def usable() -> int:
    """At least 1. Half a processor counts as none: a process on it would be late."""
    limits = [float(len(os.sched_getaffinity(0))), *_quotas(_OWN, _CGROUPS)]
    return max(1, math.floor(min(limits)))


def _quotas(own: Path, root: Path) -> Iterator[float]:
    """The limits in processors of our control group and of those above it."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = root / (path.lstrip("/") if not controllers else f"cpu/{path.lstrip('/')}")
        for folder in (group, *group.parents):
            if root in (folder, *folder.parents):
                quota = _quota(folder)
                if quota is not None:
                    yield quota


def _quota(group: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        quota, period = (group / "cpu.max").read_text().split()  # version 2
        return None if quota == "max" else int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError):
        quota_us = int((group / "cpu.cfs_quota_us").read_text())  # version 1
        period_us = int((group / "cpu.cfs_period_us").read_text())
        return quota_us / period_us if quota_us > 0 else None
    return None
