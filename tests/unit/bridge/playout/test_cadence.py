"""When frames leave, over simulated hours."""

import itertools
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.bridge.playout.cadence import Cadence, Departure
from sipua.bridge.playout.queue import PlayoutQueue
from sipua.codecs.g711 import Law

FRAME_S = 0.02
START = 5000.0


@dataclass
class Sent:
    at: float
    number: int  # timestamp / 160
    marker: bool
    audio: bool


@dataclass
class Wire:
    """Runs a cadence against time, and keeps the timestamps as an RTP session would."""

    playout: PlayoutQueue = field(default_factory=lambda: PlayoutQueue(Law.PCMU))
    now: float = START
    late: float = 0.0
    sent: list[Sent] = field(default_factory=list)
    number: int = 0
    item: int = 0

    def __post_init__(self) -> None:
        self.cadence = Cadence(self.playout, self.now)

    def until(self, when: float) -> None:
        while self.cadence.due + self.late <= when:
            self.now = max(self.now, self.cadence.due + self.late)
            self.note(self.cadence.tick(self.now))
        self.now = when

    def say(self, frames: int) -> None:
        """An item of so many frames is pushed now."""
        self.item += 1
        # The codec is another file's business: frames are queued as they are.
        self.playout.push(str(self.item), bytes(frames * 960))
        self.playout.end_item(str(self.item))
        self.note(self.cadence.wake(self.now))

    def note(self, departure: Departure | None) -> None:
        if departure is None:
            return
        self.number += departure.skipped
        audio = departure.payload is not self.playout._silence.payload
        self.sent.append(Sent(self.now, self.number, departure.marker, audio))
        self.number += 1
        # The law of it all: timestamps are the wall clock's, ahead by at most one frame.
        lead = self.number * FRAME_S - FRAME_S - (self.now - START)
        assert -self.late - 1e-9 <= lead <= FRAME_S + 1e-9


def spacings_ms(sent: list[Sent]) -> list[float]:
    return [(b.at - a.at) * 1000 for a, b in itertools.pairwise(sent)]


def test_silence_is_sent_every_20_ms() -> None:
    wire = Wire()
    wire.until(START + 10)
    assert len(wire.sent) in (500, 501)
    assert spacings_ms(wire.sent) == pytest.approx([20.0] * (len(wire.sent) - 1))
    assert not any(frame.marker or frame.audio for frame in wire.sent)


def test_a_talkspurt_starts_at_once_and_keeps_20_ms() -> None:
    wire = Wire()
    wire.until(START + 1.013)
    wire.say(5)
    assert wire.sent[-1].audio
    assert wire.sent[-1].marker
    assert wire.sent[-1].at == START + 1.013
    assert wire.cadence.lead_ms == pytest.approx(7)
    first = len(wire.sent) - 1
    wire.until(START + 1.2)
    spurt = wire.sent[first : first + 5]
    assert all(frame.audio for frame in spurt)
    assert [frame.marker for frame in spurt] == [True, False, False, False, False]
    assert spacings_ms(spurt) == pytest.approx([20.0] * 4)


def test_the_lead_is_repaid_at_the_first_silence() -> None:
    wire = Wire()
    wire.until(START + 1.013)
    wire.say(5)
    first = len(wire.sent) - 1
    wire.until(START + 1.5)
    assert wire.cadence.lead_ms == 0
    assert spacings_ms(wire.sent[first + 4 :])[:3] == pytest.approx([27, 20, 20])
    assert all(b.number == a.number + 1 for a, b in itertools.pairwise(wire.sent))


def test_audio_while_the_lead_is_repaid_continues_the_talkspurt() -> None:
    wire = Wire()
    wire.until(START + 1.005)
    wire.say(3)  # a lead of 15 ms
    wire.until(START + 1.005 + 3 * FRAME_S + 0.004)
    assert wire.sent[-1].audio
    wire.say(3)
    assert wire.sent[-1].audio
    assert not wire.sent[-1].marker  # no silence was sent in between
    assert wire.cadence.lead_ms == pytest.approx(11)
    assert spacings_ms(wire.sent[-2:]) == pytest.approx([24])


def test_audio_while_a_talkspurt_runs_waits_its_turn() -> None:
    wire = Wire()
    wire.until(START + 1.013)
    wire.say(3)
    count = len(wire.sent)
    wire.say(3)
    assert len(wire.sent) == count
    wire.until(START + 1.2)
    assert spacings_ms(wire.sent[count - 1 : count + 5]) == pytest.approx([20.0] * 5)


def test_a_wake_without_audio_does_nothing() -> None:
    wire = Wire()
    wire.until(START + 1.013)
    assert wire.cadence.wake(wire.now) is None


def test_audio_before_the_start_leaves_with_the_first_tick() -> None:
    wire = Wire()
    wire.playout.push("greeting", bytes(960 * 3))
    wire.until(START)
    assert [(frame.at, frame.audio, frame.marker) for frame in wire.sent] == [(START, True, True)]


def test_M5_after_a_flush_silence_goes_on_in_time() -> None:
    wire = Wire()
    wire.until(START + 1.013)
    wire.say(500)
    wire.until(START + 2)
    wire.playout.flush()
    count = len(wire.sent)
    wire.until(START + 3)
    assert not any(frame.audio for frame in wire.sent[count:])
    assert wire.cadence.lead_ms == 0


@pytest.mark.parametrize("frames", [0, 100])
def test_H7_a_stall_is_skipped_and_no_burst_is_sent(frames: int) -> None:
    wire = Wire()
    wire.until(START + 1.013)
    if frames:
        wire.say(frames)
    wire.until(START + 1.2)
    before = len(wire.sent)
    wire.now = wire.cadence.due + 0.5
    wire.late = 0.5  # for the law in `note`: this frame is late
    wire.note(wire.cadence.tick(wire.now))
    wire.late = 0.0
    assert len(wire.sent) == before + 1
    skipped = wire.cadence.counters()["skipped_frames"]
    assert skipped in (24, 25)
    assert wire.sent[-1].number == wire.sent[-2].number + 1 + skipped
    assert wire.sent[-1].marker == bool(frames)  # the gap in time is announced
    wire.until(wire.now + 1)
    assert max(spacings_ms(wire.sent[before:])) < 41
    assert sum(spacing < 19.9 for spacing in spacings_ms(wire.sent[before:])) <= 1
    wire.until(wire.now + 2)
    assert sum(frame.audio for frame in wire.sent) == frames  # later, but all of it


def test_H7_audio_pushed_at_the_end_of_a_stall() -> None:
    wire = Wire()
    wire.until(START + 1)
    wire.now += 0.505
    wire.late = 0.005  # for the law in `note`
    wire.say(3)
    assert wire.sent[-1].audio
    assert wire.cadence.counters()["skipped_frames"] == 24


@pytest.mark.parametrize("grain_s", [-0.001, 0.0, 0.001])
def test_hold_lets_time_pass_and_keeps_what_was_being_said(grain_s: float) -> None:
    wire = Wire()
    wire.until(START + 1.013)
    wire.say(50)
    wire.until(START + 1.3)
    heard = sum(frame.audio for frame in wire.sent)
    ticks = 0
    while wire.cadence.due <= START + 5:
        wire.now = wire.cadence.due + grain_s
        wire.number += wire.cadence.pass_by(wire.now)
        ticks += 1
    assert ticks <= 3.7 / FRAME_S + 2  # none was asked for twice, but for the repayment
    assert wire.cadence.lead_ms == 0
    count = len(wire.sent)
    wire.until(START + 10)
    assert wire.sent[count].marker
    assert wire.sent[count].number == pytest.approx((wire.sent[count].at - START) / FRAME_S)
    assert sum(frame.audio for frame in wire.sent) == 50
    assert sum(frame.audio for frame in wire.sent[count:]) == 50 - heard


def test_H7_a_stall_during_hold() -> None:
    wire = Wire()
    wire.until(START + 1)
    assert wire.cadence.pass_by(wire.cadence.due + 0.505) == 26


def test_late_ticks_move_nothing() -> None:
    wire = Wire(late=0.004)
    wire.until(START + 100)
    assert len(wire.sent) == 5000
    assert wire.cadence.counters()["skipped_frames"] == 0


def test_a_timer_that_is_a_grain_early_cannot_raise_the_lead() -> None:
    playout = PlayoutQueue(Law.PCMU)
    cadence = Cadence(playout, START)
    assert cadence.tick(START - 0.001) is not None
    playout.push("a", bytes(9600))
    assert cadence.wake(START - 0.0005) is None
    assert cadence.due == pytest.approx(START)
    assert cadence.tick(cadence.due) is not None
    assert cadence.lead_ms == pytest.approx(20)


@pytest.mark.slow
def test_R13_two_hours_of_talkspurts_do_not_move_the_timeline() -> None:
    """No growth of lead; timestamps are wall time within a frame (asserted for each frame)."""
    rng = random.Random(11)
    wire = Wire()
    while wire.now < START + 2 * 3600:
        wire.until(wire.now + rng.uniform(0.0, 30))
        for _ in range(rng.randint(1, 4)):
            wire.say(rng.randint(1, 200))
            wire.until(wire.now + rng.uniform(0.0, 5))
    wire.until(wire.now + 60)
    assert wire.cadence.lead_ms == 0
    assert wire.number == pytest.approx((wire.now - START) / FRAME_S, abs=1.01)
    inside = [
        spacing
        for a, b, spacing in zip(wire.sent, wire.sent[1:], spacings_ms(wire.sent), strict=False)
        if a.audio and b.audio and b.number == a.number + 1
    ]
    # Exactly 20 ms inside a talkspurt, but where it went on during the repayment.
    exact = sum(abs(spacing - 20) < 1e-6 for spacing in inside)
    assert exact / len(inside) > 0.999
    assert all(20 - 1e-6 <= spacing < 40 for spacing in inside)
    started = wire.cadence.counters()["talkspurts_at_once"]
    assert started > 200
    assert sum(frame.marker for frame in wire.sent) <= started + wire.item


@given(
    steps=st.lists(st.tuples(st.floats(0, 0.3), st.integers(1, 12)), max_size=60),
    late_ms=st.floats(0, 15),
)
@settings(deadline=None, max_examples=80)
def test_any_sequence_of_pushes_obeys_the_law(
    steps: list[tuple[float, int]], late_ms: float
) -> None:
    wire = Wire(late=late_ms / 1000)
    for wait_s, frames in steps:
        wire.until(wire.now + wait_s)
        wire.say(frames)
    wire.until(wire.now + 10)
    assert all(b.number == a.number + 1 for a, b in itertools.pairwise(wire.sent))
    assert sum(frame.audio for frame in wire.sent) == sum(frames for _, frames in steps)
    assert wire.cadence.lead_ms == 0
