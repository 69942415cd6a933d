"""Any datagram is an RTCP compound or an RtcpError of a known reason."""

import sys

import atheris

with atheris.instrument_imports():
    from sipua.rtp.rtcp.packets import RtcpError, parse

REASONS = {"short", "oversize", "version", "type", "first", "padding", "length", "count", "sdes"}
HEAD = b"\x80\xc9\x00\x01\x11\x55\xaa\xbb"  # an empty receiver report, so that more is reached


def test_one_input(data: bytes) -> None:
    for datagram in (data, HEAD + data):
        try:
            compound = parse(datagram)
        except RtcpError as error:
            assert error.reason in REASONS, error.reason  # noqa: PT017
            continue
        for report in compound.reports:
            assert all(0 <= block.fraction_lost <= 255 for block in report.blocks)


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
