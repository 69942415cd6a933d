"""The socket and the clock of the search for our public address.

The socket is one of its own: pjsip reads those of signalling. So the address is what is learnt, and
not the port: a NAT in front of an edge forwards the ports of SIP and RTP as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from sipua.rtp.events import Address
from sipua.rtp.hostport import is_address
from sipua.sip.nat import stun
from sipua.sip.nat.search import RETRY_S, Ask, Failed, Learned, Search, Step

Resolve = Callable[[str], Awaitable[Sequence[str]]]


class StunClient(asyncio.DatagramProtocol):
    """`tell` gets Learned and Failed, on the loop."""

    def __init__(
        self,
        servers: Sequence[Address],
        bound: str,
        resolve: Resolve,
        tell: Callable[[Learned | Failed], None],
        *,
        refresh_s: float,
    ) -> None:
        """`bound`: the address that is asked from; that of signalling."""
        self.servers = servers
        self._bound = bound
        self._resolve = resolve
        self._tell = tell
        self._search = Search(
            len(servers),
            lambda: secrets.token_bytes(stun.TRANSACTION_BYTES),
            refresh_s=refresh_s,
        )
        self._asked: Address | None = None
        """Where the present answer has to come from."""
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None
        self._steps: deque[Step] = deque()
        """Of what has come; an answer makes two at most."""
        self._first = asyncio.Event()
        self._woken = asyncio.Event()

    async def start(self, first_s: float) -> None:
        """Begin, and wait for the first outcome, at most `first_s`. OSError: no socket."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self._bound, 0)
        )
        self._task = asyncio.create_task(self._run())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(first_s):
                await self._first.wait()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()

    @property
    def address(self) -> str:
        """As far as it is known."""
        return self._search.address

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if addr[:2] == self._asked:
            self._steps += self._search.receive(data, time.monotonic())
            self._woken.set()

    def error_received(self, exc: Exception) -> None:
        """ICMP: the search goes on to another server by itself."""

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._do_all()
            except Exception as error:  # noqa: BLE001 (the search goes on; what is known holds)
                self._tell(Failed(f"{type(error).__name__}: {error}"))
                await asyncio.sleep(RETRY_S)
            delay_s = max(0.0, self._search.due - time.monotonic())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._woken.wait()

    async def _do_all(self) -> None:
        self._steps += self._search.handle_timer(time.monotonic())
        while self._steps:
            step = self._steps.popleft()
            if isinstance(step, Ask):
                await self._ask(step)
            else:
                self._first.set()
                self._tell(step)

    async def _ask(self, step: Ask) -> None:
        assert self._transport is not None
        host, port = self.servers[step.server]
        addresses: Sequence[str] = [host] if is_address(host) else await self._resolve(host)
        usable = next((one for one in addresses if ":" not in one), None)
        if usable is None:
            cause = f"{host} has no IPv4 address that is known"
            self._steps += self._search.unreachable(cause, time.monotonic())
            return
        self._asked = usable, port
        self._transport.sendto(step.datagram, self._asked)
