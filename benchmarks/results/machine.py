"""Where it was measured: figures without their machine say nothing."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from sipua.bench.results.result import Machine
from sipua.codecs import native


def load_average() -> float:
    return round(os.getloadavg()[0], 2)


def describe(load_before: float) -> Machine:
    return Machine(
        cpu=_cpu_name(),
        cores=len(os.sched_getaffinity(0)),
        kernel=platform.release(),
        python=platform.python_version(),
        load_before=load_before,
        load_after=load_average(),
        audio="numpy" if native.kernel is None else "compiled",
    )


def _cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.machine()
