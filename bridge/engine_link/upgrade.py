"""What the upgrade to a websocket takes with it: certificates that are trusted, and headers."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Mapping


@functools.cache
def read_certificates() -> ssl.SSLContext:
    """For connections without a context of their own. Tens of milliseconds, once per process."""
    return ssl.create_default_context()


def checked(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not (name + value).isprintable() or not (name + value).isascii():
            # Most often the line break at the end of a key file.
            raise ValueError(f"the header {name!r} has characters that no header may have")
    return dict(headers)
