"""The load generator's process: many callers, their signalling and their media."""

from __future__ import annotations

import contextlib
import gc
import socket
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from sipua.bench.common import clock
from sipua.bench.load.caller import Caller, Offer, call_id_of
from sipua.bench.load.setup_times import SetupTimes
from sipua.bench.replay.phones import Heard, Switchboard, TalkingPhone
from sipua.codecs.g711 import Law
from sipua.rtp.events import Address

_HOST = "127.0.0.1"
_SIP_READ = 8192


@dataclass(frozen=True, slots=True)
class Plan:
    edge: Address
    frames: list[bytes]
    rate: float
    run: str


@dataclass(frozen=True, slots=True)
class Add:
    """So many calls more."""

    calls: int


@dataclass(frozen=True, slots=True)
class State:
    """How the calls stand; Call-IDs of those that are up."""

    up: list[str]
    failed: dict[int, int]
    waiting: int


@dataclass(slots=True)
class Notes:
    """What was noted since the last report, by Call-ID."""

    heard: dict[str, Heard]
    setups: list[SetupTimes]
    """Of the calls that were begun."""
    wall: clock.WallClock
    max_late_ns: int


@dataclass(slots=True)
class _Call:
    caller: Caller
    phone: TalkingPhone
    setup: SetupTimes


def run(pipe: Connection, plan: Plan) -> None:
    """The process: Add, "state", "report", "hang up"; each is answered."""
    gc.disable()
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        _Generator(pipe, plan).run()


class _Generator:
    def __init__(self, pipe: Connection, plan: Plan) -> None:
        self._pipe = pipe
        self._plan = plan
        self._board = Switchboard()
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        clock.ask_for_stamps(self._sip)
        self._sip.bind((_HOST, 0))
        self._sip.setblocking(False)
        self._local = self._sip.getsockname()
        self._calls: dict[str, _Call] = {}
        self._wanted = 0
        self._reported = 0
        self._next_invite_s = 0.0
        self._wall = clock.WallClock()
        self._wall.mark()

    def run(self) -> None:
        self._board.watch(self._sip.fileno())
        self._board.watch(self._pipe.fileno())
        self._pipe.send("ready")
        while True:
            readable = self._board.run_once()
            now = time.monotonic()
            if self._sip.fileno() in readable:
                self._read_sip()
            if len(self._calls) < self._wanted and now >= self._next_invite_s:
                self._invite(now)
            for call in self._calls.values():
                if call.caller.deadline is not None:
                    self._send(call.caller.handle_timer(now))
            if self._pipe.fileno() in readable:
                self._told(self._pipe.recv(), now)

    def _told(self, message: object, now: float) -> None:
        if isinstance(message, Add):
            self._wanted += message.calls
            self._next_invite_s = now
            self._pipe.send("adding")
        elif message == "report":
            self._pipe.send(self._report())
        elif message == "hang up":
            for call in self._calls.values():
                call.phone.stop()
                self._send(call.caller.hang_up(now))
            self._pipe.send("hanging up")
        else:
            self._pipe.send(self._state())

    def _invite(self, now: float) -> None:
        number = len(self._calls)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((_HOST, 0))
        port = udp.getsockname()[1]
        phone = TalkingPhone(udp, Law.PCMU.silence, self._plan.frames, 0, 0xBE0000 + number)
        caller = Caller(
            number, self._local, self._plan.edge, Offer(_HOST, port), run=self._plan.run
        )
        self._board.add(phone)
        invite = caller.invite(now)
        self._calls[caller.call_id] = _Call(caller, phone, SetupTimes(time.monotonic_ns()))
        self._send(invite)
        self._next_invite_s += 1 / self._plan.rate

    def _read_sip(self) -> None:
        while True:
            try:
                message, stamps, _, _ = self._sip.recvmsg(_SIP_READ, clock.ANCILLARY_BYTES)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            call = self._calls.get(call_id_of(message))
            if call is None:
                continue
            before, progress = call.caller.state, call.caller.progress
            self._send(call.caller.receive(message))
            if call.caller.progress != progress:
                call.setup.answered(call.caller.progress, clock.stamp_ns(stamps))
            if before == "calling" and call.caller.state == "up":
                assert call.caller.media is not None
                call.phone.begin(call.caller.media, time.monotonic_ns() + 10_000_000)
                self._board.plan(call.phone)
            elif call.caller.state in ("over", "failed"):
                call.phone.stop()

    def _send(self, messages: list[bytes]) -> None:
        for message in messages:
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                self._sip.sendto(message, self._plan.edge)

    def _state(self) -> State:
        failed: dict[int, int] = {}
        for call in self._calls.values():
            if call.caller.state in ("failed", "over"):
                failed[call.caller.status] = failed.get(call.caller.status, 0) + 1
        up = [name for name, call in self._calls.items() if call.caller.state == "up"]
        return State(up, failed, self._wanted - len(up) - sum(failed.values()))

    def _report(self) -> Notes:
        self._wall.mark()
        notes = Notes(
            {name: call.phone.take() for name, call in self._calls.items()},
            [call.setup for call in list(self._calls.values())[self._reported :]],
            self._wall,
            self._board.max_late_ns,
        )
        self._wall = clock.WallClock()
        self._wall.mark()
        self._board.max_late_ns = 0
        self._reported = len(self._calls)
        return notes
