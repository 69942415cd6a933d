"""The record of a call, as JSON lines: what docs/records.md describes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from sipua.config import Config
from sipua.control.http.endpoint import LINES, Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right
from sipua.record import reading

LARGEST = 32_000_000
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class RecordResource:
    def __init__(self, config: Config) -> None:
        record = config.record
        self._directory = Path(record.directory).expanduser() if record.enabled else None

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/calls/{id}/record",
                "read_record",
                "The record of a call, as far as it is written; of old calls, too.",
                self._read,
                Right.OPERATOR,
                {200: None},
                problems=(Kind.NO_CALL, Kind.NOT_FOUND),
                media_type=LINES,
            ),
        )

    async def _read(self, asked: Asked) -> Answer:
        call_id = asked.path["id"]
        if self._directory is None:
            raise ProblemError(Kind.NOT_FOUND, "record.enabled is not set: no records are written")
        if not _ID.fullmatch(call_id):  # it becomes the name of a file
            raise ProblemError(Kind.NO_CALL)
        return Answer(await asyncio.to_thread(_load, self._directory, call_id))


def _load(directory: Path, call_id: str) -> bytes:
    try:
        with reading.find_id(directory, call_id).open("rb") as file:
            return file.read(LARGEST)
    except (reading.NoRecordError, OSError):
        raise ProblemError(Kind.NO_CALL, "there is no record of it") from None
