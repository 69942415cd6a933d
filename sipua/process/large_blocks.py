"""Large blocks of memory go back to the system one by one, and cost what is written into them.

pjsip takes 64 kB for each message that it sends, however long it is, and keeps most of them 32 s.
From the heap such a block is of used memory, all of it, and what is freed between two that are kept
stays with the process. As a mapping of its own it costs the one or two pages that were written.
"""

from __future__ import annotations

import contextlib
import ctypes

_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
_BYTES = 64 * 1024
"""Below pjsip's block, and fixed: by itself glibc raises the limit when such a block is freed."""


def map_large_blocks() -> None:
    """For this process, from now on. With another C library it does nothing."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _BYTES)
