"""What systemd is told of this edge: ready, stopping, how many calls; and that its loop runs.

The protocol is sd_notify's: datagrams to the socket that `NOTIFY_SOCKET` names. With `WatchdogSec=`
in the unit, an edge whose loop stands still is ended and started again.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Final

from sipua.bridge.fault_owner import FaultOwner
from sipua.events.stream import EventStream, Happened
from sipua.log import logs

STATUS_EVERY_S: Final = 5.0


class ServiceManager:
    """`calls` counts those that are up. It is asked at each status."""

    def __init__(
        self, address: str, watchdog_s: float | None, events: EventStream, calls: Callable[[], int]
    ) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._every_s = min(STATUS_EVERY_S, watchdog_s / 3) if watchdog_s else STATUS_EVERY_S
        self._watched = watchdog_s is not None
        self._events = events
        self._calls = calls
        self._draining = False
        self._status = ""
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._unsubscribe = self._events.subscribe(self._read)
        self._task = FaultOwner().task(self._repeat(), "service_manager")

    async def stop(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
        if self._socket is not None:
            self._socket.close()

    async def _repeat(self) -> None:
        while True:
            if self._watched:
                self._send("WATCHDOG=1")
            if self._status:  # listening
                self._say_status()
            await asyncio.sleep(self._every_s)

    def _read(self, happened: Happened) -> None:
        match happened.told.type:
            case "edge.listening":
                self._send("READY=1")
                self._say_status()
            case "edge.draining":
                # It may last longer than TimeoutStopSec, and may be taken back: not STOPPING yet.
                self._draining = True
                self._say_status()
            case "edge.stopped":
                self._send("STOPPING=1")
            case "edge.drain_ended":
                self._draining = False
                self._say_status()

    def _say_status(self) -> None:
        calls = self._calls()
        status = f"{calls} call{'' if calls == 1 else 's'}{', draining' if self._draining else ''}"
        if status != self._status:
            self._status = status
            self._send(f"STATUS={status}")

    def _send(self, state: str) -> None:
        assert self._socket is not None
        try:
            self._socket.sendto(state.encode(), self._address)
        except OSError as error:
            logs.get().debug("service_manager.not_told", state=state, error=str(error))


def service_manager(
    environment: MutableMapping[str, str], events: EventStream, calls: Callable[[], int]
) -> ServiceManager | None:
    """None: nothing of systemd's started this process. The variables are taken away, so that no
    child speaks for us."""
    address = environment.pop("NOTIFY_SOCKET", "")
    microseconds = environment.pop("WATCHDOG_USEC", "")
    of_process = environment.pop("WATCHDOG_PID", "") or str(os.getpid())
    if not address.startswith(("/", "@")):
        return None
    watched = microseconds.isascii() and microseconds.isdigit() and of_process == str(os.getpid())
    watchdog_s = int(microseconds) / 1e6 if watched else None
    return ServiceManager(address, watchdog_s or None, events, calls)
