"""Blocks of 64 kB in which little is written: what they take, and what is left of them."""

import subprocess
import sys

PROGRAM = """
import ctypes, re, sys
from pathlib import Path
from sipua.process.large_blocks import map_large_blocks

if sys.argv[1] == "mapped":
    map_large_blocks()
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
c.malloc.argtypes, c.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def take(count):
    return [c.malloc(68_000) for _ in range(count)]

for block in (used := take(500)):
    ctypes.memset(block, 1, 68_000)  # as a heap is that has been used
for block in used[::2]:
    c.free(block)
print(resident())
"""


def resident_kb(how: str) -> int:
    command = [sys.executable, "-c", PROGRAM, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_what_is_freed_between_two_that_stay_is_given_back() -> None:
    assert resident_kb("mapped") < resident_kb("as it was") - 10_000
