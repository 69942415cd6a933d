"""A call that is up, looked at: what the API says of it, judged by what the peer sent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.calls.api import TOKENS, Api, api_config
from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.asterisk import Asterisk
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.sound]

Edges = Callable[..., Edge]
Ends = Callable[..., RtpFarEnd]


def only(api: Api) -> str:
    """The path of the only call, once it is up."""

    def found() -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = api.get("/v1/calls?state=active")["calls"]
        return calls

    (call,) = wait_until(found, 20, "a call in the list")
    return f"/v1/calls/{call['id']}"


def ended(api: Api, path: str) -> None:
    wait_until(lambda: api.get(path)["state"] == "ended", 20, "the end of the call")


def test_stats_are_what_the_peer_sent_and_what_was_lost_of_it(
    edge_factory: Edges, sipp: Sipp, far_end: Ends
) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    end = far_end(1, audio.silence(20), repeat=True, lose_every=10)
    call = sipp.start("uac_call", edge.address, media=end, pause_ms=13_000)
    path = only(api)

    def heard() -> dict[str, Any]:
        stats: dict[str, Any] = api.get(f"{path}/stats")
        return stats if stats.get("received", {}).get("packets", 0) > 450 else {}

    stats = wait_until(heard, 30, "ten seconds of audio")
    (listed,) = api.get("/v1/calls?include=stats")["calls"]
    assert listed["stats"]["received"]["packets"] >= stats["received"]["packets"]
    assert (stats["codec"], stats["remote"]) == ("PCMU", f"{LOOPBACK}:{end.port}")
    received, sent = stats["received"], stats["sent"]
    assert received["ssrc"] == "51500000"
    assert received["bytes"] == 160 * received["packets"]
    assert received["lost"] == pytest.approx(received["packets"] / 9, abs=3)
    assert received["loss"] == pytest.approx(0.1, abs=0.03)
    assert 2.5 < received["mos"] < 4, "one of ten is heard"
    assert sent["packets"] > 400
    assert "loss" not in sent, "this peer sends no RTCP"
    assert call.wait().ok
    ended(api, path)

    (stream,) = end.finish()
    stats = api.get(f"{path}/stats")
    assert stats["received"]["packets"] + stats["received"]["lost"] == pytest.approx(
        stream.sent, abs=3
    )
    assert stats["sent"]["packets"] == pytest.approx(stream.packets, abs=3)
    assert stats["counters"]["rtp"]["sent"] == stats["sent"]["packets"]
    points = api.get(f"{path}/history")["points"]
    assert 3 <= len(points) <= 6
    assert [point["at_ms"] for point in points] == sorted(point["at_ms"] for point in points)
    # A short one, as the first and the last are, may have one more of the lost ones.
    assert all(0.06 < point["loss_in"] < 0.14 for point in points if point["packets_in"] > 150)
    assert sum(point["packets_in"] for point in points) <= stats["received"]["packets"]


def test_who_speaks_and_what_was_said(edge_factory: Edges, sipp: Sipp, far_end: Ends) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    media = far_end(1, audio.silence(20), repeat=True)
    call = sipp.start("uac_call", edge.address, media=media, until_told=True)
    path = only(api)
    wait_until(lambda: api.get(f"{path}/stats")["talk"] == "agent", 20, "the greeting")
    wait_until(lambda: api.get(f"{path}/stats")["talk"] == "none", 20, "the end of the greeting")
    wait_until(lambda: api.get(f"{path}/history")["spans"], 20, "what was said")
    (span,) = api.get(f"{path}/history")["spans"]
    assert span["who"] == "agent"
    assert 0 <= span["from_ms"] < 1500
    assert span["until_ms"] - span["from_ms"] > 1000
    (line,) = api.get(f"{path}/transcript", right="operator")["lines"]
    assert line["who"] == "agent"
    assert line["text"]
    for right, words in (("readonly", False), ("operator", True)):
        kept = api.get(f"{path}/events", right=right)["events"]
        assert ("turn.text" in {event["type"] for event in kept}) is words
    for hidden in ("transcript", "sip", "record"):
        assert api.ask("GET", f"{path}/{hidden}", right="readonly").kind == "no-right"
    api.ask("POST", f"{path}/mute", {"side": "agent", "on": True})
    assert api.get(f"{path}/stats")["muted"] == ["agent"]
    call.hang_up()
    assert call.wait().ok


def test_what_asterisk_reports_of_us(asterisk: Asterisk, edge_factory: Edges) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    asterisk.originate(f"PJSIP/trunk-ulaw/{edge.uri}", "603")
    path = only(api)

    def reported() -> dict[str, Any]:
        stats: dict[str, Any] = api.get(f"{path}/stats")
        return stats if "round_trip_ms" in stats else {}

    stats = wait_until(reported, 25, "a round trip")
    assert 0 <= stats["round_trip_ms"] < 500
    assert (stats["sent"]["lost"], stats["sent"]["loss"]) == (0, 0)
    assert stats["sent"]["jitter_ms"] < 50
    assert stats["sent"]["mos"] > 4
    asterisk.cli("channel request hangup all")
    ended(api, path)


def test_the_ladder_has_what_went_over_the_wire(
    edge_factory: Edges, sipp: Sipp, far_end: Ends, tmp_path: Path
) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    call = sipp.start("uac_call", edge.address, media=far_end(1, audio.silence(20)), pause_ms=1500)
    path = only(api)
    assert call.wait().ok
    ended(api, path)

    def all_of_it() -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = api.get(f"{path}/sip", right="operator")["messages"]
        last = messages[-1]
        return messages if (last["cseq"], last["direction"]) == ("2 BYE", "sent") else []

    messages = wait_until(all_of_it, 20, "the answer to BYE")
    assert [(one["direction"], one["first_line"].split()[0:2]) for one in messages] == [
        ("received", ["INVITE", f"sip:agent@{LOOPBACK}:{edge.port}"]),
        ("sent", ["SIP/2.0", "100"]),
        ("sent", ["SIP/2.0", "180"]),
        ("sent", ["SIP/2.0", "200"]),
        ("received", messages[4]["first_line"].split()[0:2]),
        ("received", messages[5]["first_line"].split()[0:2]),
        ("sent", ["SIP/2.0", "200"]),
    ]
    assert [one["cseq"] for one in messages] == [*["1 INVITE"] * 4, "1 ACK", "2 BYE", "2 BYE"]
    assert messages[0]["text"].count("m=audio") == 1

    token = tmp_path / "token"
    token.write_text(TOKENS["operator"])
    token.chmod(0o600)
    printed = subprocess.run(
        [sys.executable, "-m", "sipua", "calls", "show", path.rpartition("/")[2], "--sip"],
        env={**os.environ, "SIPUA_API_URL": api.url, "SIPUA_TOKEN_FILE": str(token)},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    ).stdout.splitlines()
    assert len(printed) == 8
    assert {len(line) for line in printed} == {80}
    assert printed[1].endswith("▶│")
    assert "│◀" in printed[2]


def test_the_ladder_of_a_call_that_we_place(edge_factory: Edges, sipp: Sipp) -> None:
    placing = {"prefixes": [f"sip:@{LOOPBACK}"]}
    edge = edge_factory({"api": api_config(placing=placing)})
    api = Api(edge)
    run = sipp.start("uas_answer", pause_ms=500)
    order = {"to": f"sip:callee@{run.address}", "wait_s": 10}
    placed = api.ask("POST", "/v1/calls", order, headers={"Idempotency-Key": "one"}).json
    path = f"/v1/calls/{placed['id']}"
    assert placed["sip_call_id"]
    assert api.ask("POST", f"{path}/hangup", {}).status < 300
    assert run.wait(check=False).ok
    ended(api, path)

    def all_of_it() -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = api.get(f"{path}/sip")["messages"]
        return messages if "BYE" in messages[-1]["cseq"] else []

    messages = wait_until(all_of_it, 20, "the BYE")
    assert messages[0]["direction"] == "sent"
    assert messages[0]["first_line"].startswith("INVITE sip:callee@")
    assert f"Call-ID: {placed['sip_call_id']}" in messages[0]["text"]


def test_no_ladder_is_kept_where_none_is_wanted(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory({"api": api_config(sip_ladder=False)})
    api = Api(edge)
    call = sipp.start("uac_call", edge.address, until_told=True)
    reply = api.ask("GET", f"{only(api)}/sip")
    assert (reply.status, reply.kind) == (404, "not-found")
    call.hang_up()
    assert call.wait().ok
