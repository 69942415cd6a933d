import pytest

from sipua.rtp.events import Frame, Lost, RtpEvent, Silence
from sipua.rtp.receive.jitter import ReorderBuffer
from sipua.rtp.receive.stats import ReceiveStats


class Buffer:
    """A ReorderBuffer fed with 20 ms packets by number; what came out as short words."""

    def __init__(self, **options: float) -> None:
        self.stats = ReceiveStats(1)
        self.buffer = ReorderBuffer(self.stats, **options)  # type: ignore[arg-type]
        self.out: list[str] = []

    def push(
        self,
        number: int,
        now: float | None = None,
        *,
        timestamp: int | None = None,
        samples: int = 160,
        audio: bool = True,
    ) -> list[str]:
        if now is None:
            now = number * 0.02
        if timestamp is None:
            timestamp = number * 160
        frame = Frame(0, number.to_bytes(4, signed=True) + bytes(samples - 4), now)
        self.stats.count(samples, now)
        return self._told(self.buffer.push(number, timestamp, frame if audio else None, now))

    def expire(self, now: float) -> list[str]:
        return self._told(self.buffer.expire(now))

    def _told(self, events: object) -> list[str]:
        assert isinstance(events, list | tuple)
        words = [self._word(event) for event in events]
        self.out += words
        return words

    @staticmethod
    def _word(event: RtpEvent) -> str:
        match event:
            case Frame():
                return str(int.from_bytes(event.payload[:4], signed=True))
            case Lost():
                return f"lost{event.samples}"
            case Silence():
                return f"silence{event.samples}"
            case _:
                raise AssertionError(event)


def test_in_order_is_never_held() -> None:
    buffer = Buffer()
    for number in range(100, 200):
        assert buffer.push(number) == [str(number)]
        assert buffer.buffer.deadline is None
    assert buffer.stats.held == 0


def test_a_gap_that_fills_in_time_is_no_loss() -> None:
    buffer = Buffer()
    buffer.push(0)
    assert buffer.push(2, 0.04) == []
    assert buffer.buffer.deadline == pytest.approx(0.10)
    assert buffer.push(1, 0.05) == ["1", "2"]
    assert buffer.buffer.deadline is None
    assert (buffer.stats.reordered, buffer.stats.given_up, buffer.stats.held) == (1, 0, 1)
    assert buffer.stats.max_held_ms == pytest.approx(10)


def test_a_gap_is_given_up_at_its_deadline() -> None:
    buffer = Buffer()
    buffer.push(0)
    buffer.push(2)
    buffer.push(3)
    assert buffer.expire(0.099) == []
    assert buffer.expire(0.100) == ["lost160", "2", "3"]
    assert buffer.buffer.deadline is None
    assert buffer.stats.given_up == 1
    assert buffer.stats.lost_samples == 160
    assert buffer.stats.max_held_ms == pytest.approx(60)


def test_each_gap_has_its_own_deadline() -> None:
    buffer = Buffer()
    buffer.push(0)
    buffer.push(2)  # 40 ms
    buffer.push(4)  # 80 ms
    assert buffer.expire(0.10) == ["lost160", "2"]
    assert buffer.buffer.deadline == pytest.approx(0.14)
    assert buffer.expire(0.14) == ["lost160", "4"]


def test_late_and_duplicate_are_told_apart() -> None:
    buffer = Buffer()
    buffer.push(10)
    buffer.push(10)  # duplicate of one released
    buffer.push(12)
    buffer.push(12)  # duplicate of one held
    buffer.expire(1.0)
    buffer.push(11, 1.0)  # late
    buffer.push(11, 1.0)  # and that one twice
    buffer.push(9, 1.0)  # from before the first packet
    assert buffer.out == ["10", "lost160", "12"]
    assert (buffer.stats.late, buffer.stats.duplicates) == (2, 3)


def test_a_burst_of_loss_is_one_gap() -> None:
    buffer = Buffer()
    buffer.push(0)
    buffer.push(6)
    assert buffer.expire(0.3) == ["lost800", "6"]
    assert buffer.stats.given_up == 5


def test_timestamp_jump_without_loss_is_silence() -> None:
    buffer = Buffer()
    buffer.push(0)
    assert buffer.push(1, 2.0, timestamp=16000) == ["silence15840", "1"]
    assert buffer.push(2, 2.02, timestamp=16160) == ["2"]
    assert buffer.stats.silence_samples == 15840


def test_loss_and_silence_in_one_gap_are_shared_out() -> None:
    buffer = Buffer()
    buffer.push(0)
    buffer.push(2, 1.0, timestamp=8000)
    assert buffer.expire(1.06) == ["lost160", "silence7680", "2"]


def test_packets_without_audio_keep_their_place() -> None:
    buffer = Buffer()
    buffer.push(0)
    assert buffer.push(1, audio=False) == []
    assert buffer.push(2, audio=False, timestamp=160) == []
    assert buffer.push(3) == ["silence320", "3"]
    assert buffer.stats.given_up == 0


def test_a_lost_packet_that_took_no_time_is_not_lost_audio() -> None:
    buffer = Buffer()
    buffer.push(0)
    buffer.push(2, 0.02, timestamp=160)  # number 1 was an event
    assert buffer.expire(0.08) == ["2"]
    assert (buffer.stats.given_up, buffer.stats.lost_samples) == (1, 0)
    # and it explains nothing later
    assert buffer.push(3, 1.0, timestamp=8000) == ["silence7680", "3"]


def test_R6_sequence_jump_resynchronises_with_the_second_packet() -> None:
    for jump in (5000, 20000, -200, -5000):
        buffer = Buffer()
        for number in range(1000, 1010):
            buffer.push(number)
        first = 1009 + jump
        assert buffer.push(first, 20.2, timestamp=161600) == []
        assert buffer.push(first + 1, 20.22, timestamp=161760) == [str(first), str(first + 1)]
        assert buffer.push(first + 2, 20.24, timestamp=161920) == [str(first + 2)]
        assert (buffer.stats.resets, buffer.stats.stray, buffer.stats.lost) == (1, 0, 0)


def test_R6_one_wild_packet_changes_nothing() -> None:
    buffer = Buffer()
    buffer.push(1000)
    buffer.push(17000, 20.01)
    assert buffer.push(1001) == ["1001"]
    buffer.push(17001, 20.03)
    assert buffer.push(1002) == ["1002"]
    assert (buffer.stats.resets, buffer.stats.stray, buffer.stats.lost) == (0, 2, 0)


def test_R6_what_was_held_comes_before_the_new_start() -> None:
    buffer = Buffer()
    buffer.push(0)
    buffer.push(2)
    buffer.push(9000, 0.05, timestamp=400)
    assert buffer.push(9001, 0.07, timestamp=560)[:3] == ["lost160", "2", "9000"]


@pytest.mark.parametrize("hours", [1, -1])
def test_R6_timestamp_jump_of_an_hour_makes_no_silence(hours: int) -> None:
    buffer = Buffer()
    buffer.push(0)
    jump = hours * 3600 * 8000
    assert buffer.push(1, timestamp=160 + jump) == ["1"]
    assert buffer.push(2, timestamp=320 + jump) == ["2"]
    assert buffer.stats.timestamp_resets == 1


def test_R6_loss_with_a_timestamp_jump_lasts_no_longer_than_it_took() -> None:
    buffer = Buffer()
    buffer.push(0, 0.0)
    buffer.push(3000, 0.02, timestamp=10**9)
    assert buffer.expire(1.0) == ["lost160", "3000"]


def test_R9_packet_length_may_change() -> None:
    buffer = Buffer()
    timestamp = 0
    for number, samples in enumerate((160, 160, 80, 240, 320, 480, 160)):
        pushed = buffer.push(number, timestamp / 8000, timestamp=timestamp, samples=samples)
        assert pushed == [str(number)]
        timestamp += samples


def test_R9_loss_while_the_packet_length_changes() -> None:
    buffer = Buffer()
    buffer.push(0, samples=160)
    buffer.push(2, 0.06, timestamp=480, samples=320)  # number 1 had 320 already
    assert buffer.expire(0.2) == ["lost320", "2"]


def test_held_packets_are_bounded() -> None:
    buffer = Buffer(hold_ms=10_000)
    buffer.push(0)
    for number in range(2, 200):
        buffer.push(number, 0.1)
        assert len(buffer.buffer._held) <= 64
    assert buffer.stats.overflow == 1
    assert buffer.out == ["0", "lost160", *(str(number) for number in range(2, 200))]


def test_given_up_numbers_are_bounded() -> None:
    buffer = Buffer(hold_ms=20)
    now = 0.0
    for number in range(0, 3_000_000, 4000):
        now += 1.0
        buffer.push(number, now)
        buffer.expire(now + 0.5)
        assert len(buffer.buffer._given_up) <= 400


def test_the_hold_follows_the_jitter_between_its_limits() -> None:
    for jitter_samples, expected_ms in ((0, 20), (80, 30), (160, 60), (5000, 200)):
        buffer = Buffer()
        for number in range(40):
            buffer.push(number)
        buffer.stats.jitter_samples = jitter_samples
        buffer.push(41, 10.0)
        assert buffer.buffer.deadline == pytest.approx(10.0 + expected_ms / 1000)


def test_the_hold_is_the_default_until_jitter_is_known() -> None:
    buffer = Buffer(hold_ms=45)
    buffer.push(0)
    buffer.push(2, 10.0)
    assert buffer.buffer.deadline == pytest.approx(10.045)


def test_flush_releases_everything() -> None:
    buffer = Buffer()
    buffer.push(0)
    buffer.push(2)
    buffer.push(4)
    buffer._told(buffer.buffer.flush(1.0))
    assert buffer.out == ["0", "lost160", "2", "lost160", "4"]
    assert buffer.buffer.deadline is None
