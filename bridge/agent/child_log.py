"""The child's log: its JSON lines become lines of our log, in one format, with secrets masked.

A line that is not JSON (an interpreter's last output) is logged as it is.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

LONGEST_LINE: Final = 16_384
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 40}

log: FilteringBoundLogger = structlog.get_logger("sipua.agent")


async def relay(stderr: asyncio.StreamReader) -> None:
    """Log the child's lines until it closes its stderr."""
    while True:
        try:
            line = await stderr.readline()
        except ValueError:  # longer than the reader takes: its beginning is lost
            continue
        if not line:
            return
        write_line(line)


def write_line(line: bytes) -> None:
    try:
        fields = msgspec.json.decode(line, type=dict[str, Any])
        event, level = str(fields.pop("event")), _LEVELS[fields.pop("level")]
    except (msgspec.DecodeError, UnicodeError, RecursionError, KeyError, TypeError):
        log.warning("agent.said", text=line.decode(errors="replace").rstrip()[:LONGEST_LINE])
        return
    fields.pop("ts", None)  # ours is milliseconds later
    log.log(level, event, **fields)
