"""One attempt to deliver an event, or a batch of them. Runs on the side loop of the webhooks.

The answer is its status line and headers: a body is read for the connection's sake only, not for
long, and not unpacked. Redirects are not followed; no cookies, no proxy of the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Final

import aiohttp

from sipua.outputs.hooks import answer, bodies
from sipua.outputs.hooks.answer import Answer
from sipua.outputs.hooks.settings import EndpointSettings
from sipua.process.web.addresses import guarded
from sipua.process.web.answers import failure_of, os_words
from sipua.process.web.session import http_session
from sipua.process.web.signing import Signer

_MOST_BODY_BYTES: Final = 65_536
_BODY_S: Final = 1.0
_REFUSED: Final = "this address may not be reached (`allow`)"


class Sender:
    """For one receiver; its connections are its own, because `allow` and `ca_file` are."""

    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings
        self._signer = Signer(*settings.secrets) if settings.secrets else None
        self._session: aiohttp.ClientSession | None = None

    async def send(self, events: Sequence[tuple[str, bytes]]) -> Answer:
        """`events`: id and document of each; several only where the receiver takes batches. Never
        raises, but CancelledError."""
        settings = self._settings
        try:
            session = self._opened()
        except OSError as error:  # as ssl.SSLError is one
            return Answer(cause=f"`ca_file` cannot be used: {os_words(error)}")
        if settings.batch:
            body = bodies.batch(document for _, document in events)
        else:
            ((_, document),) = events
            body = bodies.body(document, settings.format)
        try:
            async with asyncio.timeout(settings.timeout_s):
                response = await session.post(
                    settings.url,
                    data=body,
                    headers=self._headers(events, body),
                    allow_redirects=False,
                )
        except TimeoutError:
            return Answer(cause=f"no answer within {settings.timeout_s:g} s")
        except (aiohttp.ClientError, ValueError, OSError) as error:
            return Answer(cause=failure_of(error, _REFUSED).text)
        retry_after = response.headers.get("Retry-After", "")
        told = answer.of_status(response.status, retry_after, time.time())
        await _read_away(response)  # it has answered, whatever comes of its body
        return told

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _headers(self, events: Sequence[tuple[str, bytes]], body: bytes) -> dict[str, str]:
        now_s = int(time.time())
        if self._settings.batch:
            event_id = bodies.batch_id(one for one, _ in events)
            ours = {"Content-Type": bodies.BATCH_TYPE}
        else:
            event_id, document = events[0]
            ours = {"Content-Type": bodies.CONTENT_TYPES[self._settings.format]}
            ours |= bodies.headers(document)
        if self._signer is not None:
            ours |= self._signer.headers(event_id, now_s, body)
        else:
            ours |= {"webhook-id": event_id, "webhook-timestamp": str(now_s)}
        taken = {name.lower() for name in ours}  # a second one would be sent beside ours
        theirs = self._settings.headers.items()
        return ours | {name: value for name, value in theirs if name.lower() not in taken}

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = http_session(
                ca_file=self._settings.ca_file,
                connections=self._settings.parallel,
                socket_factory=guarded(self._settings.allow, _REFUSED),
            )
        return self._session


async def _read_away(response: aiohttp.ClientResponse) -> None:
    """So that the connection can be kept. One whose body is long or slow is closed."""
    left = _MOST_BODY_BYTES
    whole = False
    try:
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(_BODY_S):
                while left > 0 and (piece := await response.content.read(left)):
                    left -= len(piece)
                whole = left > 0
    finally:
        if not whole:
            response.close()
