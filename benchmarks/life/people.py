"""The people of a life, a process: callers of all kinds, kept at a number, and called ones."""

from __future__ import annotations

import contextlib
import gc
import random
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from sipua.bench.life.leg import Leg, called
from sipua.bench.life.parts import KINDS, LONGEST_USUAL_S, PRESSES_AT_S, TARGETS, Act, Kind, Target
from sipua.bench.life.party import Party, fault_of
from sipua.bench.life.phone import KeyPhone
from sipua.bench.load.caller import Offer, call_id_of
from sipua.bench.load.edge import HOST
from sipua.bench.replay.phones import Switchboard
from sipua.codecs.g711 import Law
from sipua.rtp.events import Address
from sipua.rtp.hostport import join

_SIP_READ = 8192
_SEED = 50
_EXCUSED_S = 8.0
"""Calls that begin so soon after a worker's end may meet it, too."""
_LONGEST_S = 150.0
"""No kind lasts so long: a leg that is still there is a fault."""
_PLACE_S = 30.0
NEVER_CAME = "placed: no INVITE came"
_TIDY_S = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    edge: Address
    port: int
    """Where people are called."""
    frames: list[bytes]
    rate: float
    """New calls a second, at most."""
    run: str


@dataclass(frozen=True, slots=True)
class Keep:
    """So many calls up; 0: no new ones."""

    calls: int


@dataclass(frozen=True, slots=True)
class Once:
    """A call of each kind more."""


@dataclass(frozen=True, slots=True)
class Excuse:
    """A worker was killed: whatever becomes of its calls is no fault; nor of calls that are in no
    worker yet, and of those that begin before it is seen to be gone.
    """

    elsewhere: frozenset[str]
    """The calls of the other workers, by their Call-ID: these go on as if nothing was."""


@dataclass(frozen=True, slots=True)
class State:
    begun: int
    ended: int
    up: int
    legs: int
    """Those whom the edge has called for others."""
    kinds: dict[str, tuple[int, int, int]]
    """Begun, well, excused."""
    faults: dict[str, int]
    place: tuple[str, ...]
    """Kinds that the operator is to place a call of."""
    max_late_ns: int


@dataclass(slots=True)
class _Tally:
    begun: int = 0
    well: int = 0
    excused: int = 0


@dataclass(slots=True)
class _Deck:
    """Kinds in a mixed order, each as often as it weighs."""

    chance: random.Random
    cards: list[str] = field(default_factory=list)

    def draw(self) -> str:
        if not self.cards:
            self.cards = [name for name, kind in KINDS.items() for _ in range(kind.weight)]
            self.chance.shuffle(self.cards)
        return self.cards.pop()


def run(pipe: Connection, plan: Plan) -> None:
    """The process: Keep, Once, Excuse and "state"; each is answered by the State."""
    gc.disable()
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        _People(pipe, plan).run()


class _People:
    def __init__(self, pipe: Connection, plan: Plan) -> None:
        self._pipe = pipe
        self._plan = plan
        self._board = Switchboard()
        self._chance = random.Random(_SEED)
        self._deck = _Deck(self._chance)
        self._parties: dict[str, Party] = {}
        self._tallies = {name: _Tally() for name in KINDS}
        self._faults: Counter[str] = Counter()
        self._keep = 0
        self._number = 0
        self._ended = 0
        self._next_s = 0.0
        self._excused_until_s = 0.0
        self._to_place: list[str] = []
        self._placing: list[float] = []
        """When calls that are asked for, and have not come, are given up."""
        self._once: list[str] = []
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._sip.bind((HOST, plan.port))
        self._sip.setblocking(False)
        self._local: Address = (HOST, plan.port)

    def run(self) -> None:
        """Until the pipe is closed."""
        self._board.watch(self._sip.fileno())
        self._board.watch(self._pipe.fileno())
        self._pipe.send("ready")
        tidy_s = 0.0
        while True:
            readable = self._board.run_once()
            now = time.monotonic()
            if self._sip.fileno() in readable:
                self._read_sip(now)
            if now >= self._next_s and (name := self._wanted(now)):
                self._next_s = now + 1 / self._plan.rate
                self._begin(name, now)
            for party in list(self._parties.values()):
                if (due := party.leg.deadline) is not None and now >= due:
                    self._send(party.leg.handle_timer(now))
                self._live(party, now)
            if now >= tidy_s:
                tidy_s = now + _TIDY_S
                for party in self._parties.values():
                    party.phone.forget()
                gc.collect(0)
            if self._pipe.fileno() in readable:
                self._told(self._pipe.recv(), now)

    def _told(self, message: object, now: float) -> None:
        match message:
            case Keep(wanted):
                self._keep = wanted
                self._next_s = now
                for party in self._parties.values() if not wanted else ():
                    party.lasts_s = min(party.lasts_s, LONGEST_USUAL_S)
            case Once():
                self._once += [
                    name for name, kind in KINDS.items() if kind.lasts_s[0] < LONGEST_USUAL_S
                ]
            case Excuse(elsewhere):
                self._excused_until_s = now + _EXCUSED_S
                for call_id, party in self._parties.items():
                    party.excused |= call_id not in elsewhere
        calls = [one for one in self._parties.values() if one.kind is not None]
        place, self._to_place = tuple(self._to_place), []
        self._pipe.send(
            State(
                begun=sum(one.begun for one in self._tallies.values()),
                ended=self._ended,
                up=len(calls) + len(self._once) + len(self._placing),
                legs=len(self._parties) - len(calls),
                kinds={
                    name: (one.begun, one.well, one.excused) for name, one in self._tallies.items()
                },
                faults=dict(self._faults),
                place=place,
                max_late_ns=self._board.max_late_ns,
            )
        )

    # --- calls begin ------------------------------------------------------------------------

    def _wanted(self, now: float) -> str:
        """The kind of the call to begin now; empty: none."""
        for until in [one for one in self._placing if now > one]:
            self._placing.remove(until)
            if until - _PLACE_S > self._excused_until_s:  # else a killed worker may have had it
                self._faults[NEVER_CAME] += 1
        if self._once:
            return self._once.pop()
        up = sum(one.kind is not None for one in self._parties.values()) + len(self._placing)
        return self._deck.draw() if up < self._keep else ""

    def _begin(self, name: str, now: float) -> None:
        kind = KINDS[name]
        if kind.placed:
            self._to_place.append(name)
            self._placing.append(now + _PLACE_S)
            return
        self._number += 1
        call_id = f"life-{self._plan.run}-{self._number}"
        party = self._party(name, call_id, now, kind, None)
        self._send(party.leg.call(now))

    def _called(self, message: str, now: float) -> None:
        call_id, user = called(message)
        if not call_id:
            return
        kind = KINDS.get(user)
        target = TARGETS.get(user)
        if target is None:
            self._faults[f"a call for {user[:20]}"] += 1
            return
        self._number += 1
        party = self._party(user, call_id, now, kind, target)
        if kind is not None and self._placing:
            self._placing.pop(0)
        self._send(party.leg.invited(message))
        if target.refuses:
            self._send(party.leg.refuse(target.refuses))
        else:
            self._send(party.leg.ring())

    def _party(
        self, name: str, call_id: str, now: float, kind: Kind | None, target: Target | None
    ) -> Party:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((HOST, 0))
        phone = KeyPhone(udp, Law.PCMU.silence, self._plan.frames, 0xBE0000 + self._number)
        offer = Offer(HOST, udp.getsockname()[1])
        low, high = kind.lasts_s if kind else target.lasts_s if target else (1.0, 1.0)
        party = Party(
            name=name,
            leg=Leg(self._local, self._plan.edge, offer, call_id, name),
            phone=phone,
            born_s=now,
            kind=kind,
            target=target,
            acts=list(kind.acts) if kind and target is None else [],
            lasts_s=self._chance.uniform(low, high),
            excused=now < self._excused_until_s,
        )
        if kind is not None:
            self._tallies[name].begun += 1
        self._board.add(phone)
        self._parties[call_id] = party
        return party

    # --- calls live -------------------------------------------------------------------------

    def _live(self, party: Party, now: float) -> None:
        leg = party.leg
        if leg.over:
            self._end(party, now)
        elif leg.state == "up":
            self._talk(party, now)
        elif party.acts and party.acts[0].do == "cancel":
            party.acts.pop()
            party.cancelled = True
            self._send(leg.cancel(now))
        elif now > party.born_s + _LONGEST_S:
            if not party.excused:
                self._faults[f"{party.name}: {leg.state} for too long"] += 1
            leg.state = "failed"
        elif party.target and now >= party.born_s + party.target.rings_s:
            self._send(leg.answer(now))

    def _talk(self, party: Party, now: float) -> None:
        leg = party.leg
        if party.up_s is None:
            self._is_up(party, now)
        up_s = now - (party.up_s or now)
        if leg.refer_to:
            self._transferred(party, now)
        while party.acts and up_s >= party.acts[0].at_s:
            self._act(party, party.acts.pop(0), now)
        if party.target and party.target.press and not party.acted and up_s >= PRESSES_AT_S:
            party.acted = True
            party.phone.press(party.target.press)
        # Who has put somebody else in its place leaves.
        left = leg.notified[-1:] == [200]
        if left or party.cancelled or up_s >= party.lasts_s:
            self._hang_up(party, now)

    def _is_up(self, party: Party, now: float) -> None:
        party.up_s = now
        if party.leg.media is not None:
            party.phone.begin(party.leg.media, time.monotonic_ns() + 10_000_000)
            self._board.plan(party.phone)

    def _act(self, party: Party, act: Act, now: float) -> None:
        leg = party.leg
        match act.do:
            case "hold":
                self._send(leg.hold(now, "sendonly"))
            case "resume":
                self._send(leg.hold(now, "sendrecv"))
            case "press":
                party.phone.press(act.what)
            case "info":
                self._send(leg.info(act.what, now))
            case "refer":
                self._send(leg.refer(f"sip:{act.what}@{join(*self._local)}", now))

    def _transferred(self, party: Party, now: float) -> None:
        """The edge has asked us to call its target: that is played, half a second long."""
        leg = party.leg
        if party.told_s is None:
            party.told_s = now + 0.5
            self._send(leg.tell(100, now, last=False))
        elif now >= party.told_s:
            leg.refer_to = ""
            well = party.kind is None or party.kind.refers_well
            self._send(leg.tell(200 if well else 486, now, last=True))

    def _hang_up(self, party: Party, now: float) -> None:
        party.phone.stop()
        self._send(party.leg.hang_up(now))

    # --- calls end --------------------------------------------------------------------------

    def _end(self, party: Party, now: float) -> None:
        party.phone.read()
        party.phone.stop()
        if party.kind is not None:
            self._ended += 1
            fault = fault_of(party, now)
            tally = self._tallies[party.name]
            if not fault:
                tally.well += 1
            elif party.excused:
                tally.excused += 1
            else:
                self._faults[f"{party.name}: {fault}"] += 1
        self._board.remove(party.phone)
        party.phone.udp.close()
        del self._parties[party.leg.call_id]

    # --- the wire ---------------------------------------------------------------------------

    def _send(self, messages: list[bytes]) -> None:
        for message in messages:
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                self._sip.sendto(message, self._plan.edge)

    def _read_sip(self, now: float) -> None:
        while True:
            try:
                message = self._sip.recv(_SIP_READ)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            text = message.decode(errors="replace")
            party = self._parties.get(call_id_of(message))
            if party is not None:
                self._send(party.leg.receive(text))
            elif text.startswith("INVITE "):
                self._called(text, now)
            elif text.startswith(("BYE ", "NOTIFY ", "CANCEL ", "OPTIONS ", "INFO ", "UPDATE ")):
                # Of a call that we have forgotten: its answer got lost, or it was late.
                stale = Leg(self._local, self._plan.edge, Offer(HOST, 9), "gone", "gone")
                self._send(stale.receive(text))
