"""Any datagram is an RTCP compound or an RtcpError of a known reason; what is read of an extended
report is written again as it was."""

import sys

import atheris

with atheris.instrument_imports():
    from sipua.rtp.rtcp.errors import RtcpError
    from sipua.rtp.rtcp.extended import build, read
    from sipua.rtp.rtcp.packets import parse
    from sipua.rtp.rtcp.voice import shown

REASONS = {"short", "oversize", "version", "type", "first", "padding", "length", "count", "sdes"}
HEAD = b"\x80\xc9\x00\x01\x11\x55\xaa\xbb"  # an empty receiver report, so that more is reached
VOIP = b"\x80\xcf\x00\x0a\x11\x55\xaa\xbb\x07\x00\x00\x08"


def test_one_input(data: bytes) -> None:
    for datagram in (data, HEAD + data, HEAD + VOIP + data):
        try:
            compound = parse(datagram)
        except RtcpError as error:
            assert error.reason in REASONS, error.reason  # noqa: PT017
            continue
        for report in compound.reports:
            assert all(0 <= block.fraction_lost <= 255 for block in report.blocks)
        for extended in compound.extended:
            assert read(build(extended)).voip == extended.voip
            for metrics in extended.voip:
                assert all(
                    value is None or abs(value) <= 65_535 for value in shown(metrics).values()
                )


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
