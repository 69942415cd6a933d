"""An agent that was written for Asterisk's chan_websocket: it does everything that there is, in
order, and keeps what it was told. Whoever plays Asterisk is told the same.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from sipua.codecs.g711 import Law, encode
from support.media import audio

SAID_MS = 1000
SPEECH = encode(Law.PCMU, audio.tone(440, SAID_MS))
PIECE = 333  # of no whole frame
_WITHIN_S = 20.0

Told = tuple[str, dict[str, str]]
"""An event: its name, and its fields as text."""


@dataclass
class Visit:
    """One connection."""

    path: str
    subprotocol: str | None
    events: list[Told] = field(default_factory=list)
    heard: int = 0
    fault: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def names(self) -> list[str]:
        return [name for name, _ in self.events]


class ChannelAgent:
    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.visits: list[Visit] = []

    def serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        visit = Visit(connection.request.path, connection.subprotocol)
        self.visits.append(visit)
        try:
            self._talk(connection, visit)
        except (TimeoutError, ConnectionClosed) as error:
            visit.fault = repr(error)
        finally:
            visit.over.set()

    def _talk(self, connection: ServerConnection, visit: Visit) -> None:
        def tell(command: str, correlation_id: str = "") -> None:
            if self._as_json:
                fields = {"command": command}
                if correlation_id:
                    fields["correlation_id"] = correlation_id
                connection.send(json.dumps(fields))
            else:
                connection.send(f"{command} {correlation_id}".rstrip())

        def until(name: str, correlation_id: str = "") -> None:
            while True:
                message = connection.recv(_WITHIN_S)
                if isinstance(message, bytes):
                    visit.heard += len(message)
                    continue
                event = self._read(message)
                visit.events.append(event)
                if event[0] == name and event[1].get("correlation_id", "") == correlation_id:
                    return

        until("MEDIA_START")
        tell("ANSWER")
        tell("MARK_MEDIA", "start")
        until("MEDIA_MARK_PROCESSED", "start")
        tell("START_MEDIA_BUFFERING")
        for at in range(0, len(SPEECH), PIECE):
            connection.send(SPEECH[at : at + PIECE])
        tell("STOP_MEDIA_BUFFERING", "b1")
        tell("MARK_MEDIA", "m1")
        tell("REPORT_QUEUE_DRAINED")
        until("QUEUE_DRAINED")
        connection.send(SPEECH * 2)
        tell("MARK_MEDIA", "lost")
        tell("FLUSH_MEDIA")
        tell("MARK_MEDIA", "m2")
        until("MEDIA_MARK_PROCESSED", "m2")
        tell("GET_STATUS")
        until("STATUS")
        until("DTMF_END")
        tell("HANGUP")
        while True:  # until the other side closes
            connection.recv(_WITHIN_S)

    def _read(self, message: str) -> Told:
        if self._as_json:
            fields = json.loads(message)
            name = fields.pop("event")
            return name, {key: str(value) for key, value in fields.items()}
        name, *words = message.split(" ")
        if name.startswith("MEDIA_") and words and ":" not in words[0]:
            return name, {"correlation_id": " ".join(words)}
        return name, dict(word.partition(":")[::2] for word in words)


@contextmanager
def channel_agent(*, as_json: bool) -> Iterator[tuple[ChannelAgent, str]]:
    """The agent, and where it is."""
    agent = ChannelAgent(as_json=as_json)
    with serve(agent.serve, "127.0.0.1", 0, subprotocols=["media"]) as server:  # type: ignore[list-item]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield agent, f"ws://127.0.0.1:{server.socket.getsockname()[1]}/media"
        finally:
            server.shutdown()
            thread.join()
