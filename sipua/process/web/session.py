"""The HTTP client of everything that sends to servers of users: tools, webhooks, traces.

No cookies, which would connect different callers; no proxy of the environment; bodies as they came,
not unpacked. Redirects are for each request to refuse.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp


def http_session(
    *,
    ca_file: str = "",
    connections: int,
    socket_factory: Callable[[tuple[Any, ...]], socket.socket] | None = None,
) -> aiohttp.ClientSession:
    """On the running loop. `ca_file`: trusted with the system's certificates, for private networks.
    `connections`: the most at once. Raises OSError, as ssl.SSLError is one: of `ca_file`.
    """
    trusted = ssl.create_default_context()
    if ca_file:
        trusted.load_verify_locations(Path(ca_file).expanduser())
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            ssl=trusted, limit=connections, socket_factory=socket_factory
        ),
        timeout=aiohttp.ClientTimeout(total=None),  # each attempt has its deadline
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"sipua/{version('sipua')}"},
        auto_decompress=False,
    )
