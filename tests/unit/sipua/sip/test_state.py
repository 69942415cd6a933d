"""The call's table: every state ends, nothing leaves the end, races are ignored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.state import TRANSITIONS, CallInput, CallState, advance


def test_an_incoming_call_from_ring_to_bye() -> None:
    state = CallState.OFFERED
    for event, expected in [
        (CallInput.RING, CallState.RINGING),
        (CallInput.ANSWER, CallState.ANSWERED),
        (CallInput.ACKNOWLEDGED, CallState.CONFIRMED),
        (CallInput.HANGUP, CallState.ENDING),
        (CallInput.DISCONNECTED, CallState.ENDED),
    ]:
        following = advance(state, event)
        assert following is expected
        state = following


def test_S10_answer_after_cancel_is_ignored() -> None:
    state = advance(CallState.RINGING, CallInput.DISCONNECTED)
    assert state is CallState.ENDED
    assert advance(state, CallInput.ANSWER) is None
    assert advance(state, CallInput.HANGUP) is None


def test_a_second_hangup_sends_nothing() -> None:
    assert advance(CallState.ENDING, CallInput.HANGUP) is None


@pytest.mark.parametrize("state", [s for s in CallState if s is not CallState.ENDED])
def test_every_state_can_be_disconnected(state: CallState) -> None:
    assert advance(state, CallInput.DISCONNECTED) is CallState.ENDED


@given(st.lists(st.sampled_from(list(CallInput)), max_size=30))
def test_no_order_of_inputs_leaves_the_end(events: list[CallInput]) -> None:
    state = CallState.OFFERED
    ended = False
    for event in events:
        following = advance(state, event)
        if ended:
            assert following is None
        state = following or state
        ended = state is CallState.ENDED


def test_every_state_is_reached() -> None:
    reached = {CallState.OFFERED, CallState.CALLING} | set(TRANSITIONS.values())
    assert reached == set(CallState)
