"""RTCP XR with a phone that asks for it and sends its own (linphone), and our packets as Wireshark
reads them.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from sipua.rtp.pcap.writer import PcapWriter
from sipua.rtp.rtcp.extended import Extended, LastReference, VoipMetrics
from sipua.rtp.rtcp.packets import Compound, Report, ReportBlock, SenderInfo, build
from support.calls.edge import Edge
from support.calls.homer import RTCP, SIP, Collector
from support.media import audio
from support.peers.hep_peers import tshark
from support.peers.linphone import Linphone
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

XR = (
    "rtcp_xr_enabled=1\nrtcp_xr_rcvr_rtt_mode=all\nrtcp_xr_rcvr_rtt_max_size=10000\n"
    "rtcp_xr_stat_summary_enabled=1\nrtcp_xr_voip_metrics_enabled=1\n"
)
Edges = Callable[..., Edge]


@pytest.mark.parametrize("configured", ["auto", "off"])
def test_a_phone_that_asks_for_them(configured: str, edge_factory: Edges, tmp_path: Path) -> None:
    collector = Collector()
    phone = Linphone(tmp_path / "phone", audio.silence(100), rtp=XR)
    try:
        hep = {"enabled": True, "port": collector.port, "what": ["rtcp", "sip"]}
        edge = edge_factory({"hep": hep, "rtp": {"rtcp_xr": configured}})
        phone.call(edge.uri)
        phone.wait_talking()
        wait_until(lambda: len(collector.of(RTCP)) >= 6, 60, "reports of both sides")
        phone.hang_up()
        ended = edge.wait_event("call.ended")
        assert edge.stop() == 0
    finally:
        phone.close()
        collector.close()
    rtcp = ended["rtp"]["rtcp"]
    messages = (packet.payload.decode() for packet in collector.of(SIP))
    answer = next(text for text in messages if text.startswith("SIP/2.0 200"))
    if configured == "off":
        assert (rtcp["xr_sent"], "rtcp-xr" in answer) == (0, False)
        return
    assert "a=rtcp-xr:voip-metrics" in answer
    assert rtcp["xr_sent"] >= 2
    assert rtcp["xr_received"] >= 2
    assert rtcp["dropped"].get("xr", 0) == 0
    told = rtcp["remote_quality"]
    assert told["loss_rate"] < 0.1
    assert told["mos_lq"] is None or told["mos_lq"] > 3
    assert rtcp["quality"]["mos_lq"] > 4
    shown = [packet.json for packet in collector.of(RTCP)]
    assert any("report_blocks_xr" in document for document in shown)


def test_our_packets_as_wireshark_reads_them(tmp_path: Path) -> None:
    block = ReportBlock(7, 3, 4, 70_000, 25, 0xAABBCCDD, 65_536)
    report = Report(9, SenderInfo(3_990_000_000 << 32, 160, 10, 1600), [block])
    metrics = VoipMetrics(
        7, 5, 6, 128, 2, 340, 60_000, 81, 20, r_factor=92, mos_lq=44, mos_cq=43,
        receiver=0b10_11_0000, buffer_maximum_ms=200, buffer_limit_ms=200,
    )  # fmt: skip
    extended = Extended(9, 3_990_000_000 << 32, [LastReference(7, 0x01020304, 98_304)], [metrics])
    datagram = build(Compound([report], {9: b"name"}, [9], [extended]))
    file = tmp_path / "rtcp.pcap"
    with file.open("wb") as output:
        PcapWriter(output, 100_000).write(1.0, ("192.0.2.1", 4001), ("192.0.2.2", 5001), datagram)
    voip = "rtcp.xr.voipmetrics."
    fields = {
        "rtcp.pt": "200,202,207,203",
        "rtcp.xr.bt": "4,5,7",
        "rtcp.xr.bl": "2,3,8",
        "rtcp.xr.lrr": str(0x01020304),
        "rtcp.xr.dlrr": "98304",
        f"{voip}burstdensity": "128",
        f"{voip}gapdensity": "2",
        f"{voip}burstduration": "340",
        f"{voip}gapduration": "60000",
        f"{voip}rtdelay": "81",
        f"{voip}esdelay": "20",
        f"{voip}signallevel": "127",
        f"{voip}gmin": "16",
        f"{voip}rfactor": "92",
        f"{voip}extrfactor": "127",
        f"{voip}moslq": "4.4",
        f"{voip}moscq": "4.3",
        f"{voip}plc": "2",
        f"{voip}jba": "3",
        f"{voip}jbmax": "200",
        f"{voip}jbabsmax": "200",
        "_ws.malformed": "",
        "_ws.expert.message": "",
    }
    (row,) = tshark(file, *fields, options=("-d", "udp.port==5001,rtcp"))
    assert dict(zip(fields, row, strict=True)) == fields
