"""What went wrong with a call, as its caller tells it."""

from __future__ import annotations

import pytest

from sipua.bench.load.caller import Caller, Offer, State
from sipua.bench.soak.callers import fault_of


def caller(state: State, status: int) -> Caller:
    made = Caller(1, ("127.0.0.1", 1), ("127.0.0.1", 2), Offer("127.0.0.1", 3), run="x")
    made.state, made.status = state, status
    return made


@pytest.mark.parametrize(
    ("state", "status", "hung_up", "packets", "fault"),
    [
        ("over", 200, True, 50, ""),
        ("over", 0, True, 50, ""),  # both hung up at once
        ("over", 200, True, 0, "no audio from the edge"),
        ("over", 481, True, 50, "BYE: 481"),
        ("failed", 408, True, 50, "no answer to BYE"),
        ("over", 0, False, 50, "hung up by the edge"),
        ("failed", 503, False, 0, "INVITE: 503"),
        ("failed", 408, False, 0, "no answer to INVITE"),
        ("failed", 200, False, 0, "200 without an audio line"),
    ],
)
def test_faults_are_named(
    state: State, status: int, hung_up: bool, packets: int, fault: str
) -> None:
    assert fault_of(caller(state, status), hung_up, packets) == fault
