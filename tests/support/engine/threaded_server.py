"""A websocket server whose connections run a test's script, in threads of their own."""

from __future__ import annotations

import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from support.ports import LOOPBACK


@dataclass(eq=False)
class Peer(ABC):
    """One connection. A script asks and says; a reader of its own keeps what comes."""

    connection: ServerConnection
    headers: dict[str, str]
    faults: list[str] = field(default_factory=list, kw_only=True)
    over: threading.Event = field(default_factory=threading.Event, kw_only=True)
    _come: threading.Condition = field(default_factory=threading.Condition, kw_only=True)

    @abstractmethod
    def _take(self, message: str | bytes) -> None:
        """A message has come."""

    def read(self) -> None:
        try:
            for message in self.connection:
                self._take(message)
        except ConnectionClosed:
            pass
        finally:
            with self._come:
                self.over.set()
                self._come.notify_all()


P = TypeVar("P", bound=Peer)


class ThreadedServer(Generic[P]):
    def __init__(self) -> None:
        self.address = ""
        self.peers: list[P] = []
        self.errors: list[BaseException] = []
        """Of scripts."""
        self._come = threading.Condition()

    def peer(self, number: int = 0, timeout_s: float = 30) -> P:
        with self._come:
            come = self._come.wait_for(lambda: len(self.peers) > number, timeout_s)
        assert come, "no connection has come"
        return self.peers[number]

    @contextlib.contextmanager
    def serving(
        self,
        accept: Callable[[ServerConnection, Request, dict[str, str]], P],
        script: Callable[[P], None],
        on_request: Callable[[ServerConnection, Request], Response | None],
        *,
        close_timeout_s: float = 10,
        subprotocol: str = "",
        listener: socket.socket | None = None,
    ) -> Iterator[None]:
        """Run `script` for each connection; when it returns, the server closes it. `subprotocol`:
        that clients must offer. `listener`: its socket, when it must have options."""

        def handle(connection: ServerConnection) -> None:
            request = connection.request
            assert request is not None
            peer = accept(connection, request, dict(request.headers.raw_items()))
            reader = threading.Thread(target=peer.read)
            reader.start()
            with self._come:
                self.peers.append(peer)
                self._come.notify_all()
            try:
                script(peer)
            except BaseException as error:
                self.errors.append(error)
                raise
            finally:
                connection.close()
                reader.join()

        own = listener or socket.create_server((LOOPBACK, 0))
        with serve(
            handle,
            sock=own,
            subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
            process_request=on_request,
            compression=None,
            close_timeout=close_timeout_s,
        ) as server:
            self.address = f"{LOOPBACK}:{server.socket.getsockname()[1]}"
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield
            finally:
                for peer in self.peers:
                    peer.connection.close()
                server.shutdown()
                thread.join()
        assert self.errors == []
        assert [fault for peer in self.peers for fault in peer.faults] == []
