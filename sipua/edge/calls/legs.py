"""Second legs of calls: the edge reserves their ports, hands them to the call's worker, and has
signalling call the target. Their events go to the worker of the call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TypeAlias

from sipua.bridge.fault_owner import FaultOwner
from sipua.calls.legs.orders import LegOver, PlaceLeg
from sipua.calls.steer.place_request import CannotPlaceError
from sipua.calls.supervise.codes import DialledIn
from sipua.edge.placing.ready_leg import MakeLeg
from sipua.rtp.ports import NoPortsLeft, PortPool, ReservedPort
from sipua.sip.leg_ids import call_of, dialled_in_id
from sipua.sip.messages import (
    Answer,
    CallEnded,
    CallProgress,
    CallSignal,
    EndedBy,
    Hangup,
    IncomingCall,
    SipCommand,
)
from sipua.worker.link.channel import Descriptor
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import TakeLeg, ToWorker

ToWorkers: TypeAlias = Callable[[int, ToWorker, Sequence[Descriptor]], None]

NO_ROOM = 503
FORBIDDEN = 403


@dataclass(slots=True)
class _Leg:
    call_id: str
    worker: int
    local: ReservedPort | None = None
    """None: it is being reserved."""
    given_up: bool = False
    dialled_in: str = ""
    """Its id in signalling, where that is another one."""


class EdgeLegs:
    """On the edge's loop."""

    def __init__(
        self,
        ports: PortPool,
        send: Callable[[SipCommand], None],
        to_worker: ToWorkers,
        make_leg: MakeLeg,
    ) -> None:
        self._ports = ports
        self._send = send
        self._to_worker = to_worker
        self._make_leg = make_leg
        self._legs: dict[str, _Leg] = {}
        self._dialled_in: dict[str, str] = {}
        """Those that have come in: their ids in signalling, and here."""

    def __len__(self) -> int:
        return len(self._legs)

    def on_order(self, worker: int, order: PlaceLeg | LegOver) -> None:
        """`worker`: of the call, which has been checked."""
        if isinstance(order, LegOver):
            self._over(order.leg_id)
        elif order.leg_id not in self._legs:
            leg = self._legs[order.leg_id] = _Leg(order.call_id, worker)
            _faults().task(self._place(leg, order), "placing a leg")

    def take_in(self, event: IncomingCall, call_id: str, worker: int, about: DialledIn) -> None:
        """An INVITE to us becomes a leg of this call. When this raises LinkError, nothing of it is
        kept."""
        local, leg_id = event.local, dialled_in_id(call_id, event.call_id)
        take = TakeLeg(call_id, leg_id, local.port, about)
        self._to_worker(worker, take, (local.rtp_socket, local.rtcp_socket))
        self._legs[leg_id] = _Leg(call_id, worker, local, dialled_in=event.call_id)
        self._dialled_in[event.call_id] = leg_id

    def call_dialled(self, signalling_id: str) -> str:
        """The call that an INVITE to us has become a leg of; empty: of none."""
        return call_of(self._dialled_in.get(signalling_id, ""))

    def on_command(self, order: Hangup | Answer) -> bool:
        """The call answers or ends its leg; False: it is none of ours."""
        leg = self._legs.get(order.call_id)
        if leg is None:
            return False
        leg.given_up = leg.given_up or isinstance(order, Hangup)
        self._send(replace(order, call_id=leg.dialled_in or order.call_id))
        return True

    def on_signal(self, event: CallSignal | CallProgress) -> bool:
        """False: it is of no leg."""
        leg_id = self._dialled_in.get(event.call_id, event.call_id)
        leg = self._legs.get(leg_id)
        if leg is not None:
            self._tell(leg, replace(event, call_id=leg_id))
        return leg is not None

    def call_over(self, call_id: str) -> None:
        """The call's worker is through with it, or dead: none of its legs stays."""
        for leg_id in [one for one, leg in self._legs.items() if leg.call_id == call_id]:
            self.on_command(Hangup(leg_id))
            self._over(leg_id)

    async def _place(self, leg: _Leg, order: PlaceLeg) -> None:
        try:
            ready = await self._make_leg(order)
        except NoPortsLeft as error:
            self._refuse(leg, order.leg_id, str(error))
            return
        except CannotPlaceError as error:
            status = FORBIDDEN if error.kind in ("invalid", "blocked") else NO_ROOM
            self._refuse(leg, order.leg_id, str(error), status)
            return
        except Exception:
            self._refuse(leg, order.leg_id, "internal error")
            raise
        with ExitStack() as unsent:
            unsent.callback(ready.not_sent)
            if self._hand_over(leg, order, ready.invite.local):
                unsent.pop_all()
                self._send(ready.invite)

    def _hand_over(self, leg: _Leg, order: PlaceLeg, local: ReservedPort) -> bool:
        """Whether the call's worker has its sockets."""
        if self._legs.get(order.leg_id) is not leg:  # the call has ended meanwhile
            self._ports.release(local, time.monotonic())
            return False
        leg.local = local
        if leg.given_up:
            self._over(order.leg_id)
            return False
        try:
            take = TakeLeg(order.call_id, order.leg_id, local.port)
            self._to_worker(leg.worker, take, (local.rtp_socket, local.rtcp_socket))
        except LinkError as error:
            self._refuse(leg, order.leg_id, str(error))
            return False
        return True

    def _refuse(self, leg: _Leg, leg_id: str, cause: str, status: int = NO_ROOM) -> None:
        self._over(leg_id)
        self._tell(leg, CallEnded(leg_id, EndedBy.US, status, cause))

    def _over(self, leg_id: str) -> None:
        leg = self._legs.pop(leg_id, None)
        if leg is not None:
            self._dialled_in.pop(leg.dialled_in, None)
        if leg is not None and leg.local is not None:
            self._ports.release(leg.local, time.monotonic())

    def _tell(self, leg: _Leg, event: ToWorker) -> None:
        try:
            self._to_worker(leg.worker, event, ())
        except LinkError as error:
            _faults().failed("leg", error)


def _faults() -> FaultOwner:
    """A fault here ends one leg; its call has a time limit for it."""
    return FaultOwner().harmless("call.failed")
