"""An edge with its API, and a client that asks as curl would."""

import json
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from support.calls.edge import Edge
from support.ports import LOOPBACK

RIGHTS = ("readonly", "operator", "admin")
TOKENS = {right: secrets.token_hex(24) for right in RIGHTS}


def api_config(**more: Any) -> dict[str, Any]:
    """Of `[api]`: a token for each right. `placing`: whom the admin's may call."""
    placing = more.pop("placing", None)
    tokens = [{"name": right, "token": TOKENS[right], "right": right} for right in RIGHTS]
    if placing is not None:
        tokens[-1]["place"] = placing
    return {"enabled": True, "port": 0, "requests_per_second": 1000, "tokens": tokens, **more}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """Of a problem."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        assert self.json["status"] == self.status
        return str(self.json["type"]).removeprefix("urn:sipua:problem:")


class Api:
    def __init__(self, edge: Edge, *, start: int = 1) -> None:
        """`start`: of the edge; each has a port of its own."""
        url = edge.wait_event("api.listening", count=start)["url"]
        self.url = str(url)
        self.port = int(url.rpartition(":")[2])

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        right: str = "admin",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """`right`: empty: without a token."""
        sent = dict(headers or {})
        if right:
            sent.setdefault("Authorization", f"Bearer {TOKENS[right]}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = HTTPConnection(LOOPBACK, self.port, timeout=20)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, names, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **more: Any) -> Any:
        reply = self.ask("GET", path, **more)
        assert reply.status == 200, reply.body
        return reply.json

    @contextmanager
    def events(self, query: str = "", last: str = "") -> Iterator[Callable[[], tuple[str, Any]]]:
        """The next event: its type, and its data."""
        headers = {"Authorization": f"Bearer {TOKENS['readonly']}"}
        if last:
            headers["Last-Event-ID"] = last
        connection = HTTPConnection(LOOPBACK, self.port, timeout=20)
        connection.request("GET", f"/v1/events{query}", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()

        def following() -> tuple[str, Any]:
            found: dict[str, str] = {}
            for _ in range(1000):
                line = answer.readline().decode().rstrip("\n")
                if not line and "data" in found:
                    return found["event"], json.loads(found["data"])
                name, _, value = line.partition(": ")
                found[name] = value
            raise AssertionError("no event within 1000 lines")

        try:
            yield following
        finally:
            connection.close()


def reader(port: int, query: str = "", *, buffer: int = 0) -> socket.socket:
    """A connection that follows events, and reads only when the test does."""
    sock = socket.socket()
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.settimeout(20)
    sock.connect((LOOPBACK, port))
    token = TOKENS["readonly"]
    head = f"GET /v1/events{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    sock.sendall(head.encode())
    return sock
