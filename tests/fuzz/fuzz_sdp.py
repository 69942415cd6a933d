"""Any datagram is a SIP message or none; any body has some media or none."""

import sys

import atheris

with atheris.instrument_imports():
    from sipua.bench.streams import sip_sdp

HEAD = b"INVITE sip:a SIP/2.0\r\nCall-ID: x\r\n\r\nv=0\r\nc=IN IP4 192.0.2.1\r\n"


def test_one_input(data: bytes) -> None:
    sip_sdp.read(data)
    found = sip_sdp.read(HEAD + data)
    assert found is not None
    assert found.call_id.isprintable()
    for media in found.media:
        assert 0 < media.address[1] < 65536
        assert all(0 <= number <= 127 for number in media.payload_types)


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
