"""The process that holds a port, from /proc, so that 'address in use' can name it."""

from __future__ import annotations

import contextlib
from pathlib import Path

_TABLES = {"udp": ("udp", "udp6"), "tcp": ("tcp", "tcp6")}
_LISTENING = "0A"


def port_owner(transport: str, port: int, proc: Path = Path("/proc")) -> str | None:
    """`name (pid N)`; None when none is visible (another user's process, or no /proc)."""
    inodes = set()
    for table in _TABLES[transport]:
        with contextlib.suppress(OSError):
            inodes |= _inodes((proc / "net" / table).read_text(), transport, port)
    for link in proc.glob("[0-9]*/fd/*") if inodes else ():
        with contextlib.suppress(OSError):
            target = link.readlink().name
            if target.startswith("socket:[") and target[8:-1] in inodes:
                process = link.parent.parent
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return None


def _inodes(table: str, transport: str, port: int) -> set[str]:
    found = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        local, state, inode = fields[1], fields[3], fields[9]
        if transport == "tcp" and state != _LISTENING:
            continue
        if int(local.rpartition(":")[2], 16) == port:
            found.add(inode)
    return found
