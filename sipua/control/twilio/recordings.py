"""What documents have recorded of callers, for the agents that they belong to.

To listen takes the right to steer calls: who has it could have had them recorded. Each time it is
told, as it is of other recordings.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.sending import send_file
from sipua.control.http.tokens import Right
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.twilio.recordings import store
from sipua.twilio.recordings.store import Found
from sipua.twilio.rest import recording
from sipua.twilio.rest.resource import ROOT

WAV: Final = "audio/x-wav"
"""As Twilio calls it."""
_RECORDINGS: Final = f"{ROOT}/{{account}}/Recordings"

Handler = Callable[[Found, Asked], Awaitable[Answer | web.StreamResponse]]


class TwilioRecordings:
    def __init__(
        self, directory: Path, account_sid: str, url: str, link: EdgeLink, edge: EdgePort
    ) -> None:
        """`url`: what those of recordings begin with."""
        self._directory = directory
        self._account_sid = account_sid
        self._url = url
        self._link = link
        self._edge = edge

    def endpoints(self) -> Sequence[Endpoint]:
        operator = Right.OPERATOR
        return (
            self._endpoint("GET", "/{sid}.wav", "fetch", self._fetch, operator),
            self._endpoint("GET", "/{sid}.json", "show", self._show, Right.READONLY),
            self._endpoint("DELETE", "/{sid}.json", "delete", self._delete, operator),
            self._endpoint("GET", "/{sid}", "fetch", self._fetch, operator),
            self._endpoint("DELETE", "/{sid}", "delete", self._delete, operator),
        )

    def _endpoint(
        self, method: str, path: str, name: str, handler: Handler, right: Right
    ) -> Endpoint:
        async def handle(asked: Asked) -> Answer | web.StreamResponse:
            found = None
            if asked.path["account"] == self._account_sid:
                found = await asyncio.to_thread(store.find, self._directory, asked.path["sid"])
            if found is None:
                raise ProblemError(Kind.NOT_FOUND)
            return await handler(found, asked)

        return Endpoint(
            method,
            f"{_RECORDINGS}{path}",
            f"twilio_{name}_recording",
            "",
            handle,
            right,
            {},
            documented=False,
        )

    async def _show(self, found: Found, _: Asked) -> Answer:
        url = self._url + found.about.sid
        shown = recording.shown(found.about, self._account_sid, url=url)
        return Answer(json.dumps(shown).encode())

    async def _fetch(self, found: Found, asked: Asked) -> web.StreamResponse:
        # Told first: what has left cannot be taken back.
        call_id, name = found.about.call_id, found.path.name
        await self._link.ask(lambda: self._edge.recording_fetched(call_id, name, asked.by))
        return await send_file(asked.request, found.path, WAV)

    async def _delete(self, found: Found, _: Asked) -> Answer:
        await asyncio.to_thread(store.delete, found)
        return Answer(status=204)
