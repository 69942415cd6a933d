"""The compiled kernel of `make native`, if it is there: the same results, several times as fast.

It is looked for once, at the start. `SIPUA_NATIVE=0` in the environment does without it, to
compare.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

if TYPE_CHECKING:  # `sipua doctor` asks for the kernel and needs no numpy
    from numpy.typing import NDArray

    Buffer: TypeAlias = bytes | bytearray | memoryview | NDArray[Any]

NOT_BUILT: Final = "not built"
TURNED_OFF: Final = "turned off by SIPUA_NATIVE=0"
REVISION: Final = 2
"""Of the calls into it. A kernel that was built of other sources is not used."""


class Kernel(Protocol):
    """Buffers are of 16-bit samples, taps of doubles, as many rows of them as the higher rate is
    times 8 kHz; see _kernel.c."""

    def upsample(
        self, history: Buffer, source: Buffer, table: Buffer | None, taps: Buffer, scale: float, /
    ) -> bytes: ...
    def downsample(self, source: Buffer, taps: Buffer, scale: float, /) -> bytes: ...


def _load() -> tuple[Kernel | None, str]:
    if os.environ.get("SIPUA_NATIVE") == "0":
        return None, TURNED_OFF
    try:
        module = importlib.import_module("sipua.codecs._kernel")
    except ModuleNotFoundError:
        return None, NOT_BUILT
    except ImportError as error:
        return None, str(error)
    if getattr(module, "REVISION", None) != REVISION:
        return None, "built of other sources"
    return cast("Kernel", module), ""


kernel, why_not = _load()
