"""Digits on their way out, frame by frame: their length, what comes between, what is refused."""

import numpy as np
import pytest

from sipua.bridge.playout.dtmf_queue import MAX_QUEUED, DtmfQueue
from sipua.codecs.dtmf import DtmfDetector
from sipua.rtp.dtmf import EventPacket

FRAMES = pytest.mark.parametrize("frame", [80, 160, 240, 320, 480])


def run(queue: DtmfQueue, frame: int, *, by_event: bool) -> list[EventPacket | None]:
    """Until it is done; None for a frame of audio."""
    sent: list[EventPacket | None] = []
    while queue.active:
        out = queue.advance(frame, frame, by_event=by_event)
        if isinstance(out, EventPacket):
            sent.append(out)
        else:
            assert len(out) == frame
            assert not out.any(), "between events there is silence"
            sent.append(None)
        assert len(sent) < 1000
    return sent


def test_it_has_nothing_to_say_until_a_key_is_pressed() -> None:
    queue = DtmfQueue()
    assert not queue.active
    queue.press("")
    assert not queue.active


def test_events_of_100_ms_and_pauses_of_100_ms() -> None:
    queue = DtmfQueue()
    queue.press("1#")
    sent = run(queue, 160, by_event=True)
    marks = [index for index, packet in enumerate(sent) if packet and packet.marker]
    assert marks == [0, 10]
    assert [packet is not None for packet in sent] == ([True] * 7 + [False] * 3) * 2
    assert [packet.age_samples for packet in sent[:7] if packet] == list(range(0, 1120, 160))
    assert queue.counters() == {"sent": 2, "sent_inband": 0, "overflow": 0}


@FRAMES
def test_any_frame_keeps_at_least_40_ms_between_digits(frame: int) -> None:
    queue = DtmfQueue()
    queue.press("55")
    sent = run(queue, frame, by_event=True)
    first, second = (index for index, packet in enumerate(sent) if packet and packet.marker)
    assert (second - first) * frame >= 800 + 320


@FRAMES
def test_tones_are_heard(frame: int) -> None:
    queue, detector = DtmfQueue(), DtmfDetector()
    queue.press("147*2580369#ABCD")
    heard = []
    while queue.active:
        pcm = queue.advance(frame, frame, by_event=False)
        assert isinstance(pcm, np.ndarray)
        assert len(pcm) == frame
        heard += [digit for digit, _ in detector.feed(pcm)]
    heard += [digit for digit, _ in detector.feed(np.zeros(480, np.int16))]
    assert "".join(heard) == "147*2580369#ABCD"
    assert queue.counters()["sent_inband"] == 16


def test_time_that_was_missed_shortens_nothing_but_the_packets() -> None:
    """After a stall an event goes on with the duration that it really has."""
    queue = DtmfQueue()
    queue.press("1")
    queue.advance(160, 160, by_event=True)
    late = queue.advance(1600, 160, by_event=True)
    assert isinstance(late, EventPacket)
    assert late.payload[1] & 0x80
    assert int.from_bytes(late.payload[2:]) == 800


def test_a_digit_goes_on_as_it_began_when_events_are_negotiated_meanwhile() -> None:
    queue = DtmfQueue()
    queue.press("12")
    kinds = [
        type(queue.advance(160, 160, by_event=index >= 2)) is EventPacket for index in range(12)
    ]
    assert kinds == [False] * 10 + [True] * 2


def test_no_such_key() -> None:
    queue = DtmfQueue()
    with pytest.raises(ValueError, match="'X' is on no keypad"):
        queue.press("12x")
    assert not queue.active


def test_too_many_keys_are_counted() -> None:
    queue = DtmfQueue()
    queue.press("1" * (MAX_QUEUED + 6))
    queue.press("2")
    assert queue.counters()["overflow"] == 7
