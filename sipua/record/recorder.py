"""The recorder of a call: its events in, its log lines and its file out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from structlog.typing import FilteringBoundLogger

from sipua.bridge.events import BridgeEvent
from sipua.log import logs
from sipua.record.conversation import ConversationRecord, Entry
from sipua.record.engine_facts import EngineFacts
from sipua.record.files import Complaints, RecordFile, RecordFiles
from sipua.record.settings import FileSettings, RecordSettings

# The fields of an entry that are logged at level info: small, and no spoken words.
_LOGGED: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "caller": ("turn.caller", ("turn", "item", "start_ms", "end_ms")),
    "agent": ("turn.agent", ("turn", "item", "start_ms", "end_ms", "played_ms", "of_ms", "cut")),
    "latency": (
        "turn.latency",
        (
            *("turn", "of", "total_ms", "endpointing_ms", "model_ms"),
            *("tools_ms", "outage_ms", "playout_ms"),
        ),
    ),
}
# The same at level warning: what the caller noticed.
_UNANSWERED: Final = ("turn", "waited_ms", "responses", "nudges", "outages", "failed")


class CallRecord:
    """The record of one call. The loop calls all methods."""

    def __init__(
        self,
        record: ConversationRecord,
        log: FilteringBoundLogger,
        facts: Mapping[str, Any],
        file: RecordFile | None = None,
        *,
        heard_ms: Callable[[], int] | None = None,
    ) -> None:
        """`heard_ms`: how much of the caller's audio the engine in use got."""
        self._record = record
        self._log = log
        self._file = file
        self._heard_ms = heard_ms
        self._loop = asyncio.get_running_loop()
        self._put(record.begin(facts))

    def feed(self, event: BridgeEvent, now: float) -> None:
        heard_ms = self._heard_ms() if self._heard_ms else None
        self._put(self._record.feed(event, now, heard_ms))

    def answered(self) -> None:
        self._put(self._record.answered(self._loop.time()))

    async def end(self, **outcome: object) -> None:
        """After the last event; on return the file is complete, if the disk allows it."""
        try:
            self._put(self._record.end(self._loop.time(), outcome))
        finally:
            if self._file is not None:
                await self._file.close()

    def abandon(self) -> None:
        """Give up: the call was not made; the file ends where it is."""
        if self._file is not None:
            self._file.end()

    def stats(self) -> dict[str, Any]:
        """The figures for `call.ended`."""
        figures: dict[str, Any] = {"conversation": self._record.summary()}
        return figures | ({"record": self._file.stats()} if self._file else {})

    def _put(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._log_entry(entry)
            if self._file is not None:
                self._file.add(msgspec.json.encode(entry))

    def _log_entry(self, entry: Entry) -> None:
        kind = entry["kind"]
        if kind in _LOGGED:
            event, names = _LOGGED[kind]
            self._log.info(event, **_of(entry, names))
        elif kind == "usage":
            used = {name: value for name, value in entry.items() if name not in ("kind", "at_ms")}
            self._log.info("engine.usage", **used)
        elif kind == "rate_limit":
            self._log.warning(
                "engine.rate_limit",
                **_of(entry, ("name", "remaining", "limit", "reset_s")),
                fix="less than a tenth is left: at 0 the vendor refuses answers",
            )
        elif kind == "turn" and entry["outcome"] == "unanswered":
            self._log.warning("turn.unanswered", **_of(entry, _UNANSWERED))
        if entry.get("text"):
            who = entry.get("who", "agent")
            self._log.debug("turn.text", who=who, **_of(entry, ("turn", "item", "text")))


class Records:
    """The records of all calls."""

    def __init__(self, settings: RecordSettings, files: FileSettings | None) -> None:
        """`files` None: log lines only."""
        self._settings = settings
        self._files = RecordFiles(files, Complaints()) if files else None

    def start(self) -> None:
        if self._files is not None:
            self._files.start()

    def stop(self) -> None:
        if self._files is not None:
            self._files.stop()

    def begin(
        self,
        call_id: str,
        engines: Mapping[str, EngineFacts],
        *,
        day: date,
        began_s: float | None = None,
        heard_ms: Callable[[], int] | None = None,
        **facts: object,
    ) -> CallRecord:
        """`engines`: all that this call may use, by name; `day`: the folder of its file; `began_s`:
        when the call began, by the loop's clock, if not now; `facts`: for its first line.
        """
        now = asyncio.get_running_loop().time()
        began_s = now if began_s is None else began_s
        wall = datetime.now(UTC) - timedelta(seconds=now - began_s)
        record = ConversationRecord(self._settings, engines, now=began_s, wall=wall)
        file = self._files.begin(call_id, day) if self._files else None
        about = {"call_id": call_id, **facts}
        try:
            return CallRecord(record, logs.bind_call(call_id), about, file, heard_ms=heard_ms)
        except Exception:
            if file is not None:
                file.end()
            raise


def _of(entry: Entry, names: Iterable[str]) -> dict[str, Any]:
    return {name: entry[name] for name in names if name in entry}
