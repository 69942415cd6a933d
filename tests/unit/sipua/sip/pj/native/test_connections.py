"""S18: connections of strangers are cut by their sockets, and it is told."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from sipua.sip.admission.admission import Admission, ConnectionLimits, network_of
from sipua.sip.messages import SipEvent
from sipua.sip.peer_news import ConnectionsRefused
from sipua.sip.pj.native.connections import PeerConnections

CARRIER, STRANGER = "192.0.2.1", "198.51.100.9"
PORT = 5060


class Bed:
    def __init__(self, limits: ConnectionLimits) -> None:
        self.told: list[SipEvent] = []
        self.due: list[tuple[float, Callable[[], None]]] = []
        self.admission = Admission(max_calls=1, accept_any=False, connections=limits)
        network = network_of(CARRIER)
        assert network is not None
        self.admission.allow("carrier", [network])
        self.connections = PeerConnections(
            self.admission, self.told.append, lambda after_s, act: self.due.append((after_s, act))
        )
        self.pairs: list[tuple[socket.socket, socket.socket]] = []

    def come(self, host: str) -> tuple[bool, socket.socket]:
        """Whether it may, and the peer's end."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.pairs.append((ours, theirs))
        where = f"{host}:{len(self.pairs)}"
        return self.connections.may_come(ours.fileno(), PORT, where), theirs

    def look(self) -> None:
        """The timer of each second."""
        due, self.due = self.due, []
        for after_s, act in due:
            if after_s == 1.0:
                act()
            else:
                self.due.append((after_s, act))


@pytest.fixture
def bed() -> Iterator[Bed]:
    bed = Bed(ConnectionLimits(per_source=2, first_request_s=1e-9, rate=0, rate_of_all=0))
    yield bed
    for pair in bed.pairs:
        for one in pair:
            one.close()


def cut(theirs: socket.socket) -> bool:
    try:
        return theirs.recv(1) == b""
    except BlockingIOError:
        return False


def test_S18_a_stranger_is_cut_and_a_trunk_is_not(bed: Bed) -> None:
    (_, stranger), (_, carrier) = bed.come(STRANGER), bed.come(CARRIER)
    bed.look()
    assert cut(stranger)
    assert not cut(carrier)
    assert bed.told == [ConnectionsRefused({"first_request": 1}, STRANGER)]
    assert bed.pairs[0][0].fileno() >= 0, "its socket is pjsip's to close"


def test_S18_what_ends_gives_its_place_back(bed: Bed) -> None:
    assert [bed.come(STRANGER)[0] for _ in range(3)] == [True, True, False]
    assert bed.told == [ConnectionsRefused({"per_source": 1}, STRANGER)]
    bed.connections.ended(bed.pairs[0][0].fileno())
    assert bed.come(STRANGER)[0]


def test_S18_no_timer_is_left_behind(bed: Bed) -> None:
    bed.come(CARRIER)
    bed.look()
    assert len(bed.due) == 1, "one connection, one look a second"
    bed.connections.ended(bed.pairs[0][0].fileno())
    bed.look()
    assert bed.due == []


def test_S18_a_request_of_a_call_keeps_its_connection(bed: Bed) -> None:
    _, begins = bed.come(STRANGER)
    _, within = bed.come(STRANGER)
    bed.connections.request(PORT, f"{STRANGER}:1", frozenset(), begins_call=True)
    bed.connections.of_call(PORT, f"{STRANGER}:2")
    bed.look()
    assert not cut(begins)
    assert not cut(within)


def test_S18_a_peer_that_was_faster_is_no_fault(bed: Bed) -> None:
    _, stranger = bed.come(STRANGER)
    stranger.close()
    bed.look()
    assert bed.told == [ConnectionsRefused({"first_request": 1}, STRANGER)]


def test_S18_a_socket_that_is_gone_keeps_no_other_one_from_being_cut(bed: Bed) -> None:
    bed.come(STRANGER)
    _, other = bed.come(STRANGER)
    bed.pairs[0][0].close()
    bed.look()
    assert cut(other)
    assert bed.told == [ConnectionsRefused({"first_request": 1}, STRANGER)]
    assert [after_s for after_s, _ in bed.due].count(1.0) == 1, "it is looked again"
