"""Any lines of an SDP have keys that can be used, or there is a reason why they have none."""

import sys

import atheris

with atheris.instrument_imports():
    from sipua.sip.wire import sdes


def test_one_input(data: bytes) -> None:
    lines = data.decode("utf-8", "replace").split("\n")
    offered = sdes.read(["m=audio 4000 RTP/AVP 0", *(f"a=crypto:{line}" for line in lines)])
    assert all(len(line.key) == 30 for line in offered.lines)
    assert not (offered.lines and offered.cause)
    for line in offered.lines:
        assert sdes.read(["m=audio 4000 RTP/AVP 0", str(line)]).lines == (line,)


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
