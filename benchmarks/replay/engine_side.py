"""The engine's side: the local agent as a process that notes when audio comes and goes.

It is the agent that `sipua serve` starts, with stamps around its conversations: of each append its
arrival (and a checksum of the message, by which a frame that we sent is known again), of each delta
the moment when it is handed to the websocket.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import ssl
import time
import zlib
from array import array
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

import uvloop

from sipua.bench.common import children
from sipua.bench.replay.engine_types import ENGINE_TYPES, EngineType
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server import conversations, server
from sipua.log import logs

_PAUSE_NS = 300_000_000  # between two deltas, from which on the later one begins another talk


@dataclass(slots=True)
class SessionRecord:
    """One session; times of the monotonic clock."""

    append_ns: array[int] = field(default_factory=lambda: array("q"))
    append_crc: array[int] = field(default_factory=lambda: array("q"))
    talk_ns: array[int] = field(default_factory=lambda: array("q"))
    """The first delta of each talk: there was a pause before it."""
    delta_ns: array[int] = field(default_factory=lambda: array("q"))

    def clear(self) -> None:
        for column in (self.append_ns, self.append_crc, self.talk_ns, self.delta_ns):
            del column[:]


_records: dict[str, SessionRecord] = {}


def stamped(kind: EngineType) -> type[Any]:
    """Its conversation, with stamps around it."""
    base: Any = kind.conversation

    class Stamped(base):  # type: ignore[misc]  # chosen at run time
        def receive(self, message: bytes | str, now: float) -> list[bytes]:
            if isinstance(message, bytes) and kind.is_append(message):
                record = _record(self, kind)
                record.append_ns.append(time.monotonic_ns())
                record.append_crc.append(zlib.crc32(kind.payload(message)))
            return self._stamped(super().receive(message, now))

        def handle_timer(self, now: float) -> list[bytes]:
            return self._stamped(super().handle_timer(now))

        def _stamped(self, events: list[bytes]) -> list[bytes]:
            deltas = sum(kind.is_delta(event) for event in events)
            if deltas:
                now, record = time.monotonic_ns(), _record(self, kind)
                if not record.delta_ns or now - record.delta_ns[-1] > _PAUSE_NS:
                    record.talk_ns.append(now)
                record.delta_ns.extend([now] * deltas)
            return events

    return Stamped


def _record(conversation: Any, kind: EngineType) -> SessionRecord:
    """By the name that the edge has for the session."""
    name = getattr(conversation, kind.session)
    return _records.setdefault(name, SessionRecord())


def run(pipe: Connection, settings: AgentSettings, certificate: str = "") -> None:
    """The process: sends its URL; "report" is answered by what was noted since the
    last one, of all sessions. `certificate`: with its key; for TLS."""
    logs.configure("error", "console")
    for kind in ENGINE_TYPES.values():
        vars(conversations)[kind.conversation.__name__] = stamped(kind)
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        vars(server)["listen"] = functools.partial(vars(server)["listen"], ssl=tls)
    with (
        contextlib.suppress(KeyboardInterrupt),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(pipe, settings, "wss" if certificate else "ws"))


async def _serve(pipe: Connection, settings: AgentSettings, scheme: str) -> None:
    over = asyncio.Event()

    def asked() -> None:
        try:
            pipe.recv()
            pipe.send(_records)
            for record in _records.values():
                record.clear()
        except (EOFError, OSError):
            over.set()

    async with server.AgentServer(settings) as agent:
        pipe.send(urlsplit(agent.url)._replace(scheme=scheme).geturl())
        gc.collect()
        gc.freeze()
        children.add_reader(pipe, asked)
        await over.wait()
        asyncio.get_running_loop().remove_reader(pipe.fileno())
