"""Why pip failed, in one line, from what it printed: pip ... 2>&1 | pip_trouble.py"""

import os
import platform
import re
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

# What pip prints about a connection, and what it means. When a connection fails, pip goes on to
# say that there is no such package, so this is looked at first.
CONNECTION = re.compile(r"connection broken by|Max retries exceeded|Could not fetch URL")
REASONS = [
    (r"Name or service not known|name resolution|Failed to resolve", "its name is not resolved"),
    (r"Connection refused", "the connection is refused"),
    (r"CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted (PIP_CERT=/path/to/ca.crt)"),
    (r"proxy|Tunnel connection failed", "the proxy does not let us through"),
    (r"unreachable|No route to host", "there is no network"),
    (r"timed out", "no answer"),
]


@dataclass(frozen=True)
class Trouble:
    text: str
    no_wheel: bool = False  # the index has none for this Python or machine


def explain(printed: str) -> Trouble:
    if CONNECTION.search(printed):
        reason = next(
            (why for pattern, why in REASONS if re.search(pattern, printed, re.IGNORECASE)),
            "the connection broke",
        )
        return Trouble(
            f"{_index(printed)} cannot be reached: {reason}. The first start needs it, later ones "
            "need no network"
        )
    if missing := re.search(r"No matching distribution found for (\S+)", printed):
        python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        return Trouble(
            f"the package index has no {_name(missing[1])} for {python} on {platform.machine()}",
            no_wheel=True,
        )
    if mismatch := re.search(r"DO NOT MATCH THE HASHES.*?\n\s+(\S+)", printed, re.DOTALL):
        return Trouble(f"{mismatch[1]} from the package index is not what requirements/ expects")
    if "No space left on device" in printed:
        return Trouble("the disk is full")
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    errors = [line for line in lines if re.match("error", line, re.IGNORECASE)] or lines
    return Trouble(f"pip: {errors[-1]}" if errors else "pip failed and did not say why")


def _name(requirement: str) -> str:
    return re.split("[=<>!~;]", requirement, maxsplit=1)[0]


def _index(printed: str) -> str:
    """The index by name, if pip or the environment says which it is."""
    named = re.search(r"host='([\w.:-]+)'", printed)
    host = named[1] if named else urlsplit(os.environ.get("PIP_INDEX_URL", "")).hostname
    return f"the package index ({host})" if host else "the Python package index"


if __name__ == "__main__":
    print(explain(sys.stdin.read()).text)
