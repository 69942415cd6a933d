"""HEP: the ladder of a real call, judged by sngrep and tshark; Kamailio's packets beside ours;
secrets; collectors that are closed, or take nothing.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.outputs.hep.packet import Packet, Sender, encode
from support.calls.edge import Edge
from support.calls.homer import CDR, LOG, RTCP, SIP, Collector, Hep
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.hep_peers import CAPTURE_ID, SipTrace, Sngrep, tshark
from support.peers.postgres import Hanging
from support.peers.sipp import Sipp
from support.ports import LOOPBACK, PortBlock
from support.process import wait_until

pytestmark = pytest.mark.peer

SAYS = np.concatenate([audio.speech("short"), audio.silence(20_000)])
Edges = Callable[..., Edge]
KEY = "canary-of-the-collector"
PASSWORD = "canary-of-the-registrar"


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def hep(port: int, **changes: Any) -> dict[str, Any]:
    return {"enabled": True, "host": LOOPBACK, "port": port, **changes}


def of_calls(packets: list[Hep]) -> list[Hep]:
    return [packet for packet in packets if packet.kind == SIP]


def test_the_ladder_of_a_call(
    collector: Collector,
    edge_factory: Edges,
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    edge = edge_factory(
        {"edge": {"name": "berlin"}, "hep": hep(collector.port, capture_id=9, auth_key=KEY)}
    )
    media = far_end(1, SAYS)
    result = sipp.run("uac_call", edge.address, media=media, pause_ms=7000)
    ended = edge.wait_event("call.ended")
    call_id = ended["sip_call_id"]
    assert edge.stop() == 0
    packets = collector.packets
    assert {(one.number(12), one.text(14), one.text(19)) for one in packets} == {(9, KEY, "berlin")}
    assert {packet.call_id for packet in packets} == {call_id}

    # What SIPp saw, in its order, each message whole.
    ladder = [(one.source == edge.address, one.payload.decode()) for one in of_calls(packets)]
    seen = [(not one.sent, one.text.strip()) for one in result.messages]
    told = [(sent, text.replace("\r\n", "\n").strip()) for sent, text in ladder]
    assert sorted(told) == sorted((sent, text.replace("\r\n", "\n")) for sent, text in seen)
    assert [text.split(" ")[0] for _, text in told][:1] == ["INVITE"]
    times = [packet.at_s for packet in of_calls(packets)]
    assert times == sorted(times)

    # The same by others: sngrep reads our packets, tshark what it has written.
    sngrep = Sngrep(tmp_path / "sngrep")
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        for packet in packets:
            udp.sendto(packet.raw, (LOOPBACK, sngrep.port))
        bad = bytearray(packets[0].raw)
        udp.sendto(bytes(bad[:40]), (LOOPBACK, sngrep.port))
    wait_until(lambda: sngrep.size() > sum(map(len, (t for _, t in ladder))), 20, "sngrep's file")
    fields = ("sip.Call-ID", "sip.CSeq", "sip.Status-Code", "ip.src", "udp.srcport", "udp.dstport")
    # tshark takes many ports for those of another protocol, such as 24577.
    ports = {port for packet in of_calls(packets) for _, port in (packet.source, packet.target)}
    as_sip = tuple(word for port in ports for word in ("-d", f"udp.port=={port},sip"))
    rows = tshark(sngrep.close(), *fields, only="sip", options=as_sip)
    assert len(rows) == len(ladder)
    assert {row[0] for row in rows} == {call_id}
    for row, packet in zip(rows, of_calls(packets), strict=True):
        text = packet.payload.decode()
        assert re.search(rf"CSeq: *{row[1]}", text)
        assert text.startswith(f"SIP/2.0 {row[2]}") if row[2] else not text.startswith("SIP/2.0")
        assert (row[3], int(row[4])) == packet.source
        assert int(row[5]) == packet.target[1]

    reports = [packet for packet in packets if packet.kind == RTCP]
    assert {report.source[0] for report in reports} == {LOOPBACK}
    assert any(report.json.get("sender_information", {}).get("packets") for report in reports)
    assert any(report.json["report_blocks"] for report in reports)
    logged = [event["event"] for event in edge.events(call_id=ended["call_id"])]
    lines = [packet.json["event"] for packet in packets if packet.kind == LOG]
    assert [line for line in lines if line.startswith("call.")] == [
        name for name in logged if name.startswith("call.")
    ]
    (record,) = [packet.json for packet in packets if packet.kind == CDR]
    assert (record["id"], record["status"]) == (ended["call_id"], "completed")


def test_no_secret_is_in_any_byte(collector: Collector, edge_factory: Edges, sipp: Sipp) -> None:
    values = {"USERNAME": "agent", "PASSWORD": PASSWORD, "EXPIRES": "60"}
    registrar = sipp.start("uas_registrar", calls=10, pause_ms=60_000, **values)
    account = {
        "name": "pbx",
        "registrar": f"sip:{registrar.address};transport=udp",
        "user": "agent",
        "password": PASSWORD,
    }
    edge = edge_factory({"accounts": [account], "hep": hep(collector.port)})
    edge.wait_event("registration.ok")
    wait_until(lambda: len(collector.of(SIP)) >= 4, 20, "a registration in four messages")
    assert edge.stop() == 0
    texts = "".join(message.text for message in registrar.stop().messages)
    digests = re.findall(r'response="(\w+)"', texts)
    assert digests
    sent = b"".join(packet.raw for packet in collector.packets)
    assert b"Authorization: Digest" in sent
    for secret in (PASSWORD, *digests):
        assert secret.encode() not in sent


def test_the_packets_of_kamailio(collector: Collector, sipp: Sipp, tmp_path: Path) -> None:
    trace = SipTrace(tmp_path / "kamailio", collector.port)
    try:
        sipp.run("uac_options", (LOOPBACK, trace.port), check=False)
        wait_until(lambda: collector.packets, 20, "a packet of Kamailio")
    finally:
        trace.close()
    theirs = collector.packets[0]
    ours = Packet(
        "sip", theirs.at_s, theirs.source, theirs.target, theirs.payload, "", theirs.number(2)
    )
    made = encode(ours, Sender(CAPTURE_ID))
    for kind, value in theirs.chunks.items():
        if kind != 17:  # the Call-ID, where it has one
            size = (6 + len(value)).to_bytes(2, "big")
            assert b"\0\0" + kind.to_bytes(2, "big") + size + value in made, kind
    assert theirs.chunks.keys() >= {1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 15}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_collector_that_is_closed_costs_a_call_nothing(
    transport: str, edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    with PortBlock() as ports:
        edge = edge_factory({"hep": hep(ports.port(), transport=transport)})
        media = far_end(1, SAYS)
        result = sipp.run("uac_call", edge.address, media=media, pause_ms=2000)
        (stream,) = media.finish()
        assert (result.successful, stream.lost) == (1, 0)
        edge.wait_event("call.ended")
        failing = edge.wait_event("hep.failing")
        assert failing["cause"] == "Connection refused"
        assert edge.stop() == 0


def test_a_collector_that_takes_nothing_holds_nothing_up(edge_factory: Edges, sipp: Sipp) -> None:
    hanging = Hanging()
    try:
        edge = edge_factory({"hep": hep(hanging.port, transport="tcp")})
        result = sipp.run("uac_call", edge.address, pause_ms=500, calls=5)
        assert result.successful == 5
        assert edge.stop() == 0
        assert hanging.connections
    finally:
        hanging.close()
