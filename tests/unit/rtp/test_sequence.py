from hypothesis import given
from hypothesis import strategies as st

from sipua.rtp.sequence import Unwrapper


def test_first_value_stands_for_itself() -> None:
    assert Unwrapper(16).unwrap(65535) == 65535


def test_wraps_forward_and_steps_back() -> None:
    unwrap = Unwrapper(16).unwrap
    assert [unwrap(value) for value in (65534, 65535, 0, 65535, 1, 2)] == [
        65534,
        65535,
        65536,
        65535,
        65537,
        65538,
    ]


def test_before_the_first_value_is_negative() -> None:
    unwrap = Unwrapper(32).unwrap
    assert [unwrap(0), unwrap(0xFFFFFFFF)] == [0, -1]


@given(
    bits=st.sampled_from([16, 32]),
    start=st.integers(0, 2**32 - 1),
    steps=st.lists(st.integers(-(2**15), 2**15 - 1), max_size=200),
)
def test_any_walk_of_small_steps_is_followed(bits: int, start: int, steps: list[int]) -> None:
    true = start % (1 << bits)
    unwrapper = Unwrapper(bits)
    assert unwrapper.unwrap(true) == true
    for step in steps:
        true += step
        assert unwrapper.unwrap(true % (1 << bits)) == true


def test_a_day_of_wraps() -> None:
    unwrapper = Unwrapper(16)
    for true in range(0, 24 * 3600 * 50, 997):
        assert unwrapper.unwrap(true & 0xFFFF) == true
