"""RTCP on the wire (RFC 3550 §6): what it says is read, what lies is refused by reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.rtp.packet import RtpError
from sipua.rtp.packet import parse as parse_rtp
from sipua.rtp.rtcp.packets import (
    Compound,
    Report,
    ReportBlock,
    RtcpError,
    SenderInfo,
    build,
    parse,
)

# Written by hand after the pictures of RFC 3550 §6.4.1, §6.5 and §6.6.
SR = bytes.fromhex(
    "81c8000c"  # SR, one block
    "1155aabb"
    "ee7a1b2c80000000"  # NTP
    "00004e20"
    "0000007d"
    "00004e20"
    "0000cafe"  # block: of our stream
    "1a000003"
    "0001fffe"
    "00000040"
    "1b2c8000"
    "00018000"
)
SDES = bytes.fromhex("81ca00041155aabb0107") + b"who@box" + bytes(3)
BYE = bytes.fromhex("81cb00011155aabb")
RR = bytes.fromhex("80c900011155aabb")


def test_a_sender_report_is_read() -> None:
    compound = parse(SR + SDES + BYE)
    (report,) = compound.reports
    assert report.ssrc == 0x1155AABB
    assert report.sender == SenderInfo(0xEE7A1B2C80000000, 20000, 125, 20000)
    assert report.blocks == [ReportBlock(0xCAFE, 26, 3, 0x1FFFE, 64, 0x1B2C8000, 98304)]
    assert compound.cnames == {0x1155AABB: b"who@box"}
    assert compound.goodbyes == [0x1155AABB]


def test_what_is_built_is_what_was_drawn() -> None:
    assert build(parse(SR + SDES + BYE)) == SR + SDES + BYE


def test_loss_may_be_negative_and_is_clamped() -> None:
    for lost, expected in ((-1, -1), (1 << 30, 0x7FFFFF), (-(1 << 30), -0x800000)):
        block = ReportBlock(1, 300, lost, 1 << 33 | 5, 2, 3, 4)
        (report,) = parse(build(Compound([Report(7, None, [block])]))).reports
        assert report.blocks == [ReportBlock(1, 255, expected, 5, 2, 3, 4)]


def test_other_kinds_are_stepped_over() -> None:
    feedback = bytes.fromhex("81ce00020000000100000002")
    application = bytes.fromhex("80cc000200000001") + b"test"
    extended = bytes.fromhex("80cf000100000001")
    compound = parse(RR + feedback + application + extended + BYE)
    assert compound.skipped == 2
    assert compound.goodbyes == [0x1155AABB]


def test_a_profiles_extension_of_a_report_is_ignored() -> None:
    longer = bytes.fromhex("80c900031155aabb") + b"\xff" * 8
    assert parse(longer).reports == [Report(0x1155AABB)]


def test_padding_at_the_end_is_taken_off() -> None:
    padded = RR + bytes.fromhex("a1cb00021155aabb00000004")
    assert parse(padded).goodbyes == [0x1155AABB]


def test_a_goodbye_may_tell_its_reason() -> None:
    assert parse(RR + bytes.fromhex("81cb00031155aabb05") + b"bye!\0\0\0").goodbyes == [0x1155AABB]


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "short"),
        (b"\x80\xc8\0\0", "short"),  # four bytes: a report without even a sender
        (b"\x80\xc9\0\x01", "short"),
        (SR + bytes(1500), "oversize"),
        (SR + bytes(65_000), "oversize"),
        (b"\x00" + RR[1:], "version"),
        (RR + b"\x40" + BYE[1:], "version"),
        (b"\x80\x00\0\x01" + RR[4:], "type"),
        (RR + b"\x80\xe0\0\x00", "type"),
        (SDES, "first"),
        (BYE, "first"),
        (b"\x80\xc9\xff\xff" + RR[4:], "length"),
        (RR + b"\x80", "length"),
        (RR + BYE[:6], "length"),
        (b"\x80\xc9\0\0" + RR, "count"),
        (b"\x81" + RR[1:], "count"),
        (b"\x9f" + SR[1:], "count"),
        (b"\x80\xc8\0\x01" + RR[4:], "count"),
        (RR + b"\x9f" + BYE[1:], "count"),
        (b"\xa0\xc9\0\x01\0\0\0\x04" + RR, "padding"),  # only the last may be padded
        (b"\xa0\xc9\0\x01\0\0\0\0", "padding"),
        (b"\xa0\xc9\0\x01\0\0\0\x03", "padding"),
        (b"\xa0\xc9\0\x01\0\0\0\xfc", "padding"),
        (b"\xa0\xc9\0\x01\0\0\0\x04", "count"),  # nothing is left
        (RR + bytes.fromhex("82ca00021155aabb01020000"), "sdes"),
        (RR + bytes.fromhex("81ca00021155aabb01ff6161"), "sdes"),
        (RR + bytes.fromhex("81ca00021155aabb01026161"), "sdes"),
        (RR + bytes.fromhex("81ca0000"), "sdes"),
    ],
)
def test_R3_malformed_reports_have_a_reason(datagram: bytes, reason: str) -> None:
    with pytest.raises(RtcpError) as error:
        parse(datagram)
    assert error.value.reason == reason


def _u(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


blocks = st.builds(
    ReportBlock, _u(32), _u(8), st.integers(-(2**23), 2**23 - 1), *(_u(32) for _ in range(4))
)
reports = st.builds(
    Report,
    _u(32),
    st.none() | st.builds(SenderInfo, _u(64), _u(32), _u(32), _u(32)),
    st.lists(blocks, max_size=3),
)
compounds = st.builds(
    Compound,
    st.lists(reports, min_size=1, max_size=3),
    st.dictionaries(_u(32), st.binary(max_size=40), max_size=3),
    st.lists(_u(32), max_size=3),
)


@given(compounds)
def test_any_compound_survives_the_wire(compound: Compound) -> None:
    datagram = build(compound)
    assert parse(datagram) == compound
    with pytest.raises(RtpError, match="rtcp"):
        parse_rtp(datagram)


@settings(max_examples=500)
@given(st.binary(max_size=200))
def test_R3_random_bytes_give_a_compound_or_rtcp_error(datagram: bytes) -> None:
    _read(datagram)


@settings(max_examples=500)
@given(compounds, st.data())
def test_R3_mutated_reports_give_a_compound_or_rtcp_error(
    compound: Compound, data: st.DataObject
) -> None:
    datagram = bytearray(build(compound))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(datagram) - 1))
        datagram[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(datagram)))
    _read(bytes(datagram))
    _read(bytes(datagram[:cut]))


REASONS = {"short", "oversize", "version", "type", "first", "padding", "length", "count", "sdes"}


def _read(datagram: bytes) -> None:
    try:
        compound = parse(datagram)
    except RtcpError as error:
        counted_as = error.reason
    else:
        assert compound.reports
        assert sum(len(report.blocks) for report in compound.reports) * 24 < len(datagram)
        return
    assert counted_as in REASONS
