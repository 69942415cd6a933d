"""An agent that speaks Twilio's Media Streams, as the well-known examples of such agents do.

It runs in threads of its own, beside an edge or a session of ours. All that it is told is checked
against the rules of the protocol as it comes, and kept with the time of its arrival.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from support.engine.threaded_server import Peer, ThreadedServer

_SIDS = {"accountSid": "AC", "callSid": "CA", "streamSid": "MZ"}
_DIGIT = re.compile(r"[0-9*#A-D]")


def check_sid(name: str, sid: str) -> None:
    assert re.fullmatch(_SIDS[name] + "[0-9a-f]{32}", sid), (name, sid)


@dataclass(eq=False)
class Stream(Peer):
    """One call, as its agent has it."""

    told: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    """All messages, with the time of each by the wall clock, as the kernel stamps packets."""
    _samples: int = 0
    _chunks: int = 0

    # What it says

    def send(self, event: str, **fields: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            self.connection.send(
                json.dumps({"event": event, "streamSid": self.start["streamSid"], **fields})
            )

    def say(self, mulaw: bytes, piece: int = 0) -> None:
        """In one message, or in pieces of so many bytes."""
        size = piece or len(mulaw)
        for begin in range(0, len(mulaw), size):
            payload = base64.b64encode(mulaw[begin : begin + size]).decode()
            self.send("media", media={"payload": payload})

    def mark(self, name: str) -> None:
        self.send("mark", mark={"name": name})

    def clear(self) -> None:
        self.send("clear")

    # What it is told

    @property
    def start(self) -> dict[str, Any]:
        found: dict[str, Any] = self.wait_for("start")[0]["start"]
        return found

    def of(self, event: str) -> list[dict[str, Any]]:
        return [message for _, message in list(self.told) if message["event"] == event]

    def marks(self) -> list[str]:
        return [message["mark"]["name"] for message in self.of("mark")]

    def digits(self) -> str:
        return "".join(message["dtmf"]["digit"] for message in self.of("dtmf"))

    def heard(self) -> bytes:
        pieces = (message["media"]["payload"] for message in self.of("media"))
        return b"".join(base64.b64decode(piece, validate=True) for piece in pieces)

    def time_of(self, event: str, number: int = 0) -> float:
        return [at for at, message in self.told if message["event"] == event][number]

    def wait_for(self, event: str, count: int = 1, timeout_s: float = 30) -> list[dict[str, Any]]:
        def come() -> bool:
            return len(self.of(event)) >= count

        with self._come:
            self._come.wait_for(lambda: come() or self.over.is_set(), timeout_s)
        assert come(), f"no {event} number {count}: {[e for _, e in self.told][-5:]}"
        return self.of(event)

    # The reader

    def _take(self, message: str | bytes) -> None:
        now = time.time()
        read = json.loads(message)
        try:
            assert isinstance(message, str), "a binary frame"
            self._check(read)
        except (AssertionError, LookupError, ValueError, TypeError) as error:
            self.faults.append(f"{error!r} in {message[:300]!r}")
        with self._come:
            self.told.append((now, read))
            self._come.notify_all()

    def _check(self, read: dict[str, Any]) -> None:
        event, before = read["event"], len(self.told)
        if before == 0:
            assert read == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
            return
        assert read["sequenceNumber"] == str(before)
        assert event == "start" if before == 1 else event in ("media", "dtmf", "mark", "stop")
        assert set(read) == {"event", "sequenceNumber", "streamSid", event}
        check_sid("streamSid", read["streamSid"])
        assert not self.of("stop"), "a message after stop"
        about = read[event]
        if event == "start":
            assert set(about) == {
                "accountSid",
                "callSid",
                "streamSid",
                "tracks",
                "mediaFormat",
                "customParameters",
            }
            for name in _SIDS:
                check_sid(name, about[name])
            assert about["tracks"] == ["inbound"]
            form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
            assert about["mediaFormat"] == form
            assert all(isinstance(value, str) for value in about["customParameters"].values())
            return
        start = self.told[1][1]["start"]
        assert read["streamSid"] == start["streamSid"]
        if event == "media":
            audio = base64.b64decode(about["payload"], validate=True)
            self._chunks += 1
            self._samples += len(audio)
            assert about["track"] == "inbound"
            assert about["chunk"] == str(self._chunks)
            assert about["timestamp"] == str(self._samples // 8)
        elif event == "dtmf":
            assert about["track"] == "inbound_track"
            assert _DIGIT.fullmatch(about["digit"])
        elif event == "mark":
            assert set(about) == {"name"}
        elif event == "stop":
            assert about == {name: start[name] for name in ("accountSid", "callSid")}


Script = Callable[[Stream], None]


class StreamAgent(ThreadedServer[Stream]):
    @property
    def url(self) -> str:
        return f"ws://{self.address}/stream"

    @property
    def streams(self) -> list[Stream]:
        return self.peers

    def stream(self, number: int = 0, timeout_s: float = 30) -> Stream:
        return self.peer(number, timeout_s)


@contextlib.contextmanager
def stream_agent(
    script: Script,
    *,
    accept_after_s: float = 0.0,
    admits: Callable[[Request, str], bool] = lambda request, url: True,
) -> Iterator[StreamAgent]:
    """Run `script` for each call; when it returns, the agent closes the stream: it hangs up.
    `admits`: whether an upgrade is accepted; gets the URL that was asked for."""

    def on_request(connection: ServerConnection, request: Request) -> Response | None:
        stop.wait(accept_after_s)
        if admits(request, f"ws://{agent.address}{request.path}"):
            return None
        return connection.respond(HTTPStatus.FORBIDDEN, "not signed\n")

    def accept(connection: ServerConnection, _request: Request, headers: dict[str, str]) -> Stream:
        return Stream(connection, headers)

    stop = threading.Event()
    agent = StreamAgent()
    with agent.serving(accept, script, on_request):
        try:
            yield agent
        finally:
            stop.set()
