"""Any file is a capture or a CaptureError of one line."""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports():
    from sipua.rtp.capture import CaptureError, FrameCounts, read

file = Path(tempfile.mkdtemp()) / "fuzzed.pcap"


def test_one_input(data: bytes) -> None:
    file.write_bytes(data)
    counts = FrameCounts()
    found = 0
    try:
        for datagram in read(file, counts):
            found += 1
            assert len(datagram.payload) <= 65_535
    except CaptureError as error:
        assert str(error).isprintable()  # noqa: PT017
    assert counts.datagrams == found <= counts.frames


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
