import pytest

from sipua.calls.parts import silence


@pytest.mark.parametrize(
    ("idle_s", "talked_s", "counts"),
    [
        (20.0, 0.0, False),  # it rings
        (20.0, 5.0, False),  # it began while it rang
        (20.0, 19.9, True),  # the media was there with the 200, the ACK came later
        (20.0, 300.0, True),
    ],
)
def test_a_silence_counts_when_it_began_after_the_answer(
    idle_s: float, talked_s: float, counts: bool
) -> None:
    assert silence.counts(idle_s, talked_s) is counts
