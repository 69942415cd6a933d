"""The receiver of webhooks of a life, a process: it takes them, and at times it does not."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

from sipua.bench.load.edge import HOST

_ROUND_S = 60.0
_HANGS_S = 3.0
_MOODS = ((0.6, "takes"), (0.75, "500"), (0.85, "hangs"), (0.95, "closes"), (1.0, "takes"))
_IDLE_S = 20.0


def run(pipe: Connection, port: int) -> None:
    """The process: "go" (it fails at times), "rest" (it takes all) and "state"; each is answered by
    what it has done so far."""
    server = _Server((HOST, port), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        pipe.send("ready")
        while True:
            message = pipe.recv()
            server.moody = {"go": True, "rest": False}.get(message, server.moody)
            pipe.send(dict(server.done))


def mood(now: float) -> str:
    place = now % _ROUND_S / _ROUND_S
    return next(name for until, name in _MOODS if place < until)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    moody = False

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type] # passed on as they are
        self.done: Counter[str] = Counter()

    def handle_error(self, *_: object) -> None:
        """An edge that hangs up is no fault of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    server: _Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        now = mood(time.monotonic()) if self.server.moody else "takes"
        self.server.done[f"webhooks: receiver {now}"] += 1
        if now == "hangs":
            time.sleep(_HANGS_S)
        if now == "closes":
            self.close_connection = True
            return
        self.send_response(500 if now == "500" else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not a line for each."""
