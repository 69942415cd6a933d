"""The loop of a process that calls: one SIP socket, many phones, calls that begin at a rate.

What is noted of a call, and what the other end of the pipe is told, is the benchmark's own.
"""

from __future__ import annotations

import contextlib
import gc
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from sipua.bench.common import clock
from sipua.bench.load.caller import Caller, Offer, call_id_of
from sipua.bench.load.edge import HOST
from sipua.bench.replay.phones import Switchboard, TalkingPhone
from sipua.codecs.g711 import Law
from sipua.rtp.events import Address

_SIP_READ = 8192


@dataclass(frozen=True, slots=True)
class Plan:
    edge: Address
    frames: list[bytes]
    rate: float
    """New calls a second."""
    run: str


@dataclass(frozen=True, slots=True)
class Add:
    """So many calls more."""

    calls: int


@dataclass(slots=True)
class PlacedCall:
    caller: Caller
    phone: TalkingPhone


C = TypeVar("C", bound=PlacedCall)


class CallLoop(Generic[C]):
    def __init__(
        self, pipe: Connection, plan: Plan, make: Callable[[Caller, TalkingPhone], C]
    ) -> None:
        """`make`: a call whose INVITE is about to leave."""
        self.pipe = pipe
        self.board = Switchboard()
        self.calls: dict[str, C] = {}
        self.wanted = 0
        self._plan = plan
        self._make = make
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        clock.ask_for_stamps(self._sip)
        self._sip.bind((HOST, 0))
        self._sip.setblocking(False)
        self._local = self._sip.getsockname()
        self._begun = 0
        self._next_invite_s = 0.0

    def run(self) -> None:
        """Until the pipe is closed."""
        gc.disable()
        with contextlib.suppress(EOFError, KeyboardInterrupt):
            self._run()

    def add(self, message: Add, now: float) -> None:
        self.wanted += message.calls
        self._next_invite_s = now

    def send(self, messages: list[bytes]) -> None:
        for message in messages:
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                self._sip.sendto(message, self._plan.edge)

    # --- what a benchmark says of its calls -------------------------------------------------

    def told(self, message: object, now: float) -> None:
        """A message of the pipe; it is to be answered."""
        raise NotImplementedError

    def progressed(self, call: C, at_ns: int) -> None:
        """A higher status has answered its INVITE; `at_ns`: when the kernel had it."""

    def is_up(self, call: C, now: float) -> None:
        """It is answered, and its phone talks."""

    def is_over(self, call: C) -> None:
        """A message has ended it."""

    def check(self, call: C, now: float) -> None:
        """After each round."""

    # --- the loop ---------------------------------------------------------------------------

    def _run(self) -> None:
        self.board.watch(self._sip.fileno())
        self.board.watch(self.pipe.fileno())
        self.pipe.send("ready")
        while True:
            readable = self.board.run_once()
            now = time.monotonic()
            if self._sip.fileno() in readable:
                self._read_sip(now)
            if self._begun < self.wanted and now >= self._next_invite_s:
                self._invite(now)
            for call in list(self.calls.values()):
                if call.caller.deadline is not None:
                    self.send(call.caller.handle_timer(now))
                self.check(call, now)
            if self.pipe.fileno() in readable:
                self.told(self.pipe.recv(), now)

    def _invite(self, now: float) -> None:
        number = self._begun
        self._begun += 1
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((HOST, 0))
        port = udp.getsockname()[1]
        phone = TalkingPhone(udp, Law.PCMU.silence, self._plan.frames, 0, 0xBE0000 + number)
        offer = Offer(HOST, port)
        caller = Caller(number, self._local, self._plan.edge, offer, run=self._plan.run)
        self.board.add(phone)
        invite = caller.invite(now)
        self.calls[caller.call_id] = self._make(caller, phone)
        self.send(invite)
        self._next_invite_s += 1 / self._plan.rate

    def _read_sip(self, now: float) -> None:
        while True:
            try:
                message, stamps, _, _ = self._sip.recvmsg(_SIP_READ, clock.ANCILLARY_BYTES)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            call = self.calls.get(call_id_of(message))
            if call is None:
                continue
            before, progress = call.caller.state, call.caller.progress
            self.send(call.caller.receive(message))
            if call.caller.progress != progress:
                self.progressed(call, clock.stamp_ns(stamps))
            if before == "calling" and call.caller.state == "up":
                assert call.caller.media is not None
                call.phone.begin(call.caller.media, time.monotonic_ns() + 10_000_000)
                self.board.plan(call.phone)
                self.is_up(call, now)
            elif call.caller.state in ("over", "failed"):
                self.is_over(call)
