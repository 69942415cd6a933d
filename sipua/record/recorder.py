"""The recorder of a call: its bridge's events in, its turns as events and its file out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

from sipua.bridge.events import BridgeEvent
from sipua.events import call_events, engine_events
from sipua.events.event import Event
from sipua.record.conversation import ConversationRecord, Entry
from sipua.record.engine_facts import EngineFacts
from sipua.record.files import Complaints, RecordFile, RecordFiles
from sipua.record.settings import FileSettings, RecordSettings

# The entries that are events as well: small, and without words.
_EVENTS: Final[Mapping[str, type[Event]]] = {
    "caller": call_events.TurnCaller,
    "agent": call_events.TurnAgent,
    "latency": call_events.TurnLatency,
    "usage": engine_events.EngineUsage,
    "rate_limit": engine_events.RateLimit,
}


class CallRecord:
    """The record of one call. The loop calls all methods."""

    def __init__(
        self,
        record: ConversationRecord,
        tell: Callable[[Event], None],
        facts: Mapping[str, Any],
        file: RecordFile | None = None,
        *,
        heard_ms: Callable[[], int] | None = None,
    ) -> None:
        """`heard_ms`: how much of the caller's audio the engine in use got."""
        self._record = record
        self._tell = tell
        self._file = file
        self._heard_ms = heard_ms
        self._loop = asyncio.get_running_loop()
        self._put(record.begin(facts))

    def feed(self, event: BridgeEvent, now: float) -> None:
        heard_ms = self._heard_ms() if self._heard_ms else None
        self._put(self._record.feed(event, now, heard_ms))

    def answered(self) -> None:
        self._put(self._record.answered(self._loop.time()))

    def agent_begins(self, engines: Mapping[str, EngineFacts]) -> None:
        """Another agent, with these engines, has the call from now on."""
        self._record.agent_begins(self._loop.time(), engines)

    def note(self, kind: str, **fields: Any) -> None:
        """An entry of what is no event of the bridge."""
        self._put(self._record.note(kind, self._loop.time(), fields))

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
            self._tell_entry(entry)
            if self._file is not None:
                self._file.add(msgspec.json.encode(entry))

    def _tell_entry(self, entry: Entry) -> None:
        kind = entry["kind"]
        if told := _EVENTS.get(kind):
            self._tell(_of(entry, told))
        elif kind == "turn" and entry["outcome"] == "unanswered":
            self._tell(_of(entry, call_events.TurnUnanswered))
        if entry.get("text"):
            who = entry.get("who", "agent")
            self._tell(_of(entry | {"who": who}, call_events.TurnText))


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
        tell: Callable[[Event], None],
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
            return CallRecord(record, tell, about, file, heard_ms=heard_ms)
        except Exception:
            if file is not None:
                file.end()
            raise


def _of(entry: Entry, kind: type[Event]) -> Event:
    """The event of this kind, of those fields of the entry that it has."""
    known = {name: entry[name] for name in kind.__struct_fields__ if name in entry}
    return kind(**known)
