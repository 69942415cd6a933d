"""One certificate of a signer, from its server. The URL is of a caller: it is https, leads to
public addresses only, and what comes from there is bounded in size and time.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

import aiohttp

from sipua.process.web import addresses
from sipua.process.web.addresses import Network
from sipua.process.web.session import http_session
from sipua.stir.faults import BAD_INFO, IdentityError

MOST_BYTES: Final = 32_768
_CONNECTIONS: Final = 64
"""As many as `fetch_limits.MOST`: none waits for another one's server."""
_REFUSED: Final = "its address may not be reached (`stir.allow`)"
_TOO_OFTEN: Final = "its address is asked too often"
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})")
_NOT_KEPT: Final = re.compile(r"(?:^|[\s,])no-(?:store|cache)")


class Fetcher:
    """On one loop."""

    def __init__(
        self,
        allow: Sequence[Network],
        ca_file: str,
        timeout_s: float,
        may_connect: Callable[[str], bool],
    ) -> None:
        """`may_connect`: whether this address may be asked once more."""
        self._allow = allow
        self._may_connect = may_connect
        self._ca_file = ca_file
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, url: str) -> tuple[bytes, float | None]:
        """What is there, and how many seconds it may be kept; None: its server says nothing. Raises
        IdentityError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._fetch(url)
        except TimeoutError:
            raise _bad(f"its server did not answer within {self._timeout_s:g} s") from None
        except aiohttp.ClientConnectorCertificateError:
            raise _bad("its server has a certificate that is not trusted") from None
        except aiohttp.ClientSSLError:
            raise _bad("its server refused TLS") from None
        except aiohttp.ClientConnectorDNSError:
            raise _bad("its server has a name that does not resolve") from None
        except aiohttp.ClientConnectorError as error:
            for cause in (_REFUSED, _TOO_OFTEN):
                if cause in str(error.os_error):
                    raise _bad(cause) from None
            raise _bad("its server cannot be reached") from None
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise _bad(f"its server broke the protocol: {type(error).__name__}") from None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _fetch(self, url: str) -> tuple[bytes, float | None]:
        headers = {"Accept": "application/pem-certificate-chain, */*;q=0.1"}
        async with self._opened().get(url, headers=headers, allow_redirects=False) as response:
            if response.status != 200:
                raise _bad(f"its server answered {response.status}")
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise _bad("its server sent a compressed answer, unasked")
            body = b""
            while len(body) <= MOST_BYTES and (piece := await response.content.read(MOST_BYTES)):
                body += piece
            if len(body) > MOST_BYTES:
                response.close()  # the rest is not read
                raise _bad(f"its server sent more than {MOST_BYTES} bytes")
            return body, _lifetime_s(response.headers.get("Cache-Control", ""))

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = http_session(
                ca_file=self._ca_file, connections=_CONNECTIONS, socket_factory=self._socket
            )
        return self._session

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        """The last moment before a connection: the name is resolved, and nothing is sent yet."""
        family, kind, protocol, _, address = info
        if not addresses.may_reach(str(address[0]), self._allow):
            raise OSError(_REFUSED)
        if not self._may_connect(str(address[0])):
            raise OSError(_TOO_OFTEN)
        return socket.socket(family, kind, protocol)


def _lifetime_s(control: str) -> float | None:
    if _NOT_KEPT.search(control.lower()):
        return 0.0
    found = _MAX_AGE.search(control.lower())
    return float(found[1]) if found else None


def _bad(cause: str) -> IdentityError:
    return IdentityError(BAD_INFO, f"its certificate was not found: {cause}")
