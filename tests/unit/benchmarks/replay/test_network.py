"""The network between a recording and the edge: what `--impair` says, and that it is repeatable."""

import pytest

from sipua.bench.common.errors import BenchError
from sipua.bench.replay.network import Impairment

TIMES = [n * 0.02 for n in range(2000)]


def test_everything_that_can_be_asked_for() -> None:
    text = "loss=3%,burst=30%,jitter=40ms,reorder=1%,dup=0.5%,drift=-100ppm,seed=7"
    asked = Impairment.parse(text)
    assert asked == Impairment(0.03, 0.3, 40, 0.01, 0.005, -100, 7)
    assert str(asked) == text
    assert Impairment.parse(str(asked)) == asked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "loss",
        "loss=",
        "loss=101%",
        "loss=-1%",
        "loss=3ms",
        "jitter=40s",
        "jitter=11000ms",
        "drift=1%",
        "seed=x",
        "seed=1e3",
        "rain=3%",
        "loss=1%,loss=2%",
        "loss=nan%",
        "loss=3%,,",
    ],
)
def test_nonsense_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BenchError) as error:
        Impairment.parse(text)
    assert str(error.value).startswith("--impair: ")
    assert "\n" not in str(error.value)


def test_same_seed_same_trouble_and_each_call_its_own() -> None:
    asked = Impairment.parse("loss=3%,jitter=40ms,dup=1%,seed=7")
    assert asked.carry(TIMES, 1) == asked.carry(TIMES, 1)
    assert asked.carry(TIMES, 1) != asked.carry(TIMES, 2)
    assert asked.carry(TIMES) != Impairment.parse("loss=3%,jitter=40ms,dup=1%,seed=8").carry(TIMES)


def test_loss_jitter_and_duplicates_are_as_asked() -> None:
    arrivals = Impairment.parse("loss=5%,jitter=30ms,dup=2%,seed=3").carry(TIMES)
    indexes = [index for _, index in arrivals]
    assert 0.035 < 1 - len(set(indexes)) / len(TIMES) < 0.065
    assert 0.01 < len(indexes) / len(set(indexes)) - 1 < 0.03
    delays = [at - TIMES[index] for at, index in arrivals]
    assert 0 <= min(delays) < 0.001
    assert 0.029 < max(delays) <= 0.03
    assert [at for at, _ in arrivals] == sorted(at for at, _ in arrivals)


def test_drift_stretches_the_sender_s_time() -> None:
    arrivals = Impairment.parse("drift=200ppm,seed=1").carry(TIMES)
    assert arrivals[-1] == (pytest.approx(TIMES[-1] * 1.0002), 1999)
