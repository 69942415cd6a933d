"""What several parties say, added: never wraps, and waits for a bounded time."""

import numpy as np
import pytest

from sipua.bridge.joint.sum import MOST, RESERVE, Waiting, added, with_added
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm


def pcm(value: int, samples: int = 160) -> Pcm:
    return np.full(samples, value, np.int16)


@pytest.mark.parametrize(
    ("one", "other", "total"),
    [
        (100, 20, 120),
        (-100, 20, -80),
        (32767, 1, 32767),
        (32767, 32767, 32767),
        (-32768, -1, -32768),
        (-32768, 32767, -1),
    ],
)
def test_a_sum_is_cut_off_and_never_wraps(one: int, other: int, total: int) -> None:
    assert set(added(pcm(one), pcm(other)).tolist()) == {total}


@pytest.mark.parametrize("law", list(Law))
def test_every_code_stays_what_it_is_beside_silence(law: Law) -> None:
    codes = bytes(range(256))
    same = with_added(law, codes, np.zeros(256, np.int16))
    assert (decode(law, same) == decode(law, codes)).all(), "µ-law has two zeros"


def test_it_is_taken_when_one_frame_more_is_there() -> None:
    waiting = Waiting()
    assert waiting.take(160) is None
    waiting.put(pcm(1))
    assert waiting.take(160) is None
    waiting.put(pcm(2))
    assert waiting.take(160).tolist() == [1] * 160  # type: ignore[union-attr]
    assert waiting.take(160).tolist() == [2] * 160  # type: ignore[union-attr]
    assert waiting.take(160) is None
    waiting.put(pcm(3))
    assert waiting.take(160) is None, "it waits anew: the next packet may be as late"


@pytest.mark.parametrize("length", [80, 160, 240, 480])
def test_other_packets_than_frames_of_20_ms(length: int) -> None:
    waiting, sent, taken = Waiting(), [], []
    sound = np.arange(1, 4801, dtype=np.int16)
    for at in range(0, len(sound), length):
        waiting.put(sound[at : at + length])
        sent.append(length)
        while len(taken) * 160 + 320 <= sum(sent):
            frame = waiting.take(160)
            assert frame is not None
            taken.append(frame)
    heard = np.concatenate(taken)
    assert (heard == sound[: len(heard)]).all()
    assert waiting.dropped == 0


def test_a_part_of_a_frame_is_filled_up_with_silence() -> None:
    waiting = Waiting()
    waiting.put(pcm(5, 400))
    waiting.take(160)
    waiting.take(160)
    last = waiting.take(160)
    assert last is not None
    assert last.tolist() == [5] * 80 + [0] * 80


def test_what_comes_too_fast_is_dropped_the_oldest_first() -> None:
    waiting = Waiting()
    for number in range(100):
        waiting.put(pcm(number))
        assert waiting.samples <= MOST
    assert waiting.dropped == 16000 - waiting.samples
    assert waiting.samples >= 2 * RESERVE
    first = waiting.take(160)
    assert first is not None
    assert first[0] > 90


def test_a_law_is_kept() -> None:
    for law in Law:
        loud = with_added(law, encode(law, pcm(4000)), pcm(4000))
        assert abs(int(decode(law, loud)[0]) - 8000) < 600
