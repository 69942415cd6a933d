"""An agent behind Asterisk's chan_websocket that does what a test's script says.

It runs in threads of its own, beside an edge. All that it is told is checked against the protocol
as it comes, and kept with the time of its arrival.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from support.engine.threaded_server import Peer, ThreadedServer
from support.ports import LOOPBACK

Fields = dict[str, str]

_FIELDS: dict[str, set[str]] = {
    "MEDIA_START": {
        "connection_id",
        "channel",
        "channel_id",
        "format",
        "optimal_frame_size",
        "ptime",
    },
    "MEDIA_MARK_PROCESSED": {"correlation_id"},
    "MEDIA_BUFFERING_COMPLETED": {"correlation_id"},
    "DTMF_END": {"digit", "channel_id"},
    "MEDIA_XOFF": set(),
    "MEDIA_XON": set(),
    "QUEUE_DRAINED": set(),
}
_SMALL_BYTES = 4096  # of what the kernel takes for an agent that does not read


@dataclass(eq=False)
class Channel(Peer):
    """One connection, as its agent has it."""

    path: str
    told: list[tuple[float, str, Fields]] = field(default_factory=list)
    """All events, with the time of each by the wall clock, as the kernel stamps packets."""
    _heard: bytearray = field(default_factory=bytearray)
    _reads: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._reads.set()

    # What it says

    def tell(self, command: str, correlation_id: str = "") -> None:
        with contextlib.suppress(ConnectionClosed):
            self.connection.send(f"{command} {correlation_id}".rstrip())

    def say(self, audio: bytes, piece: int = 0) -> None:
        """In one message, or in pieces of so many bytes."""
        size = piece or len(audio)
        for begin in range(0, len(audio), size):
            with contextlib.suppress(ConnectionClosed):
                self.connection.send(audio[begin : begin + size])

    # What it is told

    @property
    def start(self) -> Fields:
        return self.wait_for("MEDIA_START")[0]

    def of(self, event: str) -> list[Fields]:
        return [fields for _, name, fields in list(self.told) if name == event]

    def marks(self) -> list[str]:
        return [fields["correlation_id"] for fields in self.of("MEDIA_MARK_PROCESSED")]

    def heard(self) -> bytes:
        with self._come:
            return bytes(self._heard)

    def time_of(self, event: str, number: int = 0) -> float:
        return [at for at, name, _ in list(self.told) if name == event][number]

    def wait(self, condition: Callable[[], object], timeout_s: float = 30) -> None:
        with self._come:
            self._come.wait_for(lambda: self.over.is_set() or condition(), timeout_s)
        assert condition(), [name for _, name, _ in self.told]

    def wait_for(self, event: str, count: int = 1, timeout_s: float = 30) -> list[Fields]:
        self.wait(lambda: len(self.of(event)) >= count, timeout_s)
        return self.of(event)

    def wait_heard(self, size: int) -> None:
        self.wait(lambda: len(self._heard) >= size)

    def wait_over(self, timeout_s: float = 60) -> None:
        assert self.over.wait(timeout_s)

    # The reader

    def stop_reading(self) -> None:
        """Nothing is read any more, and so no ping is answered; it can still say something."""
        self._reads.clear()

    def read_on(self) -> None:
        self._reads.set()

    def _take(self, message: str | bytes) -> None:
        now = time.time()
        self._reads.wait()
        if isinstance(message, bytes):
            if not self.told:
                self.faults.append("audio before MEDIA_START")
            with self._come:
                self._heard += message
                self._come.notify_all()
            return
        name, fields = _event(message)
        if set(fields) != _FIELDS.get(name) or (name == "MEDIA_START") is bool(self.told):
            self.faults.append(message[:300])
        with self._come:
            self.told.append((now, name, fields))
            self._come.notify_all()


def _event(message: str) -> tuple[str, Fields]:
    name, _, rest = message.partition(" ")
    if name in ("MEDIA_MARK_PROCESSED", "MEDIA_BUFFERING_COMPLETED"):
        return name, {"correlation_id": rest}
    return name, dict(word.partition(":")[::2] for word in rest.split())


Script = Callable[[Channel], None]
Answers = Callable[[int], HTTPStatus | None]


class ScriptedChannel(ThreadedServer[Channel]):
    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"ws://{self.address}/media"

    @property
    def channels(self) -> list[Channel]:
        return self.peers

    def channel(self, number: int = 0, timeout_s: float = 30) -> Channel:
        return self.peer(number, timeout_s)


@contextlib.contextmanager
def scripted_channel(
    script: Script,
    *,
    answers: Answers = lambda _number: None,
    accept_after_s: float = 0.0,
    small: bool = False,
) -> Iterator[ScriptedChannel]:
    """Run `script` for each call; when it returns, the agent closes the websocket: it hangs up.

    `answers`: what the upgrade with this number is refused with. `small`: what it does not read
    soon waits at the other side.
    """

    def on_request(connection: ServerConnection, request: Request) -> Response | None:
        agent.requests.append(request)
        stop.wait(accept_after_s)
        status = answers(len(agent.requests) - 1)
        return None if status is None else connection.respond(status, json.dumps("no"))

    def accept(connection: ServerConnection, request: Request, headers: dict[str, str]) -> Channel:
        return Channel(connection, headers, request.path)

    stop = threading.Event()
    agent = ScriptedChannel()
    listener = socket.create_server((LOOPBACK, 0))
    if small:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BYTES)
    with agent.serving(
        accept, script, on_request, close_timeout_s=0.5, subprotocol="media", listener=listener
    ):
        try:
            yield agent
        finally:
            stop.set()
            for channel in agent.channels:
                channel.read_on()
