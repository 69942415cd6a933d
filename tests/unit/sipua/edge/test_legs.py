"""The edge's side of second legs: each port is given back, whatever comes first."""

import asyncio
import socket

from sipua.calls.legs.orders import LegOver, PlaceLeg
from sipua.calls.supervise.codes import DialledIn
from sipua.edge.calls.legs import EdgeLegs
from sipua.edge.placing.ready_leg import ReadyLeg
from sipua.rtp.ports import NoPortsLeft, ReservedPort
from sipua.sip.messages import (
    Answer,
    CallConfirmed,
    CallEnded,
    CallProgress,
    EndedBy,
    Hangup,
    IncomingCall,
    PlaceCall,
)
from sipua.worker.link.messages import TakeLeg

LEG = "c-test.b1"
ORDER = PlaceLeg("c-test", LEG, "sip:201@192.0.2.10", "pbx")


class Edge:
    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.local = ReservedPort(16384, self.sock, self.sock)
        self.reserved: asyncio.Future[ReservedPort] = asyncio.get_running_loop().create_future()
        self.released: list[ReservedPort] = []
        self.unsent: list[str] = []
        self.signalling: list[object] = []
        self.worker: list[object] = []
        self.legs = EdgeLegs(
            self,  # type: ignore[arg-type]  # it stands in for the pool of ports
            self.signalling.append,
            lambda _worker, message, _passed: self.worker.append(message),
            self.make_leg,
        )

    async def make_leg(self, order: PlaceLeg) -> ReadyLeg:
        assert order == ORDER
        invite = PlaceCall(order.leg_id, order.target, await self.reserved, order.account)
        return ReadyLeg(invite, lambda: self.unsent.append(order.leg_id))

    def release(self, local: ReservedPort, _now: float) -> None:
        self.released.append(local)

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_leg_from_its_order_to_its_end() -> None:
    edge = Edge()
    edge.reserved.set_result(edge.local)
    edge.legs.on_order(1, ORDER)
    edge.legs.on_order(1, ORDER)  # twice is once
    await edge.settle()
    assert edge.worker == [TakeLeg("c-test", LEG, 16384)]
    assert edge.signalling == [PlaceCall(LEG, ORDER.target, edge.local, "pbx")]
    rings = CallProgress(LEG, 180, "Ringing")
    assert edge.legs.on_signal(rings)
    assert not edge.legs.on_signal(CallProgress("c-test", 180, "Ringing"))
    assert edge.worker[1:] == [rings]
    assert edge.legs.on_command(Hangup(LEG))
    assert not edge.legs.on_command(Hangup("c-test"))
    assert edge.signalling[1:] == [Hangup(LEG)]
    edge.legs.on_order(1, LegOver("c-test", LEG))
    assert edge.released == [edge.local]
    assert (edge.unsent, len(edge.legs)) == ([], 0)
    edge.sock.close()


async def test_without_a_port_the_call_is_told() -> None:
    edge = Edge()
    edge.reserved.set_exception(NoPortsLeft("all are taken"))
    edge.legs.on_order(1, ORDER)
    await edge.settle()
    assert edge.worker == [CallEnded(LEG, EndedBy.US, 503, "all are taken")]
    assert (edge.signalling, len(edge.legs)) == ([], 0)
    edge.sock.close()


async def test_T2_given_up_while_its_port_is_reserved() -> None:
    for end in ("leg", "call"):
        edge = Edge()
        edge.legs.on_order(1, ORDER)
        await edge.settle()
        if end == "leg":
            edge.legs.on_command(Hangup(LEG))
        else:
            edge.legs.call_over("c-test")
        edge.reserved.set_result(edge.local)
        await edge.settle()
        assert edge.released == [edge.local]
        assert edge.worker == []
        assert edge.signalling == [Hangup(LEG)], "and no INVITE"
        assert edge.unsent == [LEG]
        assert len(edge.legs) == 0
        edge.sock.close()


async def test_one_that_has_come_in_has_two_names() -> None:
    """Signalling knows it by its own id, its worker as a leg of the call."""
    edge, leg = Edge(), "c-test.s-dialled"
    uri = "sip:*55@192.0.2.1"
    event = IncomingCall(
        "c-dialled", "abc", "sip:201@pbx", uri, uri, ("192.0.2.2", 5060), "pbx", edge.local, 0.0
    )
    about = DialledIn("sip:201@pbx", "listen")
    edge.legs.take_in(event, "c-test", 1, about)
    assert edge.worker == [TakeLeg("c-test", leg, 16384, about)]
    assert edge.legs.on_command(Answer(leg))
    assert edge.legs.on_signal(CallConfirmed("c-dialled"))
    assert edge.worker[1:] == [CallConfirmed(leg)]
    assert edge.legs.on_command(Hangup(leg))
    assert edge.signalling == [Answer("c-dialled"), Hangup("c-dialled")]
    edge.legs.on_order(1, LegOver("c-test", leg))
    assert edge.released == [edge.local]
    assert not edge.legs.on_signal(CallConfirmed("c-dialled"))
    edge.legs.take_in(event, "c-test", 1, about)
    edge.legs.call_over("c-test")
    assert edge.signalling[2:] == [Hangup("c-dialled")]
    assert edge.released == [edge.local] * 2
    edge.sock.close()
