"""The supervisors of one call, one at a time: how each comes, and what it is told to do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from sipua.bridge.call.media import MediaPlan
from sipua.calls.legs.dialling import LegSignal
from sipua.calls.legs.orders import PlaceLeg
from sipua.calls.steer.commands import Done, Mode, Park, Supervise, SuperviseEnd, Unpark
from sipua.calls.steer.steering import ByPeople
from sipua.calls.supervise.codes import DialledIn
from sipua.calls.supervise.leg import DIALLED, Supervisor, SupervisorLeg
from sipua.calls.supervise.modes import SuperviseSettings
from sipua.calls.supervise.parking import Parking
from sipua.calls.supervise.supervised import SupervisedCall
from sipua.config.values.uri import is_number
from sipua.rtp.ports import ReservedPort
from sipua.sip.leg_ids import supervisor_id
from sipua.sip.messages import Answer, Hangup, NegotiatedMedia

BUSY: Final = 486


class Supervision:
    def __init__(
        self,
        call: SupervisedCall,
        origin: str,
        settings: SuperviseSettings,
        media_plan: Callable[[NegotiatedMedia], MediaPlan],
        parking: Parking,
    ) -> None:
        """`origin`: the account or trunk of the call."""
        self._parking = parking
        self._call = call
        self._origin = origin
        self._settings = settings
        self._media_plan = media_plan
        self._number = 0
        self._leg: SupervisorLeg | None = None

    def do(self, command: ByPeople, by: str) -> Done:
        """Whether it is possible at all, the call has judged."""
        if isinstance(command, Park | Unpark):
            return self._parking.do(command, by)
        if isinstance(command, Supervise):
            return self._place(command, by)
        if self._leg is None or not self._leg.up:
            return Done("wrong_state", "the call has no supervisor")
        if isinstance(command, SuperviseEnd):
            self._leg.end(f"removed by {by}" if by else "removed")
            return Done("done")
        why = self._leg.set_mode(command.mode, by)
        return Done("wrong_state", why) if why else Done("done", values={"mode": command.mode})

    def dial_in(self, leg_id: str, about: DialledIn, local: ReservedPort, held: ExitStack) -> None:
        """One has called us, and means this call; `held` gives its sockets back."""
        if self._call.over or (self._leg is not None and self._leg.up):
            self._call.send(Hangup(leg_id, BUSY))
            held.close()
            return
        supervisor = Supervisor(leg_id, about.who, DIALLED, about.fetches)
        self._begin(supervisor, about.mode).take(local, held)
        self._call.send(Answer(leg_id))

    def take(self, leg: str, local: ReservedPort, held: ExitStack) -> None:
        """The sockets of a leg; `held` gives them back."""
        if self._leg is not None and self._leg.supervisor.leg_id == leg:
            self._leg.take(local, held)
        else:
            held.close()

    def on_signal(self, event: LegSignal) -> None:
        if self._leg is not None and self._leg.supervisor.leg_id == event.call_id:
            self._leg.on_signal(event)

    def _place(self, command: Supervise, by: str) -> Done:
        if self._leg is not None and self._leg.up:
            return Done("wrong_state", f"{self._leg.supervisor.who} supervises it already")
        if command.fetch and not self._parking.parked:
            return Done("wrong_state", "the call is not parked")
        account = self._settings.account_for(command.account, self._origin)
        if is_number(command.target) and not account:
            return Done("invalid", "`to` is a number: name an `account`, or write a SIP URI")
        self._number += 1
        call = self._call
        leg_id = supervisor_id(call.call_id, self._number)
        supervisor = Supervisor(leg_id, command.target, by, command.fetch, account)
        self._begin(supervisor, command.mode)
        call.send(PlaceLeg(call.call_id, leg_id, command.target, account))
        return Done("accepted", values={"leg": leg_id.rpartition(".")[2]})

    def _begin(self, supervisor: Supervisor, mode: Mode) -> SupervisorLeg:
        leg = SupervisorLeg(
            self._call,
            supervisor,
            mode,
            self._settings,
            media_plan=self._media_plan,
            parking=self._parking,
        )
        self._leg = leg
        self._call.start(leg.run(), "supervisor")
        return leg
