"""HEP 3: packets, RTCP as JSON, Call-IDs."""

from __future__ import annotations

import json

import pytest

from sipua.outputs.hep.correlation import MOST_CALLS, Correlation
from sipua.outputs.hep.packet import LONGEST, TCP, Packet, Sender, encode
from sipua.outputs.hep.rtcp_json import documents
from sipua.rtp.rtcp.packets import Compound, Report, ReportBlock, SenderInfo, build
from support.calls.homer import decode

FROM, TO = ("192.0.2.1", 5060), ("198.51.100.2", 40_000)


def test_the_bytes_of_a_packet() -> None:
    packet = Packet("sip", 1_795_000_000.25, FROM, TO, b"OPTIONS", "a@b", TCP)
    raw = encode(packet, Sender(0x01020304, "key"))
    assert raw == bytes.fromhex(
        "48455033 007c"
        "0000 0001 0007 02"
        "0000 0002 0007 06"
        "0000 0003 000a c0000201"
        "0000 0004 000a c6336402"
        "0000 0007 0008 13c4"
        "0000 0008 0008 9c40"
        "0000 0009 000a 6afd86c0"
        "0000 000a 000a 0003d090"
        "0000 000b 0007 01"
        "0000 000c 000a 01020304"
        "0000 000e 0009 6b6579"
        "0000 0011 0009 614062"
        "0000 000f 000d 4f5054494f4e53".replace(" ", "")
    )


def test_ipv6_and_the_name_of_the_edge() -> None:
    packet = Packet("rtcp", 1.0, ("2001:db8::1", 1), ("fe80::2%eth0", 2), b"{}", "ü@b")
    found = decode(encode(packet, Sender(1, node="berlin")))
    assert (found.source, found.target) == (("2001:db8::1", 1), ("fe80::2", 2))
    assert (found.number(1), found.kind) == (10, 5)
    assert (found.text(19), found.call_id) == ("berlin", "ü@b")
    assert 14 not in found.chunks


def test_times_are_rounded_once() -> None:
    found = decode(encode(Packet("sip", 9.9999999, FROM, TO, b"", ""), Sender(1)))
    assert (found.number(9), found.number(10)) == (10, 0)


def test_what_is_too_long_is_cut() -> None:
    found = decode(encode(Packet("logs", 1.0, FROM, TO, b"x" * 100_000, "y" * 9000), Sender(1)))
    assert len(found.raw) == LONGEST
    assert len(found.call_id) == 1024


@pytest.mark.parametrize("host", ["", "edge.example.com", "::1", "1.2.3"])
def test_no_address_no_packet(host: str) -> None:
    with pytest.raises(ValueError, match=r"addr|address"):
        encode(Packet("sip", 1.0, (host, 1), TO, b"", ""), Sender(1))


# --- RTCP -------------------------------------------------------------------------------------


def test_rtcp_in_the_names_of_homer() -> None:
    block = ReportBlock(7, 12, -3, 70_000, 25, 0xAABBCCDD, 65_536)
    sender = SenderInfo((3_990_000_000 << 32) + 5, 160, 10, 1600)
    datagram = build(Compound([Report(9, sender, [block])], {9: b"name"}))
    (document,) = documents(datagram)
    assert json.loads(document) == {
        "ssrc": 9,
        "type": 200,
        "report_count": 1,
        "report_blocks": [
            {
                "source_ssrc": 7,
                "fraction_lost": 12,
                "packets_lost": 0,
                "highest_seq_no": 70_000,
                "ia_jitter": 25,
                "lsr": 0xAABBCCDD,
                "dlsr": 65_536,
            }
        ],
        "sdes_ssrc": 9,
        "sender_information": {
            "ntp_timestamp_sec": 3_990_000_000,
            "ntp_timestamp_usec": 5,
            "rtp_timestamp": 160,
            "packets": 10,
            "octets": 1600,
        },
    }


def test_what_is_no_rtcp_is_not_sent() -> None:
    assert documents(b"\x80" + bytes(40)) == []


# --- Call-IDs ---------------------------------------------------------------------------------


def test_what_happens_before_the_invite_waits_for_its_name() -> None:
    calls: Correlation[str] = Correlation()
    assert calls.of("c-1", "placing") is None
    assert calls.named("c-1", "a@b") == [("placing", "a@b")]
    assert calls.of("c-1", "progress") == "a@b"
    assert calls.named("c-1", "c@b") == []  # it was challenged, and is made anew
    assert calls.of("c-1", "confirmed") == "c@b"
    calls.over("c-1")
    assert (len(calls), calls.given_up) == (0, 0)


def test_calls_and_what_waits_are_bounded() -> None:
    calls: Correlation[int] = Correlation()
    for item in range(100):
        calls.of("c-1", item)
    assert calls.given_up == 68
    for number in range(MOST_CALLS):
        calls.of(f"d-{number}", number)
    assert (len(calls), calls.given_up) == (MOST_CALLS, 100)
