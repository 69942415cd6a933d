"""Call records of an edge: the journal and the databases behind it, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sipua.bridge.fault_owner import nothing
from sipua.events.stream import EventStream
from sipua.outputs.cdr.backlog import Backlog
from sipua.outputs.cdr.journal import Journal
from sipua.outputs.cdr.settings import CdrSettings
from sipua.outputs.cdr.sink import Sink, Store
from sipua.outputs.cdr.sqlite_store import SqliteStore


class CallRecords:
    def __init__(self, settings: CdrSettings | None, events: EventStream) -> None:
        """`settings` None: there are none."""
        self._events = events
        self._sinks = [] if settings is None else _sinks(settings)
        self._journal: Journal | None = None
        if settings is not None:
            self._journal = Journal(
                settings,
                events.node,
                on_written=self._wake,
                before_deleting=self._tell_unread,
            )
        self._unsubscribe: Callable[[], None] = nothing

    async def start(self) -> None:
        if self._journal is None:
            return
        self._unsubscribe = self._events.subscribe(self._journal.on_event)
        self._journal.start()
        for sink in self._sinks:
            sink.start()

    async def stop(self) -> None:
        """Behind the last event."""
        self._unsubscribe()
        if self._journal is not None:
            self._journal.stop()
        for sink in self._sinks:
            sink.stop()

    @property
    def sinks(self) -> Sequence[Sink]:
        """The databases."""
        return self._sinks

    def _wake(self) -> None:
        for sink in self._sinks:
            sink.wake()

    def _tell_unread(self, path: Path) -> None:
        for sink in self._sinks:
            sink.tell_unread(path)


def _sinks(settings: CdrSettings) -> list[Sink]:
    stores: list[Store] = []
    if settings.sqlite:
        stores.append(SqliteStore(settings.sqlite_file, keep_days=settings.keep_days))
    if settings.postgres:
        from sipua.outputs.cdr.postgres_store import PostgresStore  # noqa: PLC0415 - its library is an extra

        stores.append(PostgresStore(settings.postgres))
    return [Sink(store, Backlog(settings.directory, store.name)) for store in stores]
