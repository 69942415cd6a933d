import struct

import numpy as np
import pytest

from support.media import audio, g711
from support.media.rtp_stream import Received, RtpStream, percentiles, unwrap


def stream(*packets: tuple[int, int, float], payload: bytes = b"\xff" * 160) -> RtpStream:
    """Of (sequence, timestamp, arrival in ms)."""
    received = Received(4000)
    for sequence, timestamp, arrival_ms in packets:
        header = struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 7)
        received.add(header + payload, round(arrival_ms * 1e6))
    return received.judge(sources=[("127.0.0.1", 5000)], sent=0)


def test_an_even_stream_has_nothing_to_say_against_it() -> None:
    even = stream(*((i, i * 160, i * 20) for i in range(50)))
    assert (even.lost, even.duplicates, even.reordered, even.timestamp_breaks) == (0, 0, 0, 0)
    assert even.spacing_ms.tolist() == [20.0] * 49
    assert even.lateness_ms.max() == 0


def test_loss_duplicates_and_reordering_are_counted_apart() -> None:
    odd = stream((1, 0, 0), (2, 160, 20), (4, 480, 41), (3, 320, 42), (3, 320, 43), (6, 800, 100))
    assert (odd.lost, odd.duplicates, odd.reordered, odd.timestamp_breaks) == (1, 1, 1, 0)


def test_wrap_of_sequence_and_timestamp_is_no_break() -> None:
    wrapping = stream(*((65530 + i, 2**32 - 800 + i * 160, i * 20) for i in range(20)))
    assert (wrapping.lost, wrapping.timestamp_breaks, wrapping.packets) == (0, 0, 20)


def test_a_timestamp_that_does_not_follow_is_a_break() -> None:
    assert stream((1, 0, 0), (2, 170, 20), (3, 330, 40)).timestamp_breaks == 1


def test_lateness_is_on_the_clock_of_the_timestamps() -> None:
    late = stream((1, 0, 0), (2, 160, 20), (3, 320, 55), (4, 480, 60))
    assert late.lateness_ms.tolist() == [0, 0, 15, 0]


def test_sound_is_laid_on_its_timeline() -> None:
    said = g711.encode(g711.PCMU, audio.tone(440, 20))
    line = stream((1, 1000, 0), (3, 1320, 40), payload=said).pcm()
    assert len(line) == 480
    assert audio.gaps(line) == [audio.Gap(20, 20)]


def test_what_is_not_plain_rtp_is_counted_and_left_out() -> None:
    received = Received(4000)
    for data in (b"", b"\x80" * 11, b"\x90" + b"\x00" * 20, b"\x80\xc8" + b"\x00" * 26):
        received.add(data, 0)
    judged = received.judge(sources=[], sent=0)
    assert (judged.malformed, judged.rtcp, judged.packets) == (3, 1, 0)
    assert len(judged.pcm()) == 0
    assert judged.summary()["received"] == 0


def test_timestamps_of_hours_are_refused() -> None:
    with pytest.raises(ValueError, match="no sound is that long"):
        stream((1, 0, 0), (2, 2**30, 20)).pcm()


def test_unwrap_follows_small_steps_back() -> None:
    assert unwrap(np.array([65535, 0, 65535, 1]), 16).tolist() == [65535, 65536, 65535, 65537]


def test_percentiles_over_streams() -> None:
    assert percentiles([]) == {}
    assert percentiles([np.array([1.0, 1.0]), np.array([4.0])]) == {
        "p50": 1.0,
        "p99": 3.94,
        "max": 4.0,
    }
