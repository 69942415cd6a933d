"""Calls of our own in pcap files: both streams without loss, SIP from INVITE to BYE, and a capture
that fails while its call lives.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sipua.bench.streams.streams import survey
from sipua.rtp.pcap.writer import read
from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp

pytestmark = pytest.mark.peer

SAYS = np.concatenate([audio.speech("short"), audio.silence(20_000)])


def sip_lines(path: Path) -> list[str]:
    payloads = (datagram.payload for datagram in read(path))
    return [text.split(b"\r\n")[0].decode() for text in payloads if b"SIP/2.0" in text[:200]]


def test_a_call_in_a_file(
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "captures"
    edge = edge_factory({"capture": {"enabled": True, "directory": str(folder)}})
    media = far_end(1, SAYS)
    sipp.run("uac_call", edge.address, media=media, pause_ms=3000)
    media.finish()
    ended = edge.wait_event("call.ended")
    told = ended["capture"]
    path = folder / f"{ended['call_id']}.pcap"
    assert told["file"] == str(path)
    assert (told["dropped"], "stopped" in told) == (0, False)

    found = survey(path)
    assert [stream.lost for stream in found.streams] == [0, 0]
    assert {stream.opposite for stream in found.streams} == {1, 2}
    by_source = {stream.source[1]: stream for stream in found.streams}
    ours = by_source[edge.events(name="call.incoming")[0]["rtp_port"]]
    assert ours.received == ended["rtp"]["sent"]
    (call,) = found.calls
    assert call.sip_call_id == edge.events(name="call.incoming")[0]["sip_call_id"]
    assert call.streams == [1, 2]
    lines = sip_lines(path)
    assert lines[0].startswith("INVITE ")
    assert [line.split(" ")[0] for line in lines[-2:]] == ["BYE", "SIP/2.0"]
    assert told["packets"] == sum(s.received for s in found.streams) + len(lines)
    # What was said to the capture is not said to the log.
    assert edge.events(name="sip.message") == []


def test_our_own_bye_is_in_the_file(
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    edge = edge_factory(
        {
            "capture": {"enabled": True, "directory": str(tmp_path / "captures")},
            "calls": {"max_duration_s": 2},
        }
    )
    sipp.run("uac_call_ended_by_peer", edge.address, media=far_end(1, SAYS))
    ended = edge.wait_event("call.ended")
    lines = sip_lines(Path(ended["capture"]["file"]))
    assert [line.split(" ")[0] for line in lines[-2:]] == ["BYE", "SIP/2.0"]


def test_h4_no_file_and_the_call_lives(
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    (tmp_path / "taken").write_text("")
    edge = edge_factory({"capture": {"enabled": True, "directory": str(tmp_path / "taken")}})
    media = far_end(1, SAYS)
    result = sipp.run("uac_call", edge.address, media=media, pause_ms=2000)
    (stream,) = media.finish()
    ended = edge.wait_event("call.ended")
    assert (result.successful, stream.lost) == (1, 0)
    assert stream.packets > 80
    assert ended["capture"]["file"] is None
    assert ended["capture"]["stopped"]
