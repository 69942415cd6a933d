"""The callers of a soak, a process: calls that come, talk for a while, and are forgotten."""

from __future__ import annotations

import contextlib
import gc
import random
import socket
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection

from sipua.bench.load.caller import Caller, Offer, call_id_of
from sipua.bench.load.edge import HOST
from sipua.bench.replay.phones import Switchboard, TalkingPhone
from sipua.codecs.g711 import Law
from sipua.rtp.events import Address

_SIP_READ = 8192
_SEED = 10
_COLLECT_EVERY = 500  # calls


@dataclass(frozen=True, slots=True)
class Plan:
    edge: Address
    frames: list[bytes]
    cps: float
    call_s: float
    """Mean; each call lasts from half to one and a half of it, the same in each run."""
    run: str


@dataclass(frozen=True, slots=True)
class Begin:
    """So many calls more."""

    calls: int


@dataclass(frozen=True, slots=True)
class State:
    ended: int
    up: int
    waiting: int
    """Neither up nor ended: not begun yet, ringing, or hanging up."""
    completed: int
    faults: dict[str, int]
    max_late_ns: int


@dataclass(slots=True)
class _Call:
    caller: Caller
    phone: TalkingPhone
    lasts_s: float
    until_s: float | None = None
    """When it hangs up; None: it is not up."""
    hung_up: bool = False


def run(pipe: Connection, plan: Plan) -> None:
    """The process: Begin and "state", each is answered by the State."""
    gc.disable()
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        _Callers(pipe, plan).run()


class _Callers:
    def __init__(self, pipe: Connection, plan: Plan) -> None:
        self._pipe = pipe
        self._plan = plan
        self._random = random.Random(_SEED)
        self._board = Switchboard()
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._sip.bind((HOST, 0))
        self._sip.setblocking(False)
        self._local = self._sip.getsockname()
        self._calls: dict[str, _Call] = {}
        self._wanted = 0
        self._begun = 0
        self._next_invite_s = 0.0
        self._ended = 0
        self._faults: Counter[str] = Counter()

    def run(self) -> None:
        self._board.watch(self._sip.fileno())
        self._board.watch(self._pipe.fileno())
        self._pipe.send("ready")
        while True:
            readable = self._board.run_once()
            now = time.monotonic()
            if self._sip.fileno() in readable:
                self._read_sip(now)
            if self._begun < self._wanted and now >= self._next_invite_s:
                self._invite(now)
            for call in list(self._calls.values()):
                self._check(call, now)
            if self._pipe.fileno() in readable:
                self._told(self._pipe.recv(), now)

    def _told(self, message: object, now: float) -> None:
        if isinstance(message, Begin):
            self._wanted += message.calls
            self._next_invite_s = now
        up = sum(call.until_s is not None for call in self._calls.values())
        state = State(
            ended=self._ended,
            up=up,
            waiting=self._wanted - self._ended - up,
            completed=self._ended - self._faults.total(),
            faults=dict(self._faults),
            max_late_ns=self._board.max_late_ns,
        )
        self._pipe.send(state)

    def _invite(self, now: float) -> None:
        self._begun += 1
        number = self._begun
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((HOST, 0))
        port = udp.getsockname()[1]
        phone = TalkingPhone(udp, Law.PCMU.silence, self._plan.frames, 0, 0xBE0000 + number)
        offer = Offer(HOST, port)
        caller = Caller(number, self._local, self._plan.edge, offer, run=self._plan.run)
        lasts_s = self._plan.call_s * self._random.uniform(0.5, 1.5)
        self._calls[caller.call_id] = _Call(caller, phone, lasts_s)
        self._board.add(phone)
        self._send(caller.invite(now))
        self._next_invite_s += 1 / self._plan.cps

    def _check(self, call: _Call, now: float) -> None:
        caller = call.caller
        if caller.deadline is not None:
            self._send(caller.handle_timer(now))
        if call.until_s is not None and now >= call.until_s:
            call.until_s = None
            call.hung_up = True
            call.phone.stop()
            self._send(caller.hang_up(now))
        if caller.state in ("over", "failed"):
            self._end(call)

    def _read_sip(self, now: float) -> None:
        while True:
            try:
                message, _ = self._sip.recvfrom(_SIP_READ)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            call = self._calls.get(call_id_of(message))
            if call is None:
                continue
            before = call.caller.state
            self._send(call.caller.receive(message))
            if before == "calling" and call.caller.state == "up":
                assert call.caller.media is not None
                call.until_s = now + call.lasts_s
                call.phone.begin(call.caller.media, time.monotonic_ns() + 10_000_000)
                self._board.plan(call.phone)

    def _end(self, call: _Call) -> None:
        call.phone.read()
        if fault := fault_of(call.caller, call.hung_up, len(call.phone.heard.sequence)):
            self._faults[fault] += 1
        self._board.remove(call.phone)
        call.phone.udp.close()
        del self._calls[call.caller.call_id]
        self._ended += 1
        if self._ended % _COLLECT_EVERY == 0:
            gc.collect()

    def _send(self, messages: list[bytes]) -> None:
        for message in messages:
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                self._sip.sendto(message, self._plan.edge)


def fault_of(caller: Caller, hung_up: bool, packets: int) -> str:
    """What was wrong with a call that has ended, in words; empty: nothing."""
    if not hung_up:
        if caller.state == "failed":
            words = "no answer to INVITE" if caller.status == 408 else f"INVITE: {caller.status}"
            return "200 without an audio line" if caller.status == 200 else words
        return "hung up by the edge"
    if caller.state == "failed":
        return "no answer to BYE"
    if caller.status not in (0, 200):
        return f"BYE: {caller.status}"
    return "" if packets else "no audio from the edge"
