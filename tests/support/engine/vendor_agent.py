"""A server in a vendor's part, for agents whose protocol the local agent does not speak.

It runs in threads of its own, beside an edge or a session of ours. Its `Dialect` checks all that it
is told as it comes, and all that it says; a script says what it does.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from support.engine import deepgram_types, elevenlabs_types
from support.engine.threaded_server import Peer, ThreadedServer

Message = dict[str, Any]
SIGNATURE = "&conversation_signature=cvtkn_secret"


class Dialect(Protocol):
    path: str

    def told(self, message: str | bytes, before: list[Message]) -> Message | bytes:
        """What the client says, checked: a message, or audio."""

    def say(self, type_: str, fields: Message) -> str:
        """What the server says, checked."""


class Deepgram:
    path = "/v1/agent/converse"

    def told(self, message: str | bytes, before: list[Message]) -> Message | bytes:
        if isinstance(message, bytes):
            assert before, "sound before Settings"
            return message
        content = deepgram_types.accepted_client_message(message)
        assert (content["type"] == "Settings") is (not before), "Settings is first, and once"
        return content

    def say(self, type_: str, fields: Message) -> str:
        message = json.dumps({"type": type_, **fields})
        deepgram_types.accepted_server_message(message)
        return message


class ElevenLabs:
    path = "/v1/convai/conversation"

    def told(self, message: str | bytes, before: list[Message]) -> Message | bytes:
        assert isinstance(message, str), "a binary message"
        content = elevenlabs_types.accepted_client_message(message)
        first = content.get("type") == "conversation_initiation_client_data"
        assert first is (not before), "the initiation is first, and once"
        chunk = content.get("user_audio_chunk")
        return content if chunk is None else base64.b64decode(chunk, validate=True)

    def say(self, type_: str, fields: Message) -> str:
        message = json.dumps({"type": type_, **fields})
        elevenlabs_types.accepted_server_message(message)
        return message


@dataclass(eq=False)
class Conversation(Peer):
    dialect: Dialect
    path: str
    messages: list[Message] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)
    """Of the caller."""

    def say(self, type_: str, **fields: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            self.connection.send(self.dialect.say(type_, fields))

    def say_raw(self, message: str | bytes) -> None:
        with contextlib.suppress(ConnectionClosed):
            self.connection.send(message)

    def of(self, type_: str) -> list[Message]:
        return [message for message in list(self.messages) if message["type"] == type_]

    def wait(self, condition: Callable[[], object], timeout_s: float = 30) -> None:
        with self._come:
            self._come.wait_for(lambda: self.over.is_set() or condition(), timeout_s)
        assert condition(), [message["type"] for message in self.messages]

    def wait_for(self, type_: str, count: int = 1) -> Message:
        self.wait(lambda: len(self.of(type_)) >= count)
        return self.of(type_)[count - 1]

    def wait_over(self, timeout_s: float = 60) -> None:
        assert self.over.wait(timeout_s)

    def _take(self, message: str | bytes) -> None:
        try:
            told = self.dialect.told(message, self.messages)
        except (AssertionError, LookupError, ValueError, TypeError) as error:
            self.faults.append(f"{error!r} in {message[:300]!r}")
            return
        with self._come:
            if isinstance(told, bytes):
                self.heard += told
            else:
                self.messages.append(told)
            self._come.notify_all()


Script = Callable[[Conversation], None]
Answers = Callable[[ServerConnection, Request], Response | None]


class VendorAgent(ThreadedServer[Conversation]):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"ws://{self.address}{self._path}"

    @property
    def conversations(self) -> list[Conversation]:
        return self.peers

    def conversation(self, number: int = 0, timeout_s: float = 30) -> Conversation:
        return self.peer(number, timeout_s)


@contextlib.contextmanager
def vendor_agent(
    dialect: type[Dialect], script: Script, *, answers: Answers | None = None
) -> Iterator[VendorAgent]:
    """Run `script` for each connection; when it returns, the server closes it. `answers`: the
    requests that get an answer of HTTP."""

    def on_request(connection: ServerConnection, request: Request) -> Response | None:
        agent.requests.append(request)
        return answers(connection, request) if answers is not None else None

    def accept(
        connection: ServerConnection, request: Request, headers: dict[str, str]
    ) -> Conversation:
        return Conversation(connection, headers, dialect(), request.path)

    agent = VendorAgent(dialect.path)
    with agent.serving(accept, script, on_request, close_timeout_s=0.5):
        yield agent


def signs(agent_of: Callable[[], VendorAgent], key: str, body: str | None = None) -> Answers:
    """The vendor's service, which signs the agent's address for who has the key."""

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        path, _, query = request.path.partition("?")
        if not path.endswith("/get-signed-url"):
            return None
        if request.headers.get("xi-api-key") != key:
            detail = {"detail": {"status": "invalid_api_key", "message": "Invalid API key"}}
            return connection.respond(HTTPStatus.UNAUTHORIZED, json.dumps(detail))
        signed = {"signed_url": f"{agent_of().url}?{query}{SIGNATURE}"}
        text = body if body is not None else json.dumps(signed)
        return Response(200, "OK", Headers({"Content-Length": str(len(text))}), text.encode())

    return answer
