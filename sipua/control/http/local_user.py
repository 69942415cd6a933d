"""Which user of this machine is at the other end of a connection, from the kernel's table."""

from __future__ import annotations

import ipaddress
import pwd
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeAlias

_TABLES: Final = ("tcp", "tcp6")
_UNKNOWN: Final = 65534
"""Of a user that is hidden from this process, as by `PrivateUsers=` of systemd."""

Address: TypeAlias = tuple[str, int]


def local_user(peer: Address, ours: Address, proc: Path = Path("/proc")) -> str | None:
    """The name, or `uid N`; None: it is another machine's, or of another network namespace. Reads
    the whole table: for rare requests.
    """
    try:
        wanted = _written(*peer), _written(*ours)
    except ValueError:
        return None
    for table in _TABLES:
        try:
            with (proc / "net" / table).open() as lines:
                uid = _uid(lines, *wanted)
        except OSError:
            continue
        if uid is not None:
            return _name(uid)
    return None


def _uid(lines: Iterable[str], peer: set[str], ours: set[str]) -> int | None:
    for line in lines:
        fields = line.split()
        if len(fields) > 7 and fields[1] in peer and fields[2] in ours:
            return int(fields[7])
    return None


def _written(host: str, port: int) -> set[str]:
    """As the tables write it: words of 32 bits, each in the order of the machine."""
    address = ipaddress.ip_address(host.partition("%")[0])
    forms = [address.packed]
    if address.version == 4:  # seen by a socket of both families
        forms.append(ipaddress.IPv6Address(f"::ffff:{host}").packed)
    return {f"{_words(form)}:{port:04X}" for form in forms}


def _words(packed: bytes) -> str:
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(
        (word[::-1] if sys.byteorder == "little" else word).hex() for word in words
    ).upper()


def _name(uid: int) -> str | None:
    if uid == _UNKNOWN:
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
