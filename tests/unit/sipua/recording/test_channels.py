"""The two channels keep their places: over jitter, loss, drift, stalls, holds, and hours."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm
from sipua.recording.channels import RATE_HZ, RESTART, CallerChannel, SentChannel
from sipua.rtp.events import Frame, Lost, SsrcChanged

LAWS = {0: Law.PCMU, 8: Law.PCMA}
FRAME = 160
BEGAN = 1000.0


def counted(frames: int, first: int = 0) -> list[bytes]:
    """Frames that can be told from each other, and from silence."""
    codes = []
    for number in range(first, first + frames):
        pcm = np.full(FRAME, 1000 + number % 1000 * 16, np.int16)
        codes.append(encode(Law.PCMU, pcm))
    return codes


def written(channel: CallerChannel | SentChannel, seconds: float) -> Pcm:
    until = round(seconds * RATE_HZ)
    if isinstance(channel, CallerChannel):
        channel.settle(until + 100 * RATE_HZ)
    return channel.track.take(until)


def caller() -> CallerChannel:
    return CallerChannel(BEGAN, LAWS)


def test_packets_in_time_are_whole_and_at_the_time_of_their_arrival() -> None:
    channel = caller()
    frames = counted(100)
    for number, payload in enumerate(frames):
        channel.feed(Frame(0, payload, BEGAN + 1.0 + number * 0.02))
    pcm = written(channel, 5)
    sound = np.concatenate([decode(Law.PCMU, payload) for payload in frames])
    start = RATE_HZ - FRAME
    assert np.array_equal(pcm[start : start + len(sound)], sound)
    assert not pcm[:start].any()
    assert not pcm[start + len(sound) :].any()


def test_jitter_moves_nothing() -> None:
    random.seed(7)
    channel = caller()
    frames = counted(500)
    for number, payload in enumerate(frames):
        # Most packets are late by up to 30 ms, and none is early.
        late = 0 if number % 10 == 0 else random.random() * 0.03
        channel.feed(Frame(0, payload, BEGAN + 1.0 + number * 0.02 + late))
    pcm = written(channel, 12)
    sound = np.concatenate([decode(Law.PCMU, payload) for payload in frames])
    start = RATE_HZ - FRAME
    assert np.array_equal(pcm[start : start + len(sound)], sound)


def test_a_burst_after_a_stall_fills_the_hole() -> None:
    channel = caller()
    frames = counted(100)
    for number, payload in enumerate(frames):
        at = BEGAN + 1.0 + number * 0.02
        channel.feed(Frame(0, payload, BEGAN + 2.4 if 50 <= number < 70 else at))
    pcm = written(channel, 5)
    sound = np.concatenate([decode(Law.PCMU, payload) for payload in frames])
    assert np.array_equal(pcm[RATE_HZ - FRAME : RATE_HZ - FRAME + len(sound)], sound)


def test_a_pause_of_the_clock_is_silence() -> None:
    channel = caller()
    first, second = counted(50), counted(50, first=50)
    for number, payload in enumerate(first):
        channel.feed(Frame(0, payload, BEGAN + 1.0 + number * 0.02))
    for number, payload in enumerate(second):
        channel.feed(Frame(0, payload, BEGAN + 7.0 + number * 0.02))
    pcm = written(channel, 10)
    assert np.array_equal(pcm[7 * RATE_HZ - FRAME : 7 * RATE_HZ], decode(Law.PCMU, second[0]))
    assert not pcm[2 * RATE_HZ : 7 * RATE_HZ - FRAME].any()


@pytest.mark.parametrize("ppm", [-200, 200])
def test_it_stays_in_step_over_an_hour_of_drift(ppm: int) -> None:
    """A clock that is off by 200 ppm is 0.7 s off after an hour."""
    random.seed(ppm)
    channel = caller()
    mark = encode(Law.PCMU, np.full(FRAME, 20_000, np.int16))
    quiet = encode(Law.PCMU, np.zeros(FRAME, np.int16))
    step = 0.02 * (1 + ppm * 1e-6)
    worst, taken, number = 0.0, 0, 0
    while number < 3600 * 50:
        for _ in range(500):
            payload = mark if number % 500 == 250 else quiet
            at = 1.0 + number * step + random.random() * 0.004
            channel.feed(Frame(0, payload, BEGAN + at))
            number += 1
        until = round((number * step - 0.5) * RATE_HZ)
        channel.settle(until)
        pcm = channel.track.take(until - RATE_HZ)
        for at in np.flatnonzero(np.diff((pcm > 10_000).astype(np.int8)) == 1):
            place = (taken + int(at) + 1) / RATE_HZ
            nearest = round((place - 1.0 + 0.02) / step - 250) // 500 * 500 + 250
            # The mark's own time, as it would come without jitter.
            due = min(
                (1.0 + one * step - 0.02 for one in (nearest - 500, nearest, nearest + 500)),
                key=lambda time: abs(time - place),
            )
            worst = max(worst, abs(place - due))
        taken += len(pcm)
    assert 0 < worst < 0.02
    assert channel.late == 0


def test_what_was_lost_is_concealed_and_keeps_its_time() -> None:
    channel = caller()
    tone = (np.sin(np.arange(100 * FRAME) * 2 * np.pi * 400 / RATE_HZ) * 8000).astype(np.int16)
    for number in range(100):
        if number == 50:
            channel.feed(Lost(FRAME))
        else:
            payload = encode(Law.PCMA, tone[number * FRAME : (number + 1) * FRAME])
            channel.feed(Frame(8, payload, BEGAN + 1.0 + number * 0.02))
    pcm = written(channel, 4)
    start = RATE_HZ - FRAME
    gap = pcm[start + 50 * FRAME : start + 51 * FRAME].astype(float)
    assert np.sqrt(np.mean(gap**2)) > 2000
    last = pcm[start + 99 * FRAME : start + 100 * FRAME]
    assert np.array_equal(last, decode(Law.PCMA, encode(Law.PCMA, tone[99 * FRAME :])))


def test_another_stream_and_a_pause_begin_anew() -> None:
    channel = caller()
    for number, payload in enumerate(counted(10)):
        channel.feed(Frame(0, payload, BEGAN + 1.0 + number * 0.02))
    channel.feed(SsrcChanged(1, 2))
    channel.feed(Frame(0, counted(1, first=11)[0], BEGAN + 2.0))
    channel.feed(RESTART)
    channel.feed(Lost(FRAME))  # follows nothing that is kept
    channel.feed(Frame(0, counted(1, first=12)[0], BEGAN + 3.0))
    pcm = written(channel, 4)
    for second, number in ((2, 11), (3, 12)):
        expected = decode(Law.PCMU, counted(1, first=number)[0])
        assert np.array_equal(pcm[second * RATE_HZ - FRAME : second * RATE_HZ], expected)


def packet(payload: bytes, timestamp: int, payload_type: int = 0, ssrc: int = 77) -> bytes:
    return struct.pack("!BBHII", 0x80, payload_type, 1, timestamp % 2**32, ssrc) + payload


def test_what_was_sent_stands_by_its_timestamps() -> None:
    channel = SentChannel(BEGAN, LAWS)
    frames = counted(100)
    timestamp = 2**32 - 20 * FRAME  # it wraps
    for number, payload in enumerate(frames):
        late = 0.004 if number % 3 else 0.0
        channel.feed(
            BEGAN + 1.0 + number * 0.02 + late, packet(payload, timestamp + number * FRAME)
        )
    pcm = written(channel, 4)
    sound = np.concatenate([decode(Law.PCMU, payload) for payload in frames])
    assert np.array_equal(pcm[RATE_HZ : RATE_HZ + len(sound)], sound)


def test_time_that_went_by_unsent_is_silence_on_the_right() -> None:
    channel = SentChannel(BEGAN, LAWS)
    payload = counted(1)[0]
    channel.feed(BEGAN + 1.0, packet(payload, 0))
    channel.feed(BEGAN + 1.02, packet(b"\x05\x0a\x01\x40", FRAME, payload_type=101))  # a key
    channel.feed(BEGAN + 3.0, packet(payload, 2 * RATE_HZ))  # behind a hold
    channel.feed(BEGAN + 4.0, packet(payload, 5, ssrc=78))  # another stream
    pcm = written(channel, 5)
    begins = [int(at) + 1 for at in np.flatnonzero(np.diff((pcm > 0).astype(np.int8)) == 1)]
    assert begins == [RATE_HZ, 3 * RATE_HZ, 4 * RATE_HZ]
    assert np.count_nonzero(pcm) == 3 * FRAME


def test_a_packet_that_began_before_the_recording_is_cut_and_nothing_else_moves() -> None:
    channel = caller()
    frames = counted(60)
    for number, payload in enumerate(frames):
        channel.feed(Frame(0, payload, BEGAN - 0.001 + number * 0.02))
    pcm = written(channel, 2)
    sound = np.concatenate([decode(Law.PCMU, payload) for payload in frames])
    assert np.array_equal(pcm[: len(sound) - 168], sound[168:])
    assert channel.late == 0
