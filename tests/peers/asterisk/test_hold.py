"""A caller behind Asterisk puts the edge on hold and comes back (18 s).

What the caller's phone sends meanwhile (music, for instance) is not taken for speech; after it,
the conversation goes on.
"""

from collections.abc import Callable

import numpy as np

from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.asterisk import EVERY_ASTERISK, Asterisk
from support.peers.pbx import account, heard
from support.peers.sipp import Sipp
from support.signalling import offers

pytestmark = EVERY_ASTERISK

PHASE_MS = 5000  # talk, hold, talk again
SAID = audio.speech("short")
MUSIC = audio.speech("caller")


def at(moment_ms: float, *sounds: tuple[float, audio.Pcm]) -> audio.Pcm:
    """Silence of that length with sounds in it, each from its own moment on."""
    line = audio.silence(moment_ms)
    for start_ms, sound in sounds:
        line[round(start_ms * 8) :][: len(sound)] = sound
    return line


def test_hold_and_resume(
    asterisk: Asterisk,
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    edge_factory: Callable[..., Edge],
) -> None:
    edge = edge_factory({"accounts": [account(asterisk)], "agent": {"greeting": False}})
    edge.wait_event("registration.ok")
    caller = at(
        3 * PHASE_MS,
        (200, SAID),
        (PHASE_MS + 200, MUSIC[: 8 * 3000]),
        (2 * PHASE_MS + 400, SAID),
    )
    media = far_end(1, caller)
    sipp.run(
        "uac_hold",
        asterisk.address,
        media=media,
        service="100",
        pause_ms=PHASE_MS,
        FROM="phone",
        HOLD=offers.HOLD_SENDONLY,
        ANSWER="recvonly",
    )
    edge.wait_event("call.ended")
    (stream,) = media.finish()

    (held,) = edge.events(name="call.held")
    (resumed,) = edge.events(name="call.resumed")
    assert (held["direction"], resumed["direction"]) == ("recvonly", "sendrecv")
    talks = edge.events(name="call.media")
    assert [talk["direction"] for talk in talks] == ["sendrecv", "recvonly", "sendrecv"]
    assert len({talk["ssrc"] for talk in talks}) == 1

    # Each answer on its own; one stretch of the phone's time for each phase.
    sound = stream.pcm()
    middle = int(np.searchsorted(stream.arrival_ms, 1.5 * PHASE_MS))
    before = sound[: int(stream.timestamp[middle] - stream.timestamp[0])]
    after = sound[len(before) :]
    heard(SAID, before)
    heard(SAID, after)
    assert audio.find(MUSIC[: 8 * 3000], sound).score < 0.3
    for quarter in range(0, 3000, 750):
        assert audio.find(MUSIC[8 * quarter :][: 8 * 750], sound).score < 0.5
    assert len(edge.events(name="< input_audio_buffer.speech_started")) == 2
