"""What those who place or steer a call may note of it. Imports nothing of ours: what a user's tool
needs of a call's facts needs this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

MOST_METADATA: Final = 32
LONGEST_METADATA_NAME: Final = 64
LONGEST_METADATA: Final = 512
"""Characters of one value."""

_METADATA_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def metadata_fault(values: Mapping[str, str]) -> str:
    """What is wrong with metadata, of a command or of a call to be placed; empty: nothing."""
    if len(values) > MOST_METADATA:
        return f"`metadata` has more than {MOST_METADATA} values"
    for name, value in values.items():
        if not _METADATA_NAME.fullmatch(name) or len(name) > LONGEST_METADATA_NAME:
            return (
                f"`metadata`: {name[:LONGEST_METADATA_NAME]!r} is no name: use letters, digits, "
                f"`_`, `.` and `-`, at most {LONGEST_METADATA_NAME}"
            )
        if len(value) > LONGEST_METADATA:
            return f"`metadata`: {name} is longer than {LONGEST_METADATA} characters"
    return ""
