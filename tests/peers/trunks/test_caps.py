"""The caps of a trunk, on the wire: calls at once, and calls in a second."""

from collections.abc import Callable

import pytest

from sipua.calls.steer.commands import HangUp
from support.calls.steered_edge import SteeredEdge
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = pytest.mark.peer

TrunkEdge = Callable[..., SteeredEdge]


def test_calls_at_once_are_counted_in_both_directions(trunk_edge: TrunkEdge, sipp: Sipp) -> None:
    far = sipp.start("uas_answer", calls=10, pause_ms=50)
    edge = trunk_edge(far.address, max_calls=2, hosts=[LOOPBACK])
    first = str(edge.place("100", origin="carrier")["id"])
    edge.wait_event("call.confirmed", call_id=first)
    caller = sipp.start("uac_call", edge.address, until_told=True)
    edge.wait_event("call.incoming")

    refused = edge.place("100", origin="carrier")
    assert refused["status"] == "too-many-requests"
    assert refused["detail"] == "max_calls of trunk carrier is 2"
    blocked = edge.wait_event("call.blocked")
    assert (blocked["origin"], blocked["rule"], blocked["limit"]) == ("carrier", "max_calls", 2)
    assert blocked["by"] == "test"
    sipp.run("uac_rejected", edge.address, STATUS="486")
    rejected = edge.wait_event("call.rejected")
    assert (rejected["status"], rejected["origin"]) == (486, "carrier")
    assert rejected["cause"] == "max_calls of trunk carrier is 2"

    caller.hang_up()
    assert caller.wait(check=False).ok, str(caller.result())
    edge.wait_event("call.ended")
    second = str(edge.place("100", origin="carrier")["id"])  # there is room again
    edge.wait_event("call.confirmed", call_id=second)
    for call_id in (first, second):
        edge.steer(call_id, HangUp("enough"))
        edge.wait_event("call.ended", call_id=call_id)


def test_calls_that_fail_give_their_place_back(trunk_edge: TrunkEdge, sipp: Sipp) -> None:
    busy = sipp.start("uas_reject", calls=6, STATUS="486 Busy Here")
    edge = trunk_edge(busy.address, max_calls=1)
    for _ in range(5):
        call_id = str(edge.place("100", origin="carrier")["id"])
        edge.wait_event("call.ended", call_id=call_id)
    assert edge.events(name="call.blocked") == []


def test_no_more_calls_in_a_second_than_allowed(trunk_edge: TrunkEdge, sipp: Sipp) -> None:
    far = sipp.start("uas_answer", calls=10, pause_ms=50)
    edge = trunk_edge(far.address, calls_per_second=2, hosts=[LOOPBACK])
    answers = [edge.place("100", origin="carrier") for _ in range(8)]
    refused = [one for one in answers if one.get("status") == "too-many-requests"]
    placed = [one for one in answers if "id" in one]
    assert placed
    assert len(placed) + len(refused) == 8
    for one in placed:
        edge.steer(str(one["id"]), HangUp("enough"))
    seconds = sorted(event["ts"] for event in edge.events(name="call.placing"))
    assert len(seconds) == len(placed)
    if refused:
        blocked = edge.wait_event("call.blocked")
        assert (blocked["rule"], blocked["limit"]) == ("calls_per_second", 2)

    flood = sipp.start("uac_call", edge.address, calls=20, rate=50, pause_ms=100)
    flood.wait(60, check=False)
    answered = wait_until(
        lambda: [m for m in flood.messages() if not m.sent and "200 OK" in m.first_line],
        10,
        "calls that came through",
    )
    assert answered
    rejected = edge.wait_event("call.rejected")
    assert (rejected["status"], rejected["reason"]) == (503, "Too Many Calls")
    assert rejected["cause"] == "calls_per_second of trunk carrier is 2"
    said = next(m.text for m in flood.messages() if "503 Too Many" in m.first_line)
    assert "Retry-After: 1" in said
