"""Messages that come twice, too late, too early or for no call (RFC 3261, 8, 9, 12 and 17).

The edge of the first half answers at once; that of the second half never gets its engine, so
that its calls ring until the caller does something.
"""

import socket
import time
from collections.abc import Iterator

import pytest

from support.calls.edge import Edge
from support.footprint import nothing_kept, settled
from support.peers.raw_caller import RawCaller
from support.peers.sipp import Sipp

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """Its agent is silent: no test of this file listens."""
    home = tmp_path_factory.mktemp("transactions")
    edge = Edge(home / "edge", {"agent": {"mode": "silence", "greeting": False}})
    try:
        sipp = Sipp(home / "sipp")
        sipp.run("uac_call", edge.address, pause_ms=100)
        before = settled(edge.process.pid)
        yield edge
        nothing_kept(edge.process.pid, before)
    finally:
        edge.close()


@pytest.fixture(scope="module")
def ringing_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """Its engine accepts connections and never says a word."""
    home = tmp_path_factory.mktemp("ringing")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"ws://127.0.0.1:{mute.getsockname()[1]}/v1/realtime"
        edge = Edge(home / "edge", {"engine": {"url": url, "connect_timeout_s": 30}})
        try:
            sipp = Sipp(home / "sipp")
            sipp.run("uac_cancel_while_ringing", edge.address, pause_ms=100)
            before = settled(edge.process.pid)
            yield edge
            nothing_kept(edge.process.pid, before)
        finally:
            edge.close()


def calls_so_far(edge: Edge) -> int:
    return len(edge.events(name="call.incoming"))


def test_S9_a_retransmitted_invite_is_one_call(edge: Edge, sipp: Sipp) -> None:
    calls = calls_so_far(edge)
    result = sipp.run("uac_retransmitted_invite", edge.address, pause_ms=200)
    assert len([m for m in result.messages if m.sent and m.first_line.startswith("INVITE")]) > 1
    tags = {m.text.partition("\nTo:")[2].partition("\n")[0] for m in result.received("SIP/2.0 200")}
    assert len(tags) == 1
    assert calls_so_far(edge) == calls + 1


def test_S9_a_merged_invite_gets_482_and_the_first_is_a_call(edge: Edge, sipp: Sipp) -> None:
    calls = calls_so_far(edge)
    result = sipp.run("uac_merged_invite", edge.address, pause_ms=200)
    assert len(result.received("SIP/2.0 482")) == 1
    assert calls_so_far(edge) == calls + 1


@pytest.mark.parametrize("scenario", ["uac_wrong_tag", "uac_wrong_from_tag"])
def test_S11_a_bye_for_nobody_gets_481_and_the_call_goes_on(
    edge: Edge, sipp: Sipp, scenario: str
) -> None:
    ended = edge.ended_so_far()
    result = sipp.run(scenario, edge.address, pause_ms=150)
    assert len(result.received("SIP/2.0 481")) == 1
    # The right BYE was answered, so there still was a call; it ended once.
    event = edge.wait_event("call.ended", count=ended + 1)
    assert (event["end"]["by"], event["end"]["sip"]["status"]) == ("caller", 200)
    assert event["duration_s"] > 0


def test_S11_a_bye_with_another_calls_id_gets_481_and_the_call_goes_on(edge: Edge) -> None:
    """Tags alone do not make a dialog (RFC 3261, 12): one of our mends to pjsip."""
    ended = edge.ended_so_far()
    with RawCaller(edge.address) as caller:
        caller.invite()
        caller.final("INVITE")
        caller.ack()
        caller.bye_for_another_call()
        assert caller.final("BYE").status == 481
        assert len(edge.events(name="call.ended")) == ended
        caller.responses = [r for r in caller.responses if r.method != "BYE"]
        caller.bye()
        assert caller.final("BYE").status == 200
    edge.wait_event("call.ended", count=ended + 1)


def test_S10_cancel_races_the_200(edge: Edge) -> None:
    """From long before it to long after it: a call or none, and never one that is left over."""
    ended = edge.ended_so_far()
    delays_ms: list[int | None] = [*range(12), *range(12), None]
    outcomes = []
    for delay_ms in delays_ms:
        with RawCaller(edge.address) as caller:
            caller.invite()
            caller.ringing()
            if delay_ms is None:
                caller.final("INVITE")  # the 200 has come
            else:
                time.sleep(delay_ms / 1000)
            caller.cancel()
            answer = caller.final("INVITE")
            caller.ack()
            if answer.status == 200:
                caller.bye()
                assert caller.final("BYE").status == 200
            # A CANCEL that comes too late is answered as well (RFC 3261, 9.2).
            assert caller.final("CANCEL").status in (200, 481)
            outcomes.append(answer.status)
    assert set(outcomes) <= {200, 487}
    assert outcomes[-1] == 200
    edge.wait_event("call.ended", count=ended + len(delays_ms))
    told = [event["end"]["sip"]["status"] for event in edge.events(name="call.ended")[ended:]]
    assert sorted(told) == sorted(outcomes)


def test_S10_cancel_while_ringing(ringing_edge: Edge, sipp: Sipp) -> None:
    """200 to the CANCEL, 487 to the INVITE, and the engine's connection is given up."""
    ended = ringing_edge.ended_so_far()
    result = sipp.run("uac_cancel_while_ringing", ringing_edge.address, calls=5, pause_ms=200)
    assert len(result.received("SIP/2.0 487")) == 5
    for number in range(5):
        event = ringing_edge.wait_event("call.ended", count=ended + 1 + number)
        assert (event["end"]["by"], event["end"]["sip"]["status"]) == ("caller", 487)
        assert (event["status"], event["end"]["reason"]) == ("canceled", "canceled")


def test_S10_early_bye(ringing_edge: Edge, sipp: Sipp) -> None:
    """200 to the BYE, 487 to the INVITE (RFC 3261, 15.1.2)."""
    ended = ringing_edge.ended_so_far()
    result = sipp.run("uac_bye_while_ringing", ringing_edge.address, pause_ms=200)
    assert len(result.received("SIP/2.0 487")) == 1
    assert ringing_edge.wait_event("call.ended", count=ended + 1)["end"]["by"] == "caller"
