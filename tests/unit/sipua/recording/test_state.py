from __future__ import annotations

import pytest

from sipua.recording.state import NotNowError, RecordingState


def test_it_begins_ends_and_begins_again() -> None:
    state = RecordingState("on_demand", consent_needed=False)
    assert state.start() == "recording"
    with pytest.raises(NotNowError, match="recording already"):
        state.start()
    assert state.stop()
    assert not state.stop()
    assert state.start() == "recording"


def test_consent_comes_first_and_is_asked_for_once() -> None:
    state = RecordingState("always", consent_needed=True)
    assert state.start() == "asking"
    assert state.answered(agreed=True) == "recording"
    state.stop()
    assert state.start() == "recording"


def test_a_no_is_for_the_rest_of_the_call() -> None:
    state = RecordingState("on_demand", consent_needed=True)
    state.start()
    assert state.answered(agreed=False) == "blocked"
    assert not state.stop()
    with pytest.raises(NotNowError, match="has not agreed"):
        state.start()
    assert state.answered(agreed=True) == "blocked"


def test_a_pause_lasts_until_all_who_asked_for_it_let_it_go() -> None:
    state = RecordingState("always", consent_needed=False)
    state.start()
    assert state.pause("collect_digits")
    assert not state.pause("operator")
    assert not state.resume("collect_digits")
    assert state.now == "paused"
    assert not state.resume("agent")
    assert state.resume("operator")
    assert state.now == "recording"


def test_a_pause_before_the_consent_holds_after_it() -> None:
    state = RecordingState("always", consent_needed=True)
    state.start()
    assert not state.pause("agent")
    assert state.answered(agreed=True) == "paused"
    assert state.resume_all()


def test_off_is_off() -> None:
    with pytest.raises(NotNowError, match="off for this route"):
        RecordingState("off", consent_needed=False).start()
