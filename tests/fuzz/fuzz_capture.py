"""Any file is a capture or a CaptureError of one line."""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports():
    from sipua.rtp.pcap.writer import CaptureError, FrameCounts, read

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.media import captures as make

IP = make.ipv4(make.udp(b"twelve bytes"))
IP6 = make.ipv6(b"\x11\0" + bytes(6) + make.udp(b"twelve bytes"), following=0)
SEEDS = (
    make.pcap([(1.0, make.ethernet(IP, tags=[0x8100])), (2.0, make.ethernet(IP6))]),
    make.pcap([(1.0, bytes(14) + b"\x08\x00" + IP)], link=113, order=">", nanoseconds=True),
    make.pcap([(1.0, make.ipv4(make.udp(bytes(64))[:48], more=True))] * 2, link=101),
    make.section()
    + make.interface(1, options=make.resolution(9))
    + make.enhanced(make.ethernet(IP), 5),
    make.section(">") + make.interface(276, ">") + make.simple(b"\x08\x00" + bytes(18) + IP, ">"),
)
if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir():
    for number, seed in enumerate(SEEDS):
        (Path(sys.argv[1]) / f"seed-{number}").write_bytes(seed)

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
