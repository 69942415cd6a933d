"""A server of certificates, over https, as each provider has one."""

import select
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.certificates import Authority
from support.ports import LOOPBACK


@dataclass
class Page:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    after_s: float = 0.0
    dribbles: bool = False
    """A byte now and then, without an end."""


class CertificateServer:
    """Up when the constructor returns."""

    def __init__(self, authority: Authority) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        owner, self._over = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append(self.path)
                owner._answer(self, owner.pages.get(self.path, Page(status=404)))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        own = authority.issue("certificates.test", file=f"https{self.port}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own.certificate, own.key)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def url(self, path: str, page: Page) -> str:
        self.pages[path] = page
        return f"https://{LOOPBACK}:{self.port}{path}"

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _answer(self, request: BaseHTTPRequestHandler, page: Page) -> None:
        if self._left(request, page.after_s):
            return
        try:
            request.send_response(page.status)
            for name, value in page.headers.items():
                request.send_header(name, value)
            if not page.dribbles:
                request.send_header("Content-Length", str(len(page.body)))
            request.end_headers()
            request.wfile.write(page.body)
            while page.dribbles and not self._left(request, 0.05):
                request.wfile.write(b"-")
        except OSError:
            pass  # the edge has heard enough

    def _left(self, request: BaseHTTPRequestHandler, within_s: float) -> bool:
        """Whether the client goes away within so long."""
        until = time.monotonic() + within_s
        while (left_s := until - time.monotonic()) > 0 and not self._over.is_set():
            if select.select([request.connection], [], [], min(left_s, 0.05))[0]:
                return True
        return self._over.is_set()
