"""Silence in place of keys: nothing of them can be read from either channel, and the rest stays."""

from __future__ import annotations

import numpy as np
import pytest

from sipua.codecs.dtmf import DtmfDetector, tone
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm
from sipua.recording.channels import RATE_HZ, CallerChannel, SentChannel
from sipua.rtp.events import Frame
from support.media import audio

FRAME = 160
BEGAN = 1000.0
KEYS = "4929#1A"


def line(offset: int) -> tuple[Pcm, Pcm]:
    """Speech, keys that begin within a packet, speech; and where the keys are."""
    said = audio.speech("short")
    pause = audio.silence(100)
    keys = [np.concatenate((tone(key, 720), pause)) for key in KEYS]
    parts = [said, np.zeros(offset, np.int16), *keys, pause, said]
    pcm = np.concatenate(parts)
    sounds = np.zeros(len(pcm), bool)
    at = len(said) + offset
    for key in keys:
        sounds[at : at + len(key) - len(pause)] = True
        at += len(key)
    whole = len(pcm) // FRAME * FRAME
    return pcm[:whole], sounds[:whole]


def heard_in(pcm: Pcm) -> str:
    detector = DtmfDetector()
    keys = [key for key, _ in detector.feed(pcm)]
    return "".join(keys + [key for key, _ in detector.feed(np.zeros(10 * FRAME, np.int16))])


def left(pcm: Pcm, *, mask: bool) -> Pcm:
    channel = CallerChannel(BEGAN, {0: Law.PCMU}, mask_digits=mask)
    for at in range(0, len(pcm), FRAME):
        payload = encode(Law.PCMU, pcm[at : at + FRAME])
        channel.feed(Frame(0, payload, BEGAN + (at + FRAME) / RATE_HZ))
    channel.settle(len(pcm) + 100 * RATE_HZ)
    return channel.track.take(len(pcm))


def right(pcm: Pcm, *, mask: bool) -> Pcm:
    channel = SentChannel(BEGAN, {0: Law.PCMU}, mask_digits=mask)
    for at in range(0, len(pcm), FRAME):
        payload = encode(Law.PCMU, pcm[at : at + FRAME])
        head = bytes((0x80, 0)) + bytes(2) + at.to_bytes(4) + b"ssrc"
        channel.feed(BEGAN + at / RATE_HZ, head + payload)
    return channel.track.take(len(pcm))


@pytest.mark.parametrize("channel", [left, right])
@pytest.mark.parametrize("offset", [0, 40, 85, 150])
def test_no_key_is_left_and_speech_stays(channel: object, offset: int) -> None:
    assert callable(channel)
    pcm, sounds = line(offset)
    plain, masked = channel(pcm, mask=False), channel(pcm, mask=True)
    assert heard_in(plain) == KEYS
    assert heard_in(masked) == ""
    assert not masked[sounds].any()
    near = np.convolve(sounds, np.ones(2 * 320 + 1), "same") > 0
    assert np.array_equal(masked[~near], plain[~near])
    assert np.array_equal(plain, decode(Law.PCMU, encode(Law.PCMU, pcm)))
