"""Requests within a call from a source that has no part in it: S11, S15.

The caller is at 127.0.0.1. Its twin has read Call-ID, tags and branches, and sends from elsewhere.
"""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sipua.calls.steer.commands import HangUp
from support.calls.edge import Edge
from support.calls.steered_edge import SteeredEdge
from support.footprint import nothing_kept, settled
from support.peers.raw_caller import OFFER, RawCaller
from support.peers.sipp import Sipp
from support.ports import LOOPBACK

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]

STRANGER, OTHER_TRUNK = "127.0.0.2", "127.0.0.3"
SILENT_AGENT = {"agent": {"mode": "silence", "greeting": False}}
NO_DIALOG = "SIP/2.0 481 Call/Transaction Does Not Exist"


def config(**carrier: Any) -> dict[str, Any]:
    return {
        **SILENT_AGENT,
        "sip": {"accept": "trunks"},
        "trunks": [
            {"name": "carrier", "hosts": [LOOPBACK], **carrier},
            {"name": "other", "hosts": [OTHER_TRUNK]},
        ],
        "admission": {"stranger_rate": 0, "strangers_rate": 0},
    }


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    edge = Edge(tmp_path_factory.mktemp("source") / "edge", config())
    try:
        with up(edge):
            pass
        before = settled(edge.process.pid)
        yield edge
        nothing_kept(edge.process.pid, before)
    finally:
        edge.close()


@contextlib.contextmanager
def up(edge: Edge, *, still_up: int = 0, **caller: Any) -> Iterator[RawCaller]:
    """A call that ends by its caller's own BYE, and by nothing else. `still_up`: others."""
    ended = edge.ended_so_far(still_up=still_up)
    with RawCaller(edge.address, **caller) as call:
        call.invite()
        assert call.final("INVITE").status == 200
        call.ack()
        yield call
        assert len(edge.events(name="call.ended")) == ended
        call.responses = [one for one in call.responses if one.method != "BYE"]
        call.bye()
        assert call.final("BYE").status == 200
    edge.wait_event("call.ended", count=ended + 1)


@pytest.mark.parametrize("host", [STRANGER, OTHER_TRUNK])
def test_S11_a_forger_with_the_right_tags_gets_481_and_the_call_goes_on(
    edge: Edge, host: str
) -> None:
    refused = len(edge.events(name="call.request_refused"))
    with up(edge) as call, call.twin(host) as forger:
        methods = ("BYE", "INFO", "UPDATE", "REFER", "NOTIFY", "PRACK", "OPTIONS", "MESSAGE")
        for cseq, method in enumerate(methods, 20):
            forger.within(method, cseq, f"Refer-To: <sip:900@{STRANGER}>\r\nEvent: refer\r\n")
            assert forger.final(method).text.startswith(NO_DIALOG)
        forger.reinvite(OFFER)
        assert forger.final("INVITE").text.startswith(NO_DIALOG)
        call.within("INFO", 2, "Content-Type: application/dtmf-relay\r\n")  # the caller's own
        assert call.final("INFO").status != 481
    event = edge.wait_event("call.request_refused", count=refused + 1)
    assert (event["method"], event["source"].rpartition(":")[0]) == ("BYE", host)
    assert "dialog_source" in event["fix"]
    # The others are told in one sum, ten seconds later.
    assert len(edge.events(name="call.request_refused")) < refused + len(methods)
    assert edge.events(name="call.transfer_refused") == []


def test_S11_a_cancel_with_another_method_in_cseq_enters_no_call(edge: Edge) -> None:
    """pjsip goes by CSeq: the call that it enters must be the one that was looked at."""
    with RawCaller(edge.address, host=OTHER_TRUNK) as other:
        other.invite()
        assert other.final("INVITE").status == 200
        other.ack()
        with up(edge, still_up=1) as call:
            other.cancel_in(call, "2147483647 BYE")
            assert other.final("BYE").status == 481
            call.within("INFO", 2, "Content-Type: application/dtmf-relay\r\n")
            assert call.final("INFO").status not in (481, 500)
        ended = len(edge.events(name="call.ended"))
        other.responses = [one for one in other.responses if one.method != "BYE"]
        other.bye()
        assert other.final("BYE").status == 200
    edge.wait_event("call.ended", count=ended + 1)


def test_S11_a_forger_learns_nothing_by_the_right_tags(edge: Edge) -> None:
    """Without its Via and the dialog's ids the answer is that to tags which nobody has."""
    with up(edge) as call, call.twin(STRANGER) as forger, RawCaller(edge.address) as nobody:
        nobody.responses = list(call.responses)  # our tag, in another call
        forger.within("BYE", 20)
        nobody.within("BYE", 20)

        def shape(one: RawCaller) -> list[str]:
            lines = one.final("BYE").text.split("\r\n")
            return [line for line in lines if not line.startswith(("Via", "From", "To", "Call-ID"))]

        assert shape(forger) == shape(nobody)


def test_S11_a_forged_ack_does_not_confirm_a_call(edge: Edge) -> None:
    confirmed = len(edge.events(name="call.confirmed"))
    ended = edge.ended_so_far()
    with RawCaller(edge.address) as call:
        call.invite()
        call.final("INVITE")
        with call.twin(STRANGER) as forger:
            forger.ack()
            forger.within("BYE", 20)
            assert forger.final("BYE").status == 481  # the ACK before it was judged
        assert len(edge.events(name="call.confirmed")) == confirmed
        call.ack()
        edge.wait_event("call.confirmed", count=confirmed + 1)
        call.bye()
    edge.wait_event("call.ended", count=ended + 1)


def test_S10_a_forged_cancel_gets_481_and_it_goes_on_ringing(edge_factory: Edges) -> None:
    """Its engine never comes, so that it rings until its own caller gives up."""
    with socket.create_server((LOOPBACK, 0)) as mute:
        url = f"ws://{LOOPBACK}:{mute.getsockname()[1]}/v1/realtime"
        engine = {"engine": {"url": url, "connect_timeout_s": 30}}
        edge = edge_factory({**config(), **engine})
        with RawCaller(edge.address) as call:
            call.invite()
            call.ringing()
            with call.twin(STRANGER) as forger:
                forger.cancel()
                assert forger.final("CANCEL").text.startswith(NO_DIALOG)
            assert not call.answered()
            call.cancel()
            assert call.final("INVITE").status == 487
            call.ack()
        edge.wait_event("call.ended")


def test_a_peer_whose_servers_change_says_so(edge_factory: Edges) -> None:
    edge = edge_factory(config(dialog_source="any"))
    with RawCaller(edge.address) as call:
        call.invite()
        call.final("INVITE")
        call.ack()
        with call.twin(STRANGER) as moved:
            moved.bye()
            assert moved.final("BYE").status == 200
    edge.wait_event("call.ended")
    assert edge.events(name="call.request_refused") == []


def test_another_address_of_the_trunk_may_end_its_call(edge_factory: Edges) -> None:
    edge = edge_factory(config(hosts=[LOOPBACK, "127.0.0.8/30"]))
    with RawCaller(edge.address) as call:
        call.invite()
        call.final("INVITE")
        call.ack()
        with call.twin("127.0.0.9") as moved:
            moved.bye()
            assert moved.final("BYE").status == 200
    edge.wait_event("call.ended")


def test_the_way_that_the_call_has_agreed_on_may_be_used(edge: Edge) -> None:
    """A proxy without Record-Route is left out by the caller, who is where its Contact says."""
    ended = edge.ended_so_far()
    with RawCaller(edge.address, says={"Record-Route": "<sip:127.0.0.11;lr>"}) as call:
        call.invite()
        call.final("INVITE")
        call.ack()
        with call.twin("127.0.0.11") as proxy:
            proxy.bye()
            assert proxy.final("BYE").status == 200
    edge.wait_event("call.ended", count=ended + 1)


def test_S11_a_call_of_ours_is_ended_by_the_other_side_alone(tmp_path: Path, sipp: Sipp) -> None:
    target = sipp.start("uas_answer", pause_ms=50)
    trunk = {"name": "carrier", "proxy": f"sip:{target.address}", "caller_id": "+4930100"}
    rule = {"name": "all", "trunks": [{"trunk": "carrier"}]}
    settings = {
        **SILENT_AGENT,
        "trunks": [trunk],
        "outbound_routes": [rule],
        "log": {"sip": True, "level": "debug"},
    }
    with closing(SteeredEdge(tmp_path / "edge", settings)) as edge:
        call_id = str(edge.place("1234")["id"])
        edge.wait_event("call.confirmed", call_id=call_id)
        (ok,) = [
            one["text"]
            for one in edge.events(name="sip.message")
            if one["text"].startswith("SIP/2.0 200") and "INVITE" in one["text"]
        ]
        fields = dict(line.split(": ", 1) for line in ok.splitlines() if ": " in line)
        says = {"From": fields["To"], "To": fields["From"], "Call-ID": fields["Call-ID"]}
        with RawCaller(edge.address, host=STRANGER, says=says) as forger:
            forger.request("BYE")
            assert forger.final("BYE").text.startswith(NO_DIALOG)
        edge.wait_event("call.request_refused", call_id=call_id)
        assert edge.events(name="call.ended") == []
        edge.steer(call_id, HangUp("enough"))
        edge.wait_event("call.ended", call_id=call_id)
    assert target.wait(check=False).ok


def test_S15_tags_and_cancel_are_no_way_around_the_buckets(edge_factory: Edges) -> None:
    """A scanner adds a tag to To, and is counted all the same."""
    edge = edge_factory({**config(), "admission": {"stranger_rate": 0.1, "strangers_rate": 0}})
    with RawCaller(edge.address, host=STRANGER, says={"To": "<sip:1@x>;tag=z"}) as scanner:
        for _ in range(20):
            scanner.request("OPTIONS")
            scanner.request("BYE")
            scanner.cancel()
        dropped = edge.wait_event("sip.dropped")
        assert dropped["counts"] == {"rate": 1}
        assert dropped["source"] == STRANGER
        assert scanner.final("OPTIONS").status == 481
        deadline = time.monotonic() + 0.5
        with contextlib.suppress(TimeoutError):
            while time.monotonic() < deadline:
                scanner.final("NONE", 0.1)
        assert 1 <= len(scanner.responses) <= 6  # one at once, one more in ten seconds


def test_S15_a_stranger_that_gets_no_answer_gets_none_within_a_dialog(edge_factory: Edges) -> None:
    edge = edge_factory({**config(), "admission": {"answer_strangers": False}})
    with (
        RawCaller(edge.address) as call,
        RawCaller(edge.address, host=STRANGER, says={"To": "<sip:1@x>;tag=z"}) as scanner,
    ):
        call.invite()
        call.final("INVITE")
        call.ack()
        with call.twin(STRANGER) as forger:
            for one in (scanner, forger):
                one.request("BYE")
                one.request("REGISTER")
                one.cancel()
            edge.wait_event("sip.dropped")
            for one in (scanner, forger):
                with pytest.raises(TimeoutError):
                    one.final("BYE", 0.3)
        call.bye()
        assert call.final("BYE").status == 200
