"""The recording of a call, as a file: for administrators alone, and each time it is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import web
from pydantic import Field

from sipua.config import Config
from sipua.control.http.endpoint import Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.sending import send_file
from sipua.control.http.tokens import Right
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.resources.models import Query
from sipua.recording.files import finding

FILE: Final = "application/octet-stream"
_TYPES: Final = {".wav": "audio/wav", ".flac": "audio/flac", ".opus": "audio/ogg"}
_ID: Final = re.compile(r"c-[A-Za-z0-9-]{1,62}")


class RecordingQuery(Query):
    number: int = Field(default=1, ge=1, le=1000, description="The second one of a call is 2.")


class RecordingResource:
    def __init__(self, config: Config, link: EdgeLink, edge: EdgePort) -> None:
        self._directory = Path(config.recording.directory).expanduser()
        self._link = link
        self._edge = edge

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/calls/{id}/recording",
                "fetch_recording",
                "The recording of a call, once it is complete; of old calls, too.",
                self._fetch,
                Right.ADMIN,
                {200: None},
                query=RecordingQuery,
                problems=(Kind.NO_CALL, Kind.WRONG_STATE, Kind.EDGE_SILENT),
                media_type=FILE,
            ),
        )

    async def _fetch(self, asked: Asked) -> web.StreamResponse:
        call_id, number = asked.path["id"], asked.query.number
        if not _ID.fullmatch(call_id):  # it becomes the name of a file
            raise ProblemError(Kind.NO_CALL)
        found = await asyncio.to_thread(finding.find, self._directory, call_id, number)
        if found is None:
            raise ProblemError(Kind.NO_CALL, "there is no recording of it")
        if found.only_in:
            raise ProblemError(Kind.NO_CALL, f"it is in {found.only_in}, and not here any more")
        if found.growing:
            raise ProblemError(Kind.WRONG_STATE, "it is still being written")
        # Told first: what has left cannot be taken back.
        await self._link.ask(
            lambda: self._edge.recording_fetched(call_id, found.path.name, asked.by)
        )
        media_type = _TYPES.get(found.path.suffix, FILE)
        return await send_file(asked.request, found.path, media_type)
