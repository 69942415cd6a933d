"""The engine's timeline against real time, and what the audio in it is."""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.bridge.uplink.timeline import Uplink
from sipua.codecs import dtmf
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.resample import Upsampler
from sipua.codecs.tones import sine
from sipua.rtp.events import (
    ComfortNoise,
    Frame,
    Lost,
    MediaTimeout,
    RtpEvent,
    Silence,
    SourceChanged,
)
from sipua.rtp.receive.jitter import ReorderBuffer
from sipua.rtp.receive.stats import ReceiveStats

FRAME_S = 0.02
PCMU, PCMA = 0, 8
VOICE = encode(Law.PCMU, sine(200, 20, 8000))  # four whole periods


def milliseconds(chunks: Sequence[bytes]) -> float:
    return sum(map(len, chunks)) / 48


def samples(chunks: Sequence[bytes]) -> np.typing.NDArray[np.int16]:
    return np.frombuffer(b"".join(chunks), "<i2")


@dataclass
class Call:
    """An uplink whose ticks run every 20 ms, half a frame beside the packets."""

    uplink: Uplink = field(default_factory=Uplink)
    now: float = 1000.0
    started: float | None = None
    fed_ms: float = 0.0
    next_tick: float = 1000.01
    worst_ahead_ms: float = 0.0
    worst_behind_ms: float = 0.0
    heard: list[bytes] = field(default_factory=list)

    def until(self, when: float, *, holding: bool = False) -> float:
        """Let time pass; returns the milliseconds that the ticks fed."""
        before = self.fed_ms
        while self.next_tick <= when:
            self.now = self.next_tick
            self.take(self.uplink.tick(self.now, holding=holding))
            self.next_tick += FRAME_S
        self.now = when
        return self.fed_ms - before

    def feed(self, *events: RtpEvent) -> float:
        if self.started is None:
            self.started = self.now - FRAME_S
        chunks = self.uplink.feed(events, self.now)
        self.take(chunks)
        return milliseconds(chunks)

    def take(self, chunks: Sequence[bytes]) -> None:
        self.heard += chunks
        self.fed_ms += milliseconds(chunks)
        if self.started is not None:
            self.worst_ahead_ms = max(self.worst_ahead_ms, self.ahead_ms)
            self.worst_behind_ms = max(self.worst_behind_ms, -self.ahead_ms)

    @property
    def ahead_ms(self) -> float:
        assert self.started is not None
        return self.fed_ms - (self.now - self.started) * 1000

    def frame(self, payload: bytes = VOICE, payload_type: int = PCMU) -> Frame:
        return Frame(payload_type, payload, self.now)

    def talk(self, frames: int) -> None:
        for _ in range(frames):
            self.feed(self.frame())
            self.until(self.now + FRAME_S)


def test_a_frame_is_decoded_and_resampled_at_once() -> None:
    call = Call()
    assert call.feed(call.frame()) == 20
    expected = Upsampler(24_000).process(decode(Law.PCMU, VOICE))
    assert np.array_equal(samples(call.heard), expected)


def test_steady_audio_is_passed_as_it_is_and_ticks_add_nothing() -> None:
    call = Call()
    call.talk(500)
    assert call.fed_ms == 500 * 20
    expected = Upsampler(24_000).process(decode(Law.PCMU, VOICE * 500))
    assert np.array_equal(samples(call.heard), expected)


def test_R11_law_switch_in_mid_call() -> None:
    call = Call()
    call.talk(5)
    same_in_alaw = encode(Law.PCMA, decode(Law.PCMU, VOICE))
    call.feed(call.frame(same_in_alaw, PCMA))
    level = np.abs(samples(call.heard)[-400:].astype(float)).mean()
    assert level == pytest.approx(np.abs(samples(call.heard)[1000:1400].astype(float)).mean(), 0.1)


def test_R11_payload_types_that_were_not_negotiated_are_counted_and_not_heard() -> None:
    call = Call()
    assert call.feed(call.frame(payload_type=3), call.frame(payload=b"")) == 0
    assert call.uplink.counters()["unknown_payloads"] == 2


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_R9_any_ptime(ptime_ms: int) -> None:
    call = Call()
    payload = (VOICE * 3)[: ptime_ms * 8]
    for _ in range(100):
        assert call.feed(call.frame(payload)) == ptime_ms
        assert call.until(call.now + ptime_ms / 1000) == 0


def test_loss_is_concealed_in_full() -> None:
    call = Call()
    call.talk(10)
    call.until(call.now + FRAME_S)
    assert call.feed(Lost(160), call.frame()) == 40
    concealed = samples(call.heard[-2:-1]).astype(float)
    assert np.sqrt(np.mean(concealed**2)) > 2000  # the tone goes on
    assert call.uplink.counters()["concealed_ms"] == 20


def test_held_packets_are_no_pause() -> None:
    """A jitter buffer that holds for 200 ms delivers all of it later."""
    call = Call()
    call.talk(10)
    assert call.until(call.now + 0.2, holding=True) == 0
    assert call.feed(Lost(160), *[call.frame()] * 10) == 220


def test_a_pause_is_fed_at_real_time_less_60_ms() -> None:
    call = Call()
    call.talk(10)
    last = call.now - FRAME_S
    assert call.until(last + 0.079) == 0
    call.until(last + 30)
    assert call.ahead_ms == pytest.approx(-60, abs=25)
    assert call.worst_behind_ms < 105
    assert not samples(call.heard[-1400:]).any()


def test_the_start_of_a_pause_fades_instead_of_breaking_off() -> None:
    call = Call()
    call.talk(10)
    call.until(call.now + 0.3)
    audio = np.abs(samples(call.heard[8:]).astype(int))
    parts = [part.max() for part in np.split(audio[: len(audio) // 480 * 480], len(audio) // 480)]
    assert parts[2] > 0.7 * parts[0]
    assert 0 < parts[7] < 0.5 * parts[0]
    assert parts[-1] == 0


def test_R8_comfort_noise_is_silence_at_once_and_not_a_fading_voice() -> None:
    """What comes before its first silence comes out of the filter; nothing is made up."""
    call = Call()
    call.talk(10)
    call.feed(ComfortNoise(-50))
    told_at = len(call.heard)
    call.until(call.now + 0.3)
    assert not samples(call.heard[told_at:])[3 * 30 :].any()
    assert call.uplink.counters()["concealed_ms"] == 0


def test_R8_after_comfort_noise_a_pause_is_fed_40_ms_sooner() -> None:
    waits = []
    for told in (False, True):
        call = Call()
        call.talk(10)
        if told:
            call.feed(ComfortNoise(-50))
        call.until(call.now + 30)
        waits.append(-call.ahead_ms)
    assert waits[0] - waits[1] == pytest.approx(40)


def test_R8_comfort_noise_every_few_seconds_and_speech_after_it_keep_the_time() -> None:
    rng = np.random.default_rng(8)
    call = Call()
    call.talk(50)
    for _ in range(20):
        pause_frames = int(rng.integers(5, 400))
        arrival = call.now + pause_frames * FRAME_S
        for at in np.arange(call.now, arrival, 2.0):
            call.until(float(at))
            call.feed(ComfortNoise(int(rng.integers(-80, -40))))
        call.until(arrival + float(rng.uniform(0, 0.015)))
        call.feed(Silence(pause_frames * 160), call.frame())
        call.until(max(call.now, arrival + FRAME_S))
        call.talk(int(rng.integers(10, 100)))
    assert call.worst_ahead_ms < 70
    assert call.worst_behind_ms < 110
    # A pause that is not announced is waited for as before.
    assert call.until(call.now + 0.055) == 0


def test_R8_comfort_noise_before_any_audio_starts_nothing() -> None:
    call = Call()
    call.feed(ComfortNoise(-50))
    assert call.until(call.now + 5) == 0


def test_digits_are_looked_for_only_when_asked() -> None:
    tone = encode(Law.PCMU, np.concatenate([dtmf.tone("7", 800), np.zeros(800, np.int16)]))
    for wanted in (False, True):
        call = Call()
        call.uplink.detect_tones(wanted)
        for start in range(0, len(tone), 160):
            call.feed(call.frame(tone[start : start + 160]))
            call.until(call.now + FRAME_S)
        found = list(call.uplink.take_digits())
        assert [digit.digit for digit in found] == (["7"] if wanted else [])
        assert all(digit.inband for digit in found)
        assert not call.uplink.take_digits()


def test_a_tone_that_breaks_off_is_told_while_nothing_comes() -> None:
    tone = encode(Law.PCMU, dtmf.tone("7", 960))
    call = Call()
    call.uplink.detect_tones(True)
    for start in range(0, len(tone), 160):
        call.feed(call.frame(tone[start : start + 160]))
        call.until(call.now + FRAME_S)
    assert not call.uplink.take_digits()
    call.until(call.now + 0.3)
    assert [digit.digit for digit in call.uplink.take_digits()] == ["7"]


@pytest.mark.parametrize("pause_ms", [100, 140, 500, 1230, 30_000])
def test_R8_dtx_pause_is_not_doubled_by_the_timestamp_jump(pause_ms: int) -> None:
    call = Call()
    call.talk(50)
    call.until(call.now + pause_ms / 1000)
    call.feed(Silence(pause_ms * 8), call.frame())
    assert call.fed_ms == pytest.approx(50 * 20 + pause_ms + 20)
    counters = call.uplink.counters()
    assert counters["silence_fed_ms"] == pause_ms
    call.talk(10)


def test_R8_a_long_call_with_dtx_stays_on_time() -> None:
    rng = np.random.default_rng(5)
    call = Call()
    call.talk(1)
    while call.now < 1000 + 900:
        call.talk(int(rng.integers(1, 100)))
        pause_frames = int(rng.integers(1, 200))
        arrival = call.now + pause_frames * FRAME_S
        call.until(arrival + float(rng.uniform(0, 0.015)))
        call.feed(Silence(pause_frames * 160), call.frame())
        call.until(max(call.now, arrival + FRAME_S))
    assert call.worst_ahead_ms < 70
    assert call.worst_behind_ms < 110


def test_loss_over_a_pause_is_not_doubled() -> None:
    """A burst of 300 ms is lost: the pause was fed before that was known."""
    call = Call()
    call.talk(50)
    call.until(call.now + 0.3)
    call.feed(Lost(300 * 8), call.frame())
    assert call.fed_ms == pytest.approx(50 * 20 + 320)


def test_loss_and_silence_after_one_pause_share_what_was_fed() -> None:
    call = Call()
    call.talk(50)
    call.until(call.now + 1)
    call.feed(Lost(500 * 8), Silence(500 * 8), call.frame())
    assert call.fed_ms == pytest.approx(50 * 20 + 1020)


def test_hold_whose_clock_stood_still_is_fed_once_and_later_losses_in_full() -> None:
    call = Call()
    call.talk(50)
    call.until(call.now + 10)
    call.feed(call.frame())
    assert call.ahead_ms == pytest.approx(-60, abs=30)
    call.until(call.now + 2 * FRAME_S)
    assert call.feed(Lost(160), call.frame()) == 40


def test_many_holds_do_not_add_up() -> None:
    call = Call()
    for _ in range(300):
        call.talk(20)
        call.until(call.now + 1.013)
    assert call.worst_behind_ms < 150


def test_a_network_stall_loses_no_audio_and_its_surplus_is_repaid_by_silence() -> None:
    call = Call()
    call.talk(50)
    call.until(call.now + 0.5)
    assert call.feed(*[call.frame()] * 25) == 500
    call.talk(10)
    assert 400 < call.ahead_ms < 500
    call.until(call.now + 1)
    call.feed(Silence(1000 * 8), call.frame())
    call.talk(10)
    assert call.ahead_ms < 450  # what the pause's ticks fed was needed for the turn's end
    call.feed(Silence(20 * 8), call.frame())
    for _ in range(10):
        call.until(call.now + 3 * FRAME_S)
        call.feed(Silence(40 * 8), call.frame())
    assert call.ahead_ms < 60 + 25  # what is left is no more than jitter makes


def test_after_a_surplus_a_pause_is_fed_without_delay() -> None:
    call = Call()
    call.talk(50)
    call.until(call.now + 0.5)
    call.feed(*[call.frame()] * 25)
    assert call.until(call.now + 0.5) >= 400


def test_H7_our_own_stall_is_not_filled_before_the_sockets_are_read() -> None:
    call = Call()
    call.talk(50)
    call.now += 1.0
    call.next_tick = call.now + FRAME_S
    assert milliseconds(call.uplink.tick(call.now)) <= 40
    call.feed(*[call.frame()] * 50)
    assert call.ahead_ms <= 40


def test_a_peer_faster_than_real_time_is_bounded() -> None:
    call = Call()
    for _ in range(2000):
        call.feed(call.frame())
        call.until(call.now + FRAME_S / 10)
    assert call.worst_ahead_ms <= 5000
    assert call.uplink.counters()["dropped_ms"] > 30_000


def test_R6_a_wild_timestamp_makes_no_audio() -> None:
    call = Call()
    call.talk(50)
    assert call.feed(Silence(3600 * 8000), call.frame()) <= 100
    assert call.feed(Lost(3600 * 8000), call.frame()) <= 5000


@pytest.mark.slow
@pytest.mark.parametrize("ppm", [-200, 200])
def test_R13_two_hours_of_clock_drift(ppm: int) -> None:
    call = Call()
    second = VOICE * 50  # long packets, to save the test's time
    for _ in range(2 * 3600):
        call.feed(call.frame(second))
        call.now += 1 - ppm / 1e6
        call.take(call.uplink.tick(call.now))
    assert call.uplink.counters()["dropped_ms"] == 0
    drift_ms = ppm / 1e6 * 7200 * 1000
    assert call.ahead_ms == pytest.approx(max(drift_ms, -1000), abs=1000)  # one packet


def test_an_engine_may_hear_silence_before_the_first_frame() -> None:
    call = Call()
    call.uplink.begin(call.now)
    fed_ms = call.until(1001.0)
    assert 940 <= fed_ms <= 1000
    assert not np.any(samples(call.heard))
    call.started = 1000.0
    for _ in range(50):
        call.feed(Frame(PCMU, VOICE, call.now))
        call.uplink.begin(call.now)  # as in each tick: it has begun
        call.until(call.now + FRAME_S)
    assert 1940 <= call.fed_ms <= 2000, "real time, nothing twice"
    assert call.uplink.counters()["dropped_ms"] == 0


def test_nothing_before_the_first_frame() -> None:
    uplink = Uplink()
    assert uplink.tick(5.0) == ()
    events = (Lost(160), Silence(160), SourceChanged(("127.0.0.1", 4000), 1), MediaTimeout(20))
    assert uplink.feed(events, 5.0) == []
    assert uplink.tick(500.0) == ()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("talk"), st.integers(1, 40)),
        st.tuples(st.just("dtx"), st.integers(1, 150)),
        st.tuples(st.just("lost"), st.integers(1, 30)),
        st.tuples(st.just("hold"), st.integers(1, 150)),
    ),
    max_size=40,
)


@given(steps=steps, seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=60)
def test_honest_senders_stay_within_150_ms(steps: list[tuple[str, int]], seed: int) -> None:
    """Any order of speech, DTX, loss and hold, with up to 15 ms of jitter."""
    rng = np.random.default_rng(seed)
    call = Call()
    sent_at = call.now
    call.feed(call.frame())
    for kind, frames in steps:
        if kind == "talk":
            for _ in range(frames):
                sent_at += FRAME_S
                call.until(max(call.now, sent_at + float(rng.uniform(0, 0.015))))
                call.feed(call.frame())
            continue
        sent_at += (frames + 1) * FRAME_S
        call.until(max(call.now, sent_at + float(rng.uniform(0, 0.015))))
        if kind == "dtx":
            call.feed(Silence(frames * 160), call.frame())
        elif kind == "lost":
            call.feed(Lost(frames * 160), call.frame())
        else:
            call.feed(call.frame())
    short_holds_ms = sum(20 * min(n, 4) for kind, n in steps if kind == "hold")
    assert call.worst_ahead_ms < 150
    # A hold of under 80 ms cannot be told from jitter: its time is made up in the next pause.
    assert call.worst_behind_ms < 150 + short_holds_ms


hostile_events = st.one_of(
    st.just("frame"),
    st.just("long frame"),
    st.integers(0, 100_000).map(Lost),
    st.integers(0, 100_000).map(Silence),
)


@given(
    happenings=st.lists(
        st.tuples(st.floats(0, 3), st.lists(hostile_events, max_size=4)), max_size=60
    )
)
@settings(deadline=None, max_examples=60)
def test_any_sequence_of_events_is_bounded_both_ways(
    happenings: list[tuple[float, list[str | Lost | Silence]]],
) -> None:
    call = Call(Uplink(max_ahead_ms=2000, max_behind_ms=1000))
    call.feed(call.frame())
    for wait_s, events in happenings:
        call.until(call.now + wait_s)
        for event in events:
            if isinstance(event, Lost | Silence):
                call.feed(event)
            else:
                call.feed(call.frame(VOICE * 3 if event == "long frame" else VOICE))
    assert call.worst_ahead_ms <= 2000
    assert call.worst_behind_ms <= 1000 + 60


@pytest.mark.parametrize(
    ("loss", "jitter_ms", "dtx", "bound_ms"),
    [(0.03, 0, False, 5), (0.03, 40, True, 40), (0.03, 80, False, 560), (0.2, 200, True, 700)],
)
def test_R7_behind_the_real_reorder_buffer(
    loss: float, jitter_ms: float, dtx: bool, bound_ms: float
) -> None:
    """Two minutes of a bad network, with and without DTX."""
    rng = random.Random(4)
    call = Call()
    buffer = ReorderBuffer(ReceiveStats(1))
    packets: list[tuple[float, int, int]] = []
    sent_at, timestamp = call.now, 0
    for sequence in range(6000):
        if dtx and rng.random() < 0.01:
            pause = rng.randint(1, 100)
            sent_at += pause * FRAME_S
            timestamp += pause * 160
        if rng.random() >= loss:
            arrival = sent_at + rng.uniform(0, jitter_ms / 1000)
            heapq.heappush(packets, (arrival, sequence, timestamp))
        sent_at += FRAME_S
        timestamp += 160
    while packets:
        arrival, sequence, timestamp = packets[0]
        due = min(arrival, buffer.deadline or arrival)
        while call.next_tick < due:
            call.until(call.next_tick, holding=buffer.deadline is not None)
        call.now = due
        if due == arrival:
            heapq.heappop(packets)
            call.feed(*buffer.push(sequence, timestamp, call.frame(), due))
        else:
            call.feed(*buffer.expire(due))
    assert call.worst_ahead_ms < bound_ms
    assert call.worst_behind_ms < 60 + 40 + jitter_ms + 60
    assert call.uplink.counters()["dropped_ms"] == 0
