import socket
import struct
from pathlib import Path

import numpy as np

from support.media import g711
from support.media.rtp_far_end import _FarEnd, _Leg, _Plan
from support.media.rtp_stream import Received

LOUD = np.full(160, 8000, np.int16)


def _sent(heard: list[list[int]], echo_frames: int) -> list[bool]:
    """Whether each frame has an echo in it; `heard`: the frames that have come before it."""
    silence = g711.encode(g711.PCMU, np.zeros(160, np.int16))
    plan = _Plan([silence], g711.PCMU, True, Path("none"), 0.0, echo_frames, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        leg = _Leg(unused, 1, Received(1))
        end = _FarEnd([leg], plan)
        found = []
        for frames in heard:
            for number in frames:
                header = struct.pack(
                    "!BBHII", 0x80, 0, number, (2**32 - 80 + 160 * number) % 2**32, 1
                )
                end._keep_echo(leg, header + g711.encode(g711.PCMU, LOUD))
            found.append(end._with_echo(leg, silence) != silence)
            leg.sent += 1
    return found


def test_an_echo_comes_after_its_time_and_has_no_hole() -> None:
    """A packet that comes just behind the tick it was due at is there for its own."""
    assert _sent([[0], [1], [2], [3]], 2) == [False, False, True, True]
    assert _sent([[0], [1], [2], [], [3, 4], [], [5, 6], [7]], 2) == [False, False, *[True] * 6]


def test_what_the_other_side_has_skipped_is_missing_and_the_time_stays() -> None:
    assert _sent([[0], [1], [], [], [4], [5], [6]], 2) == [
        False,
        False,
        *[True] * 2,
        False,
        False,
        True,
    ]
