"""The HTTP client of documents and status callbacks: one attempt, a bounded answer, no redirects.

A document may name the next one, and whoever writes documents need not be who runs this edge. So
only hosts that the configuration names are asked, and their addresses must be public, or in a
network that it allows. All of it runs on a `SideLoop`: a handshake of TLS is late there, and never
on the loop of the audio.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

import aiohttp
from yarl import URL

from sipua.process.side_loop import SideLoop
from sipua.process.web.addresses import Network, guarded, may_reach
from sipua.process.web.answers import failure_of, os_words, read_at_most
from sipua.process.web.session import http_session
from sipua.twilio.request import WebRequest
from sipua.twilio.twiml.parse import parse_document
from sipua.twilio.twiml.verbs import Document
from sipua.twilio.twiml.xml import MOST_BYTES
from sipua.twilio.urls import host_of, origin_of

TIMEOUT_S: Final = 15.0
MOST_SOUND_BYTES: Final = 8 << 20
"""Of a file that is played: two minutes of the best quality, half an hour as the phone has it."""
_CONNECTIONS: Final = 100
_NO_HOST: Final = "its host is not among those that may be asked (`twilio.hosts`)"
_REFUSED: Final = "its address may not be reached (`twilio.allow`)"
_XML: Final = frozenset({"text/xml", "application/xml", "text/html"})
"""The last one as the vendor has it: frameworks call XML so that they do not know."""

# As the vendor numbers them.
FORBIDDEN: Final = 11_100
STATUS: Final = 11_200
CONNECTION: Final = 11_205
PROTOCOL: Final = 11_206
NAME: Final = 11_210
TLS: Final = 11_220
CERTIFICATE: Final = 11_237
TOO_LONG: Final = 11_750
CONTENT_TYPE: Final = 12_300
_CODES: Final = {
    "refused": FORBIDDEN,
    "certificate": CERTIFICATE,
    "tls": TLS,
    "name": NAME,
    "unreachable": CONNECTION,
    "closed": CONNECTION,
    "protocol": PROTOCOL,
}
_ITS_DEEDS: Final = ("unreachable", "closed", "protocol")


class FetchError(Exception):
    """There is no answer that can be used. The text has no address, which may hold a key."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reach:
    """Who may be asked."""

    hosts: Sequence[str]
    """Names, with `*` and `?`: at any port."""
    allow: Sequence[Network] = ()
    """Networks beside public addresses."""
    ca_file: str = ""
    """Certificates that are trusted with those of the system."""
    origins: frozenset[tuple[str, int]] = frozenset()
    """Those of the configuration's own URLs: a host, at this port."""

    def has(self, url: str) -> bool:
        """Whether it names this host; its address is judged when it is connected to."""
        host = host_of(url)
        return origin_of(url) in self.origins or any(
            fnmatchcase(host, pattern.lower()) for pattern in self.hosts
        )


class WebClient:
    def __init__(self, reach: Reach, *, timeout_s: float = TIMEOUT_S) -> None:
        self._reach = reach
        self._timeout_s = timeout_s
        self._side = SideLoop("twilio webhooks")
        self._session: aiohttp.ClientSession | None = None

    def may_ask(self, url: str) -> bool:
        """Whether its host is among those of the configuration."""
        return self._reach.has(url)

    async def check(self, url: str) -> None:
        """Whether it may be asked by something else than this client. Its name is resolved now:
        what it resolves to afterwards is not seen. Raises FetchError."""
        if not self._reach.has(url):
            raise FetchError(FORBIDDEN, _NO_HOST)
        await self._side.run(self._resolved(url))

    async def document(self, request: WebRequest) -> Document:
        """Raises FetchError and TwimlError."""
        body, content_type = await self._side.run(self._ask(request, MOST_BYTES))
        if body.strip() and content_type not in _XML:
            raise FetchError(CONTENT_TYPE, f"its answer is {content_type[:80]}, and no XML")
        return parse_document(body)

    async def tell(self, request: WebRequest) -> None:
        """Whatever it answers with is dropped. Raises FetchError."""
        await self._side.run(self._ask(request, MOST_BYTES))

    async def sound(self, request: WebRequest) -> bytes:
        """A file of sound, whatever its type says. Raises FetchError."""
        data, _ = await self._side.run(self._ask(request, MOST_SOUND_BYTES))
        return data

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await self._side.run(session.close())
        await self._side.close()

    # --- on the side loop -------------------------------------------------------------------

    async def _ask(self, request: WebRequest, most: int) -> tuple[bytes, str]:
        if not self._reach.has(request.url):
            raise FetchError(FORBIDDEN, _NO_HOST)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._answer(self._opened(), request, most)
        except TimeoutError:
            text = f"it has not answered within {self._timeout_s:g} s"
            raise FetchError(CONNECTION, text) from None
        except (aiohttp.ClientError, ValueError) as error:
            failed = failure_of(error, _REFUSED)
            text = f"it {failed.text}" if failed.kind in _ITS_DEEDS else failed.text
            raise FetchError(_CODES[failed.kind], text) from None
        except OSError as error:  # of `ca_file`, as ssl.SSLError is one
            raise FetchError(TLS, f"`ca_file` cannot be used: {os_words(error)}") from None

    async def _resolved(self, url: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await loop.getaddrinfo(host_of(url), None, type=socket.SOCK_STREAM)
        except (TimeoutError, OSError, UnicodeError):
            raise FetchError(NAME, "its name cannot be resolved") from None
        if not all(may_reach(str(info[4][0]), self._reach.allow) for info in found):
            raise FetchError(FORBIDDEN, _REFUSED)

    async def _answer(
        self, session: aiohttp.ClientSession, request: WebRequest, most: int
    ) -> tuple[bytes, str]:
        async with session.request(
            request.method,
            URL(request.url, encoded=True),  # as it is signed
            data=request.body or None,
            headers={"Accept-Encoding": "identity", **request.headers},
            allow_redirects=False,
        ) as response:
            if not 200 <= response.status < 300:
                text = f"it answered {response.status}"
                if 300 <= response.status < 400:
                    text += ": redirects are not followed"
                raise FetchError(STATUS, text)
            body = await read_at_most(response.content, most + 1)
            if len(body) > most:
                response.close()  # the rest is not read, so the connection cannot be kept
                raise FetchError(TOO_LONG, f"its answer is longer than {most} bytes")
            return body, response.content_type

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = http_session(
                ca_file=self._reach.ca_file,
                connections=_CONNECTIONS,
                socket_factory=guarded(self._reach.allow, _REFUSED),
            )
        return self._session
