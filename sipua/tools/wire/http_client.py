"""The HTTP client of webhooks: bounded answers, safe retries, one TLS context for all.

All of it runs on a `SideLoop`. docs/tools.md says what it costs the loop of the audio.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import aiohttp

from sipua.bridge.backoff import doubled_s, less_by_chance
from sipua.process.side_loop import SideLoop
from sipua.process.web.answers import named, read_at_most
from sipua.process.web.session import http_session
from sipua.process.web.signing import Signer

_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 5.0
_CONNECTIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Request:
    url: str = field(repr=False)
    method: str
    headers: Mapping[str, str] = field(repr=False)
    signer: Signer | None = field(repr=False)
    key: str
    """The same for every attempt: the receiver may see a call twice, and act once."""
    body: bytes = field(repr=False)
    timeout_s: float
    retries: int
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    more: bool
    """There was more than `most_bytes`."""
    attempts: int
    charset: str = "utf-8"

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode(self.charset, "replace")


class HttpError(Exception):
    """No answer came. `kind` is one word; `text` has no address, which may hold a key."""

    def __init__(self, kind: str, text: str, attempts: int) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.attempts = attempts


class HttpClient:
    """The client; `ca_file`: trusted with the system's certificates, for private networks."""

    def __init__(self, ca_file: str = "") -> None:
        self._ca_file = ca_file
        self._side = SideLoop("webhooks")
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Response:
        """Send a request. Raises HttpError."""
        return await self._side.run(self._send(request))

    async def warm_up(self) -> None:
        """Read the system's certificates, 20 ms and more, before the first call needs them."""
        await self._side.run(self._open())

    async def close(self) -> None:
        if self._session is not None:
            await self._side.run(self._session.close())
        await self._side.close()

    # --- on the side loop -------------------------------------------------------------------

    async def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = http_session(ca_file=self._ca_file, connections=_CONNECTIONS)
        return self._session

    async def _send(self, request: Request) -> Response:
        attempt = 0
        last = ""
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                session = await self._open()
                while True:
                    attempt += 1
                    pause_s = _pause_s(attempt)
                    response: Response | None = None
                    try:
                        response, asked_s = await self._attempt(session, request, attempt)
                    except _RetryableError as error:
                        again = HttpError(error.kind, error.text, attempt)
                    else:
                        if not _worth_another(response.status):
                            return response
                        again = HttpError("status", f"answered {response.status}", attempt)
                        pause_s = max(pause_s, asked_s)
                    in_time = asyncio.get_running_loop().time() + pause_s < deadline
                    if attempt > request.retries or not in_time:
                        if response is not None:
                            return response
                        raise again
                    last = f"; before that it {again.text}"
                    await asyncio.sleep(pause_s)
        except TimeoutError:
            text = f"did not answer within {request.timeout_s:g} s{last}"
            raise HttpError("timeout", text, attempt) from None
        except aiohttp.ClientError as error:
            raise HttpError("protocol", f"broke the protocol: {named(error)}", attempt) from None

    async def _attempt(
        self, session: aiohttp.ClientSession, request: Request, attempt: int
    ) -> tuple[Response, float]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/plain;q=0.9, */*;q=0.1",
            "Accept-Encoding": "identity",
            "Idempotency-Key": request.key,
            **request.headers,
        }
        if request.signer is not None:
            headers |= request.signer.headers(request.key, int(time.time()), request.body)
        try:
            async with session.request(
                request.method,
                request.url,
                data=request.body,
                headers=headers,
                allow_redirects=False,
            ) as response:
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise HttpError("encoding", "sent a compressed answer, unasked", attempt)
                body = await read_at_most(response.content, request.most_bytes + 1)
                more = len(body) > request.most_bytes
                if more:
                    response.close()  # the rest is not read, so the connection cannot be kept
                return (
                    Response(
                        response.status,
                        body[: request.most_bytes],
                        more,
                        attempt,
                        _charset(response),
                    ),
                    _retry_after_s(response),
                )
        except aiohttp.ClientConnectorCertificateError as error:
            text = f"has a certificate that is not trusted: {named(error.certificate_error)}"
            raise HttpError("tls", text, attempt) from None
        except aiohttp.ClientSSLError as error:
            raise HttpError("tls", f"refused TLS: {named(error.os_error)}", attempt) from None
        except aiohttp.ClientConnectorDNSError:
            raise _RetryableError("dns", "has a name that does not resolve") from None
        except aiohttp.ClientConnectorError as error:
            reason = error.os_error.strerror or type(error.os_error).__name__
            raise _RetryableError("connect", f"cannot be reached: {reason}") from None
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # A kept connection that the server had just closed: it has hardly read this request;
            # if it has, the key says that it was the same.
            raise _RetryableError("connect", "closed the connection without an answer") from None


class _RetryableError(Exception):
    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


def _worth_another(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500


def _pause_s(attempt: int) -> float:
    """The pause, doubled each time; random, so that many calls do not repeat at once."""
    return less_by_chance(
        doubled_s(_FIRST_PAUSE_S, attempt - 1, _LONGEST_PAUSE_S),
        random.random,  # no secret
    )


def _retry_after_s(response: aiohttp.ClientResponse) -> float:
    """Retry-After in seconds; a date is ignored."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), 60.0) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0


def _charset(response: aiohttp.ClientResponse) -> str:
    try:
        name = response.charset or "utf-8"
        b" ".decode(name, "replace")
    except LookupError:
        return "utf-8"
    return name
