"""One attempt to give spans to the collector: OTLP over HTTP. Runs on the side loop of the traces.

Redirects are not followed; no cookies, no proxy of the environment. The answer's body is read up to
a bound: it may say that some spans were refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import aiohttp

from sipua.outputs.hooks import answer
from sipua.outputs.traces.settings import TraceSettings
from sipua.process.web.session import http_session

_MOST_BODY_BYTES: Final = 65_536
_BODY_S: Final = 1.0
_AGAIN: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


@dataclass(frozen=True, slots=True)
class Outcome:
    ok: bool
    cause: str = ""
    """Why not, without the address, which may hold a key."""
    again: bool = False
    """It is worth another attempt."""
    retry_after_s: float | None = None
    body: bytes = b""


class Sender:
    def __init__(self, settings: TraceSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def send(self, body: bytes) -> Outcome:
        """Never raises, but CancelledError."""
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._send(body)
        except TimeoutError:
            cause = f"no answer within {self._settings.timeout_s:g} s"
            return Outcome(ok=False, cause=cause, again=True)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as error:
            return Outcome(ok=False, cause=f"TLS failed: {type(error).__name__}", again=True)
        except aiohttp.ClientConnectorDNSError:
            return Outcome(ok=False, cause="its name does not resolve", again=True)
        except aiohttp.ClientConnectorError as error:
            why = error.os_error.strerror or type(error.os_error).__name__
            return Outcome(ok=False, cause=f"cannot be reached: {why}", again=True)
        except (aiohttp.ClientError, ValueError, OSError) as error:
            cause = f"broke the connection: {type(error).__name__}"
            return Outcome(ok=False, cause=cause, again=True)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send(self, body: bytes) -> Outcome:
        headers = {"Content-Type": "application/x-protobuf", **self._settings.headers}
        async with self._opened().post(
            self._settings.endpoint, data=body, headers=headers, allow_redirects=False
        ) as response:
            retry_after = response.headers.get("Retry-After", "")
            told = answer.of_status(response.status, retry_after, time.time())
            said = await _body(response)
            return Outcome(told.ok, told.cause, response.status in _AGAIN, told.retry_after_s, said)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = http_session(ca_file=self._settings.ca_file, connections=1)
        return self._session


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """One that is long, slow or broken off is not read to its end: the spans are taken already."""
    found = b""
    with contextlib.suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_BODY_S):
            while piece := await response.content.read(_MOST_BODY_BYTES):
                found += piece
                if len(found) > _MOST_BODY_BYTES:
                    break
    if not response.content.at_eof():
        response.close()
    return found[:_MOST_BODY_BYTES]
