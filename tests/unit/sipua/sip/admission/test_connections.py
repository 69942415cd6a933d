"""S18: how many connections a source may have, and for how long."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.admission.admission import ConnectionLimits
from sipua.sip.admission.connections import Connections, Verdict

LIMITS = ConnectionLimits(
    per_source=3, strangers=10, peers=5, first_request_s=10, idle_s=60, rate=0, rate_of_all=0
)
CARRIER, STRANGER = "192.0.2.1", "198.51.100.9"


class Peers:
    def __init__(self, limits: ConnectionLimits = LIMITS) -> None:
        self.connections = Connections()
        self.limits = limits
        self.sockets = itertools.count(10)

    def come(self, host: str = STRANGER, *, peer: bool = False, now: float = 0.0) -> Verdict:
        socket = next(self.sockets)
        way = (5060, f"{host}:{socket}")
        return self.connections.begin(self.limits, socket, way, host, peer=peer, now=now)

    def ask(
        self,
        socket: int,
        host: str = STRANGER,
        *,
        peer: bool = False,
        keep: bool = False,
        now: float = 0.0,
    ) -> None:
        self.connections.request((5060, f"{host}:{socket}"), peer=peer, keep=keep, now=now)

    def over(self, now: float) -> list[tuple[int, str]]:
        return [(one.socket, why) for one, why in self.connections.over(self.limits, now)]


def test_S18_one_address_has_no_more_than_its_number_and_gets_it_back() -> None:
    peers = Peers()
    assert [peers.come().refused for _ in range(5)] == ["", "", "", "per_source", "per_source"]
    assert peers.come("198.51.100.10").refused == ""
    peers.connections.end(10)
    assert peers.come().refused == ""


def test_S18_a_network_of_ipv6_is_one_source() -> None:
    peers = Peers()
    hosts = [f"2001:db8::{n}" for n in range(1, 5)]
    assert [peers.come(host).refused for host in hosts] == ["", "", "", "per_source"]
    assert peers.come("2001:db8:0:1::1").refused == ""


def test_S18_for_one_more_the_stranger_goes_that_waits_longest() -> None:
    peers = Peers()
    for n in range(10):
        assert peers.come(f"198.51.100.{n}") == Verdict()
    peers.ask(10, "198.51.100.0", now=5.0)
    verdict = peers.come("198.51.100.99")
    assert verdict.cut is not None
    assert verdict.cut.socket == 11, "the first one has asked for something since"
    again = peers.come("198.51.100.98").cut
    assert again is not None
    assert again.socket == 12, "each is cut once"


def test_S18_the_source_with_most_connections_makes_room() -> None:
    peers = Peers()
    for host in ("198.51.100.1", "198.51.100.2", "198.51.100.3"):
        for _ in range(3):
            peers.come(host)
    peers.come("198.51.100.4")
    for _ in range(4):
        verdict = peers.come("198.51.100.5")
        assert verdict.cut is None or verdict.cut.host != "198.51.100.4"


def test_S18_those_that_are_cut_and_have_not_ended_are_bounded() -> None:
    peers = Peers(replace(LIMITS, per_source=0))
    verdicts = [peers.come() for _ in range(200)]
    assert sum(not one.refused for one in verdicts) == 10 + 64
    assert {one.refused for one in verdicts} == {"", "connections"}


def test_S18_trunks_have_room_of_their_own_and_no_time_out() -> None:
    peers = Peers()
    for n in range(20):
        peers.come(f"198.51.100.{n}")
    assert [peers.come(CARRIER, peer=True).refused for _ in range(6)] == [""] * 5 + ["peers"]
    assert all(socket < 30 for socket, _ in peers.over(now=1e6))


def test_S18_a_peer_that_is_known_by_its_certificate_leaves_the_strangers() -> None:
    peers = Peers()
    for _ in range(3):
        peers.come()
    peers.ask(10, peer=True)
    assert peers.come().refused == ""
    assert (10, "idle") not in peers.over(now=1e6)
    peers.connections.end(10)
    assert peers.come().refused == "per_source"


def test_S18_a_connection_without_a_whole_request_ends() -> None:
    peers = Peers()
    peers.come()
    peers.come(now=5.0)
    peers.ask(11, now=6.0)
    assert peers.over(now=9.9) == []
    assert peers.over(now=10.0) == [(10, "first_request")]
    assert peers.over(now=65.9) == []
    assert peers.over(now=66.0) == [(11, "idle")]
    assert peers.over(now=1e6) == [], "each is told once"


def test_S18_a_call_keeps_its_connection() -> None:
    peers = Peers(replace(LIMITS, strangers=1))
    peers.come()
    peers.ask(10, keep=True)
    assert peers.over(now=1e6) == []
    assert peers.come("198.51.100.10").refused == "connections", "none waits"


def test_S18_a_source_cannot_fill_the_room_with_calls() -> None:
    peers = Peers(replace(LIMITS, strangers=4))
    for socket, host in enumerate(["198.51.100.1"] * 3 + ["198.51.100.2"], 10):
        peers.come(host)
        peers.ask(socket, host, keep=True)
    cut = peers.come("198.51.100.3").cut
    assert cut is not None
    assert cut.host == "198.51.100.1"
    peers.connections.end(cut.socket)
    peers.ask(14, "198.51.100.3", keep=True)
    cut = peers.come("198.51.100.4").cut
    assert cut is not None
    peers.connections.end(cut.socket)
    peers.ask(15, "198.51.100.4", keep=True)
    assert peers.come("198.51.100.5").refused == "connections", "each has one"


def test_S18_new_connections_have_a_rate() -> None:
    peers = Peers(replace(LIMITS, per_source=0, rate=2, rate_of_all=3))
    assert [peers.come().refused for _ in range(5)] == ["", "", "", "", "rate"]
    others = [peers.come(f"198.51.100.{n}").refused for n in range(4)]
    assert others == ["", "", "rate_of_all", "rate_of_all"]
    assert peers.come(now=1.0).refused == ""


def test_S18_without_limits_all_may_come_and_stay() -> None:
    none = ConnectionLimits(
        per_source=0, strangers=0, peers=0, first_request_s=0, idle_s=0, rate=0, rate_of_all=0
    )
    peers = Peers(none)
    assert {peers.come(peer=n % 2 == 0) for n in range(3000)} == {Verdict()}
    assert peers.over(now=1e9) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans(), st.floats(0, 40)),
        max_size=200,
    )
)
def test_S18_what_has_begun_is_given_back_on_every_way(
    steps: list[tuple[int, int, bool, float]],
) -> None:
    peers, now, up = Peers(), 0.0, dict[int, str]()
    for act, which, peer, after in steps:
        now += after
        host = f"198.51.100.{which}"
        if act < 2:
            verdict = peers.come(host, peer=peer, now=now)
            if not verdict.refused:
                up[next(peers.sockets) - 1] = host
        elif act == 2 and up:
            socket = list(up)[which % len(up)]
            peers.ask(socket, up[socket], peer=peer, keep=which == 1, now=now)
        elif act == 3:
            peers.over(now)
        elif up:
            socket = list(up)[which % len(up)]
            del up[socket]
            peers.connections.end(socket)
        assert len(peers.connections) == len(up)
    for socket in up:
        peers.connections.end(socket)
    found = peers.connections
    assert (len(found), found._strangers, found._of_source) == (0, 0, {})
    assert (found._waiting, found._by_way, found._with_call) == ({}, {}, {})
