import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.rtp.packet import MAX_DATAGRAM, RtpError, RtpPacket, build, parse

HEADER = struct.pack("!BBHII", 0x80, 0, 7, 1120, 0xABCD)


def reason_of(datagram: bytes) -> str:
    with pytest.raises(RtpError) as caught:
        parse(datagram)
    return caught.value.reason


def test_plain_packet() -> None:
    assert parse(HEADER + b"audio") == RtpPacket(False, 0, 7, 1120, 0xABCD, b"audio")


def test_marker_and_payload_type_share_a_byte() -> None:
    packet = parse(struct.pack("!BBHII", 0x80, 0x80 | 101, 1, 2, 3))
    assert (packet.marker, packet.payload_type, packet.payload) == (True, 101, b"")


def test_csrc_extension_and_padding_are_not_audio() -> None:
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 8, 1, 2, 3)
    csrc = bytes(8)
    extension = struct.pack("!HH", 0xBEDE, 2) + b"\xee" * 8
    assert parse(head + csrc + extension + b"audio" + b"\0\0\3").payload == b"audio"


def test_padding_may_be_all_there_is() -> None:
    assert parse(b"\xa0" + HEADER[1:] + b"\0\0\0\4").payload == b""


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "short"),
        (b"\x80", "short"),
        (HEADER[:11], "short"),
        (b"\0" * 12, "version"),
        (b"\x40" + HEADER[1:], "version"),
        (b"\xc0" + HEADER[1:], "version"),
        (b"\x81" + HEADER[1:], "csrc"),
        (b"\x8f" + HEADER[1:] + bytes(59), "csrc"),
        (b"\x90" + HEADER[1:], "extension"),
        (b"\x90" + HEADER[1:] + b"\0\0\0\1", "extension"),
        (b"\x90" + HEADER[1:] + b"\0\0\xff\xff" + bytes(100), "extension"),
        (b"\xa0" + HEADER[1:] + b"\0", "padding"),
        (b"\xa0" + HEADER[1:] + b"\2", "padding"),
        (b"\xa0" + HEADER[1:], "padding"),
        (b"\x80\xc8\0\0", "rtcp"),
        (b"\x81\xcb\0\1", "rtcp"),
        (b"\x81\xc9\0\x07" + bytes(28), "rtcp"),
        (b"\0" * MAX_DATAGRAM + b"\0", "oversize"),
        (HEADER + bytes(1488), "oversize"),
        (HEADER + bytes(65495), "oversize"),
    ],
)
def test_R3_malformed_datagrams_have_a_reason(datagram: bytes, reason: str) -> None:
    assert reason_of(datagram) == reason


def test_R3_payload_types_beside_rtcp_are_rtp() -> None:
    # 63 and 96 with the marker are the neighbours of RTCP's 192 to 223.
    for second in (191, 224):
        assert parse(b"\x80" + bytes([second]) + HEADER[2:]).marker


@given(st.binary(max_size=80))
def test_R3_random_bytes_give_a_packet_or_rtp_error(datagram: bytes) -> None:
    try:
        packet = parse(datagram)
    except RtpError as error:
        assert error.reason.isalpha()  # noqa: PT017 - either outcome is fine
    else:
        assert len(packet.payload) <= len(datagram) - 12


@given(st.data(), st.binary(min_size=0, max_size=40))
def test_R3_mutated_packets_give_a_packet_or_rtp_error(data: st.DataObject, tail: bytes) -> None:
    datagram = bytearray(HEADER + tail)
    for _ in range(data.draw(st.integers(1, 4))):
        datagram[data.draw(st.integers(0, len(datagram) - 1))] = data.draw(st.integers(0, 255))
    datagram[0] = (datagram[0] & 0x3F) | 0x80
    try:
        packet = parse(bytes(datagram))
    except RtpError:
        return
    assert packet.payload in bytes(datagram[12:])


@given(
    payload_type=st.integers(0, 63),
    sequence=st.integers(-(2**40), 2**40),
    timestamp=st.integers(-(2**60), 2**60),
    ssrc=st.integers(0, 2**32 - 1),
    marker=st.booleans(),
    payload=st.binary(max_size=480),
)
def test_what_is_built_can_be_parsed(
    *, payload_type: int, sequence: int, timestamp: int, ssrc: int, marker: bool, payload: bytes
) -> None:
    datagram = build(
        payload,
        payload_type=payload_type,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        marker=marker,
    )
    assert parse(datagram) == RtpPacket(
        marker, payload_type, sequence % 2**16, timestamp % 2**32, ssrc, payload
    )
