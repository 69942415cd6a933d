"""S24: the first server of a trunk does not take our call, and the next one does."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from sipua.calls.steer.commands import HangUp
from support.calls.edge import Event
from support.calls.steered_edge import SteeredEdge
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.signalling.dns_server import DnsServer
from support.signalling.udp_switch import UdpSwitch

pytestmark = pytest.mark.peer

TrunkEdge = Callable[..., SteeredEdge]


def seconds_between(first: Event, second: Event) -> float:
    moments = [datetime.fromisoformat(event["ts"]) for event in (first, second)]
    return (moments[1] - moments[0]).total_seconds()


def rows_of(edge: SteeredEdge) -> list[dict[str, Any]]:
    files = sorted((edge.file.parent / "cdr").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def talk(edge: SteeredEdge, number: str = "100") -> str:
    """Place a call at the trunk, which is answered, and end it."""
    placed = edge.place(number, origin="carrier")
    call_id = str(placed["id"])
    edge.wait_event("call.confirmed", call_id=call_id, timeout_s=20)
    edge.steer(call_id, HangUp("enough"))
    edge.wait_event("call.ended", call_id=call_id)
    return call_id


def test_S24_a_server_that_says_nothing_is_left_within_four_seconds(
    trunk_edge: TrunkEdge, sipp: Sipp, silent: str
) -> None:
    second = sipp.start("uas_answer", pause_ms=50)
    edge = trunk_edge(silent, second.address)
    placed = edge.place("100", origin="carrier")
    call_id = str(placed["id"])
    assert placed["state"] == "placing"
    failed = edge.wait_event("call.attempt_failed", call_id=call_id)
    assert (failed["server"], failed["next_server"]) == (f"sip:{silent}", f"sip:{second.address}")
    assert (failed["status"], failed["reason"]) == (408, "no answer within 3 s")
    edge.wait_event("call.confirmed", call_id=call_id)
    first, again = edge.events(name="call.invited", call_id=call_id)
    assert (first["server"], again["server"]) == (f"sip:{silent}", f"sip:{second.address}")
    assert first["sip_call_id"] != again["sip_call_id"]
    assert 2.9 < seconds_between(first, again) < 10  # a transaction lasts 32 s
    assert edge.wait_event("trunk.down")["server"] == f"sip:{silent}"
    edge.steer(call_id, HangUp("enough"))
    ended = edge.wait_event("call.ended", call_id=call_id)
    assert [one["server"] for one in ended["attempts"]] == [f"sip:{silent}"]
    assert second.wait(check=False).ok, str(second.result())
    (invite,) = second.result().received("INVITE")
    assert invite.first_line.startswith(f"INVITE sip:100@{second.address} SIP/2.0")
    assert edge.stop() == 0
    (row,) = rows_of(edge)
    assert (row["server"], row["sip_call_id"]) == (f"sip:{second.address}", again["sip_call_id"])
    assert [one["status"] for one in row["attempts"]] == [408]


@pytest.mark.parametrize(
    ("status", "rests"),
    [("503 Service Unavailable", True), ("408 Request Timeout", True), ("500 Oops", False)],
)
def test_S24_a_server_that_takes_no_calls(
    trunk_edge: TrunkEdge, sipp: Sipp, status: str, rests: bool
) -> None:
    first = sipp.start("uas_reject", STATUS=status)
    second = sipp.start("uas_answer", calls=2, pause_ms=50)
    edge = trunk_edge(first.address, second.address)
    call_id = talk(edge)
    failed = edge.wait_event("call.attempt_failed", call_id=call_id)
    assert f"{failed['status']} {failed['reason']}" == status
    assert first.wait(check=False).ok, str(first.result())
    down = edge.events(name="trunk.down")
    assert [one["server"] for one in down] == ([f"sip:{first.address}"] if rests else [])
    if rests:  # the next call does not try it
        later = talk(edge)
        assert edge.events(name="call.attempt_failed", call_id=later) == []
        assert second.wait(check=False).ok, str(second.result())


def test_S24_tcp_is_refused_and_an_udp_port_is_closed(
    trunk_edge: TrunkEdge, sipp: Sipp, closed_port: int
) -> None:
    closed = f"{LOOPBACK}:{closed_port}"
    refused = f"{closed};transport=tcp"
    third = sipp.start("uas_answer", pause_ms=50)
    edge = trunk_edge(refused, closed, third.address)
    call_id = talk(edge)
    failed = edge.events(name="call.attempt_failed", call_id=call_id)
    assert [one["server"] for one in failed] == [f"sip:{refused}", f"sip:{closed}"]
    assert "is closed" in failed[1]["reason"]
    assert third.wait(check=False).ok, str(third.result())


def test_S24_all_servers_are_dead_and_the_end_says_so(
    trunk_edge: TrunkEdge, sipp: Sipp, silent: str
) -> None:
    first = sipp.start("uas_reject", STATUS="503 Service Unavailable")
    edge = trunk_edge(first.address, silent, answer_within_s=1)
    call_id = str(edge.place("100", origin="carrier")["id"])
    ended = edge.wait_event("call.ended", call_id=call_id, timeout_s=30)
    end = ended["end"]
    assert (ended["status"], end["reason"], end["fault"]) == ("failed", "unreachable", "network")
    assert end["detail"] == (
        f"no server of trunk carrier took the call: sip:{first.address}: 503 Service Unavailable; "
        f"sip:{silent}: no answer within 8 s"
    )
    assert len(edge.events(name="trunk.down")) == 2
    assert len(edge.events(name="call.ended", call_id=call_id)) == 1


@pytest.mark.parametrize("status", ["486 Busy Here", "404 Not Found", "603 Decline"])
def test_S24_what_the_callee_says_is_no_reason_to_try_another_one(
    trunk_edge: TrunkEdge, sipp: Sipp, status: str
) -> None:
    first = sipp.start("uas_reject", STATUS=status)
    second = sipp.start("uas_answer", pause_ms=50)
    edge = trunk_edge(first.address, second.address)
    call_id = str(edge.place("100", origin="carrier")["id"])
    ended = edge.wait_event("call.ended", call_id=call_id)
    assert f"{ended['end']['sip']['status']} {ended['end']['sip']['reason']}" == status
    assert edge.events(name="call.attempt_failed") == []
    assert second.stop().received("INVITE") == []


def test_S24_a_500_with_a_cause_of_the_callee_is_his_answer(
    trunk_edge: TrunkEdge, sipp: Sipp
) -> None:
    busy = 'Reason: Q.850;cause=17;text="User busy"'
    first = sipp.start("uas_reject", STATUS="500 Server Internal Error", HEADERS=busy)
    second = sipp.start("uas_answer", pause_ms=50)
    edge = trunk_edge(first.address, second.address)
    call_id = str(edge.place("100", origin="carrier")["id"])
    assert edge.wait_event("call.ended", call_id=call_id)["end"]["reason"] == "peer_error"
    assert second.stop().received("INVITE") == []


def test_S24_back_when_it_answers_again(
    trunk_edge: TrunkEdge, sipp: Sipp, switch: Callable[[int], UdpSwitch]
) -> None:
    behind = sipp.start("uas_answer", calls=10, pause_ms=50)
    first = switch(behind.port)
    second = sipp.start("uas_answer", calls=10, pause_ms=50)
    edge = trunk_edge(first.address, second.address, answer_within_s=1, rest_s=3)
    first.on = False
    call_id = talk(edge)
    assert edge.events(name="call.attempt_failed", call_id=call_id)
    first.on = True
    during = talk(edge)
    servers = [one["server"] for one in edge.events(name="call.invited", call_id=during)]
    rested = seconds_between(
        edge.wait_event("trunk.down"), edge.events(name="call.invited", call_id=during)[0]
    )
    assert servers == [f"sip:{second.address}"] or rested > 3
    while not (up := edge.events(name="trunk.up")):
        time.sleep(1)
        talk(edge)
    assert up[0]["server"] == f"sip:{first.address}"
    assert up[0]["down_s"] >= 2.9
    last = talk(edge)
    (invited,) = edge.events(name="call.invited", call_id=last)
    assert invited["server"] == f"sip:{first.address}"


def test_S24_a_late_answer_of_a_server_that_was_left(trunk_edge: TrunkEdge, sipp: Sipp) -> None:
    """It is acknowledged and ended; the call goes on at the other server."""
    late = sipp.start("uas_late", pause_ms=2500)
    second = sipp.start("uas_answer", pause_ms=50)
    edge = trunk_edge(late.address, second.address, answer_within_s=1)
    call_id = str(edge.place("100", origin="carrier")["id"])
    edge.wait_event("call.confirmed", call_id=call_id)
    assert late.wait(check=False).ok, str(late.result())
    assert edge.events(name="call.ended", call_id=call_id) == []
    edge.steer(call_id, HangUp("enough"))
    edge.wait_event("call.ended", call_id=call_id)
    assert second.wait(check=False).ok, str(second.result())


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    server = DnsServer()
    yield server
    server.close()


def test_S24_the_services_of_a_name_are_tried_one_after_the_other(
    trunk_edge: TrunkEdge, sipp: Sipp, dns: DnsServer, silent: str
) -> None:
    second = sipp.start("uas_answer", calls=2, pause_ms=50)
    dns.set("one.test", "A", LOOPBACK)
    silent_port = silent.rpartition(":")[2]
    dns.set(
        "_sip._udp.sbc.test",
        "SRV",
        f"10 5 {silent_port} one.test.",
        f"20 5 {second.port} one.test.",
    )
    edge = trunk_edge("sbc.test", answer_within_s=1, config={"sip": {"nameservers": [dns.address]}})
    call_id = talk(edge)
    (failed,) = edge.events(name="call.attempt_failed", call_id=call_id)
    assert failed["next_server"] == "sip:sbc.test"
    later = talk(edge)
    assert edge.events(name="call.attempt_failed", call_id=later) == []
    assert second.wait(check=False).ok, str(second.result())
    said = second.result().received("INVITE")[0].first_line
    assert said.startswith("INVITE sip:100@sbc.test SIP/2.0")


def test_an_outbound_proxy_comes_first_on_the_way(trunk_edge: TrunkEdge, sipp: Sipp) -> None:
    proxy = sipp.start("uas_answer", pause_ms=50)
    edge = trunk_edge("192.0.2.50", "192.0.2.51:5080", outbound_proxy=f"sip:{proxy.address}")
    talk(edge)
    assert proxy.wait(check=False).ok, str(proxy.result())
    (invite,) = proxy.result().received("INVITE")
    assert invite.first_line.startswith("INVITE sip:100@192.0.2.50 SIP/2.0")
    routes = [line for line in invite.text.splitlines() if line.startswith("Route:")]
    assert routes == [f"Route: <sip:{proxy.address};lr>", "Route: <sip:192.0.2.50;lr>"]


def test_S24_a_call_that_is_hung_up_while_the_next_server_is_tried(
    trunk_edge: TrunkEdge, silent: str, switch: Callable[[int], UdpSwitch]
) -> None:
    other = switch(9)
    other.on = False
    edge = trunk_edge(silent, other.address, answer_within_s=1)
    call_id = str(edge.place("100", origin="carrier")["id"])
    edge.wait_event("call.attempt_failed", call_id=call_id)
    assert edge.steer(call_id, HangUp("enough"))["status"] in ("done", "accepted")
    ended = edge.wait_event("call.ended", call_id=call_id, timeout_s=40)
    assert ended["end"]["reason"] == "operator_hangup"
    assert edge.stop() == 0
