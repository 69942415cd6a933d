"""Tells a web server that streams to agents begin and end, as Twilio's `statusCallback` does.

It is told beside the call: nothing waits for it, and what is lost is logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

import structlog
from structlog.typing import FilteringBoundLogger

from sipua.bridge.engines.twilio_stream import signature
from sipua.bridge.engines.twilio_stream.user_agent import USER_AGENT
from sipua.tools.wire.http_client import HttpClient, HttpError, Request

TIMEOUT_S: Final = 5.0
RETRIES: Final = 1
MOST_WAITING: Final = 200
"""Requests at once; a server that answers none of them holds no more."""

Tell = Callable[[Mapping[str, str]], None]


class StreamStatus:
    """One worker's. `close` leaves what is on its way a moment."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._client = HttpClient()
        self._waiting: set[asyncio.Task[None]] = set()
        self._log: FilteringBoundLogger = structlog.get_logger("sipua.engine")

    def to(self, url: str, auth_token: str, call_id: str) -> Tell:
        """For one call: a function that takes what a stream says of itself, and never waits."""

        def tell(form: Mapping[str, str]) -> None:
            log = self._log.bind(call_id=call_id, event_told=form["StreamEvent"])
            if len(self._waiting) >= MOST_WAITING:
                log.warning("twilio.status_lost", kind="too_many", waiting=len(self._waiting))
                return
            stamped = {**form, "Timestamp": self._clock().isoformat(timespec="milliseconds")}
            task = asyncio.get_running_loop().create_task(
                self._send(_request(url, auth_token, stamped), log)
            )
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

        return tell

    async def close(self) -> None:
        if self._waiting:
            await asyncio.wait(self._waiting, timeout=TIMEOUT_S)
        for task in self._waiting:
            task.cancel()
        await self._client.close()

    async def _send(self, request: Request, log: FilteringBoundLogger) -> None:
        try:
            response = await self._client.send(request)
        except HttpError as error:
            log.warning(
                "twilio.status_lost", kind=error.kind, error=error.text, attempts=error.attempts
            )
            return
        if not response.ok:
            log.warning(
                "twilio.status_lost",
                kind="status",
                status=response.status,
                attempts=response.attempts,
            )


def _request(url: str, auth_token: str, form: Mapping[str, str]) -> Request:
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "User-Agent": USER_AGENT,
    }
    if auth_token:
        headers[signature.HEADER] = signature.signature(auth_token, url, form)
    return Request(
        url=url,
        method="POST",
        headers=headers,
        signer=None,
        key=f"{form['StreamSid']}_{form['StreamEvent']}",
        body=urlencode(form).encode(),
        timeout_s=TIMEOUT_S,
        retries=RETRIES,
        most_bytes=1024,
    )
