"""A hundred calls at once through the whole media path: none fails, no packet is missing.

Nothing here asserts wall time; the benchmarks measure it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp

pytestmark = pytest.mark.alone

CALLS = 100
NEW_CALLS_A_SECOND = 20
LENGTH_MS = 14_000

GREETING_MS = 4500


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_hundred_calls_at_once_with_media_both_ways(
    edge_factory: Callable[..., Edge], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = edge_factory({"log": {"level": "info", "format": "json"}})
    speech = audio.speech("short")
    says = np.concatenate([audio.silence(GREETING_MS), speech, audio.silence(20_000)])
    media = far_end(CALLS, says)
    result = sipp.run(
        "uac_call",
        edge.address,
        media=media,
        calls=CALLS,
        rate=NEW_CALLS_A_SECOND,
        pause_ms=LENGTH_MS,
        timeout_s=90,
    )
    streams = media.finish()
    edge.wait_event("call.ended", count=CALLS)
    ended = edge.events(name="call.ended")

    assert (result.successful, result.failed) == (CALLS, 0)
    assert {event["end"]["by"] for event in ended} == {"caller"}
    assert not [event for event in edge.events() if event["level"] in ("warning", "error")]

    for stream in streams:
        assert (stream.lost, stream.duplicates, stream.reordered) == (0, 0, 0), stream.summary()
        assert stream.malformed == 0, stream.summary()
        assert stream.packets >= 0.95 * LENGTH_MS / 20
    # A machine that stalls for more than a frame makes us leave out frames' time; nothing else may
    # break the timeline, and the edge must have said so.
    skipped = sum(event["cadence"]["skipped_frames"] for event in ended)
    assert sum(stream.timestamp_breaks for stream in streams) <= skipped
    for event in ended:
        (heard,) = event["rtp"]["streams"]
        assert (heard["lost"], heard["late"], event["engine"]["audio_dropped"]) == (0, 0, 0)
        assert event["rtp"]["dropped"] == {}
    # Spot checks by ear: the greeting, and the parrot's answer, in the first and the last call.
    greeting = audio.read_wav(audio.GREETING, rate_hz=8000)
    for stream in (streams[0], streams[-1]):
        heard_pcm = stream.pcm()
        # In pieces: a frame's time that was left out moves what follows it.
        for said in (greeting, speech):
            found = audio.find_pieces(said, heard_pcm, piece_ms=250)
            pieces = sorted(piece.score for piece in found)
            assert pieces[len(pieces) // 3] > 0.9, pieces
