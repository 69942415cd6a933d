"""Any datagram is an RTP packet or an RtpError of a known reason."""

import sys

import atheris

with atheris.instrument_imports():
    from sipua.rtp.packet import RtpError, build, parse

REASONS = {"short", "oversize", "version", "rtcp", "csrc", "extension", "padding"}


def test_one_input(data: bytes) -> None:
    try:
        packet = parse(data)
    except RtpError as error:
        assert error.reason in REASONS  # noqa: PT017
        return
    again = parse(
        build(
            packet.payload,
            payload_type=packet.payload_type,
            sequence=packet.sequence,
            timestamp=packet.timestamp,
            ssrc=packet.ssrc,
            marker=packet.marker,
        )
    )
    assert again == packet


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
