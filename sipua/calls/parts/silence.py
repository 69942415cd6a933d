"""Which silence of a peer ends its call: one that began after the answer.

With early media a stream is there before the answer, and many peers send nothing on it until then.
"""

from __future__ import annotations

from typing import Final

ACK_S: Final = 1.0
"""The media is there with the 200, and the ACK comes after it."""


def counts(idle_s: float, talked_s: float) -> bool:
    """`idle_s`: the length of the silence; `talked_s`: since the ACK, 0 before it."""
    return talked_s > 0 and idle_s <= talked_s + ACK_S
