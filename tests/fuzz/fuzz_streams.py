"""Any sequence of datagrams gives streams whose accounts hold together."""

import json
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports():
    from sipua.bench.streams.streams import as_json, render_text, survey
    from sipua.rtp.pcap.writer import PcapWriter

file = Path(tempfile.mkdtemp()) / "fuzzed.pcap"
ADDRESSES = [("192.0.2.1", 4000), ("198.51.100.2", 16384), ("192.0.2.1", 5060)]
RTP = b"\x80\x00\x00"


def test_one_input(data: bytes) -> None:
    """One byte of addresses, one of length, then so much of a datagram."""
    with file.open("wb") as out:
        writer = PcapWriter(out, 10_000_000)
        at, number = 0, 0
        while at + 2 <= len(data):
            how, size = data[at], data[at + 1]
            payload = data[at + 2 : at + 2 + size]
            if how & 0x80:  # else hardly anything would ever look like a stream
                payload = RTP + bytes([number & 0xFF, 0, 0, 0, number & 0xFF, 0, 0, 0, 1]) + payload
            pair = ADDRESSES[how % 3], ADDRESSES[how // 3 % 3]
            writer.write(number * 0.02, *pair, payload)
            at += 2 + size
            number += 1
    found = survey(file, keep_packets=True)
    for stream in found.streams:
        assert len(stream.packets) == stream.received == sum(stream.payload_types.values())
        assert stream.received - stream.duplicates + stream.lost == stream.expected
        assert stream.lost >= 0
        assert stream.jitter_ms <= stream.jitter_max_ms or not stream.jitter_max_ms
    render_text(found.streams, found.calls)
    json.dumps(as_json(found.streams, found.calls), allow_nan=False)


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
