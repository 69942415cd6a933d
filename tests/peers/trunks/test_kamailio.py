"""Kamailio between the edge and a trunk with two servers: configs/kamailio/ and docs/trunks.md.

What comes within a call without the recorded way gets 404 from Kamailio, and fails its scenario.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sipua.calls.steer.commands import HangUp, Hold, Transfer
from support.calls.steered_edge import SteeredEdge
from support.engine.scenarios import scenario
from support.media import audio
from support.peers.asterisk import Asterisk
from support.peers.pbx import heard, phone
from support.peers.sipp import Sipp, SippRun
from support.peers.trunk_proxy import TrunkProxy
from support.ports import LOOPBACK
from support.process import wait_until
from support.signalling import offers
from support.signalling.udp_switch import UdpSwitch

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

TrunkEdge = Callable[..., SteeredEdge]
NEVER = 3600
"""Between two probes."""
ELSEWHERE = f"{LOOPBACK}:9"
"""A server of a trunk that is never called; calls come from its address."""

WISH = """\
[[steps]]
on = "greeting"
tone_ms = 600
call = [{ name = "transfer", arguments = { target = "support" } }]
"""


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[TrunkProxy]:
    proxy = TrunkProxy(tmp_path / "kamailio")
    yield proxy
    proxy.close()


@pytest.fixture
def edge_behind(trunk_edge: TrunkEdge, proxy: TrunkProxy) -> TrunkEdge:
    """An edge whose trunk is Kamailio."""

    def start(**keys: Any) -> SteeredEdge:
        return trunk_edge(address(proxy.inside), hosts=[LOOPBACK], **keys)

    return start


def address(of: tuple[str, int]) -> str:
    return f"{of[0]}:{of[1]}"


def done(run: SippRun) -> None:
    assert run.wait(check=False).ok, str(run.result())


def test_calls_in_hold_are_held_refresh_and_are_transferred(
    edge_behind: TrunkEdge, proxy: TrunkProxy, sipp: Sipp
) -> None:
    """Each request within a call takes the way through both sides of Kamailio."""
    edge = edge_behind()
    proxy.start(trunk=[ELSEWHERE], edges=[address(edge.address)])

    holds = offers.offer(direction="sendonly", version=2)
    sipp.run("uac_hold", proxy.outside, HOLD=holds, ANSWER="recvonly", pause_ms=100)
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["origin"]) == ("caller", "carrier")
    assert [edge.events(name=name)[0]["by"] for name in ("call.held", "call.resumed")] == [
        *("peer", "peer")
    ]
    sipp.run("uac_session_refresh", proxy.outside, pause_ms=100)
    edge.wait_event("call.ended", count=2)

    run = sipp.start("uac_is_held", proxy.outside, HELD="sendonly")
    call_id = str(edge.wait_event("call.confirmed", count=3)["call_id"])
    assert edge.steer(call_id, Hold(True))["status"] == "done"
    assert edge.steer(call_id, Hold(False))["status"] == "done"
    edge.steer(call_id, HangUp("enough"))
    done(run)

    run = sipp.start("uac_is_transferred", proxy.outside)
    call_id = str(edge.wait_event("call.confirmed", count=4)["call_id"])
    passed_on = edge.steer(call_id, Transfer(f"sip:201@{LOOPBACK}", wait=True))
    assert passed_on["status"] == "done"
    done(run)
    assert edge.wait_event("call.transferred")["mode"] == "refer"
    (refer,) = run.result().received("REFER")
    assert refer.text.count("\nVia: ") == 2, "Kamailio's and ours"
    assert "without its Route" not in proxy.log
    assert edge.events(name="call.failed") == edge.events(name="call.rejected") == []


def test_S24_calls_out_go_to_the_server_of_the_trunk_that_takes_them(
    edge_behind: TrunkEdge,
    proxy: TrunkProxy,
    sipp: Sipp,
    switch: Callable[[int], UdpSwitch],
) -> None:
    """The first server says 503, then it is dead: Kamailio knows, and the edge need not."""
    refuses = sipp.start("uas_reject", STATUS="503 Service Unavailable")
    answers = sipp.start("uas_hang_up", calls=2, pause_ms=300)
    first, second = switch(refuses.port), switch(answers.port)
    first.options = second.options = "200 OK"
    edge = edge_behind(options_s=1)
    proxy.start(trunk=[first.address, second.address], edges=[address(edge.address)])

    for first.on in (True, False):
        if not first.on:
            proxy.wait_told(f"down: sip:{first.address}")
        call_id = str(edge.place("100", origin="carrier")["id"])
        ended = edge.wait_event("call.ended", call_id=call_id)
        assert (ended["status"], ended["end"]["by"]) == ("completed", "callee")
    done(refuses)
    done(answers)
    for invite in answers.result().received("INVITE "):
        assert invite.first_line == f"INVITE sip:100@{second.address} SIP/2.0"
    assert edge.events(name="call.attempt_failed") == []

    second.options = "503 Service Unavailable"
    proxy.wait_told(f"down: sip:{second.address}")
    down = edge.wait_event("trunk.down")
    assert (down["server"], down["cause"]) == (
        f"sip:{address(proxy.inside)}",
        "503 No Server Of The Trunk to OPTIONS",
    )
    second.options = "200 OK"
    edge.wait_event("trunk.up")


def test_S23_an_edge_that_drains_is_left_out_until_it_is_back(
    edge_behind: TrunkEdge, proxy: TrunkProxy, sipp: Sipp
) -> None:
    edge = edge_behind()
    proxy.start(trunk=[ELSEWHERE], edges=[address(edge.address)])
    call = sipp.start("uac_call", proxy.outside, until_told=True)
    edge.wait_event("call.confirmed")
    edge.process.send(signal.SIGTERM)
    proxy.wait_told(f"down: sip:{address(edge.address)}")
    refused = sipp.run("uac_rejected", proxy.outside, STATUS="503")
    assert "503 No Edge" in refused.received("503")[0].first_line
    assert edge.events(name="call.rejected") == [], "it was not asked"
    call.hang_up()
    done(call)
    assert edge.process.wait(30) == 0
    edge.start()
    proxy.wait_told(f"up: sip:{address(edge.address)}")
    sipp.run("uac_call", proxy.outside, pause_ms=100)


def test_S17_an_edge_that_is_full_gives_the_call_to_the_next_one(
    edge_behind: TrunkEdge, proxy: TrunkProxy, sipp: Sipp
) -> None:
    """486 with Retry-After. The other edge is a SIPp: they are asked in turn."""
    other = sipp.start("uas_answer", calls=4, pause_ms=10)
    edge = edge_behind(config={"sip": {"max_calls": 1}})
    proxy.start(trunk=[ELSEWHERE], edges=[address(edge.address), other.address], probe_s=NEVER)
    calls = []
    for _ in range(4):
        calls.append(call := sipp.start("uac_call", proxy.outside, until_told=True))
        wait_until(lambda call=call: _is_up(call), 20, "the call")
    assert edge.wait_event("call.rejected")["status"] == 486
    assert len(edge.events(name="call.incoming")) == 1
    for call in calls:
        call.hang_up()
        done(call)


def _is_up(run: SippRun) -> bool:
    return any(one.sent and one.first_line.startswith("ACK ") for one in run.messages())


@pytest.mark.sound
def test_the_edge_leaves_the_path_by_a_refer_with_replaces(
    asterisk: Asterisk, edge_behind: TrunkEdge, proxy: TrunkProxy, tmp_path: Path
) -> None:
    """Asterisk is the trunk: both legs are calls of Kamailio, and the audio then passes neither of
    us. The phone speaks afterwards, and 604 sends back what it hears."""
    wish = scenario(tmp_path, WISH)
    transfer = {"targets": {"support": "604"}, "mode": "dial", "settle_s": 1, "leave_path": True}
    edge = edge_behind(
        user="carrier",
        config={
            "agent": {"scenario": wish},
            "tools": {"builtin": ["transfer"], "transfer": transfer},
        },
    )
    proxy.start(trunk=[address(asterisk.address)], edges=[address(edge.address)])
    asterisk.cli(f"dialplan set global EDGE sip:100@{address(proxy.outside)}")
    _, sound = phone(asterisk, tmp_path, 15, after_s=10, calls="640")
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("agent", "transferred")
    assert [event["mode"] for event in edge.events(name="call.transfer")] == ["dial", "attended"]
    assert heard(audio.speech("caller"), sound) > 9_500
    asterisk.wait_idle()
