import socket
from pathlib import Path

import numpy as np

from support.media import g711
from support.media.rtp_far_end import _FarEnd, _Leg, _Plan
from support.media.rtp_stream import Received

LOUD = np.full(160, 8000, np.int16)


def _sent(waiting: list[int], echo_frames: int) -> list[bool]:
    """Whether each frame has an echo in it, when so many have been heard before it."""
    silence = g711.encode(g711.PCMU, np.zeros(160, np.int16))
    plan = _Plan([silence], g711.PCMU, True, Path("none"), 0.0, echo_frames, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        leg = _Leg(unused, 1, Received(1))
        end = _FarEnd([leg], plan)
        found = []
        for count in waiting:
            leg.echo.extend([g711.encode(g711.PCMU, LOUD)] * count)
            found.append(end._with_echo(leg, silence) != silence)
    return found


def test_an_echo_comes_after_its_time_and_has_no_hole() -> None:
    """A packet that comes just behind the tick it was due at is there for the next one."""
    assert _sent([1, 1, 1, 1], 2) == [False, False, True, True]
    assert _sent([1, 1, 1, 0, 2, 0, 2, 1], 2) == [False, False, *[True] * 6]
