"""Whose turn it is, in milliseconds instead of minutes."""

from __future__ import annotations

from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.conversation.response_watchdog import Action, Ask, ResponseWatchdog, Silent
from support.engine.line import turn_state

POLICY = DialoguePolicy(
    filler_after_s=0, silent_after_s=8, backoff_s=0.5, backoff_max_s=4, response_retries=2
)


class Watch:
    """A watchdog, and the turn state that it reads, told as a dialogue tells them."""

    def __init__(self, policy: DialoguePolicy) -> None:
        self._turns = turn_state()
        self._watchdog = ResponseWatchdog(policy, lambda: 1.0, self._turns)

    @property
    def model_owes(self) -> bool:
        return self._turns.model_owes

    @property
    def instructions(self) -> str | None:
        return self._watchdog.instructions

    @property
    def proven(self) -> bool:
        return self._watchdog.proven

    @property
    def due(self) -> float:
        return self._watchdog.due

    def check(self, now: float) -> Action | None:
        return self._watchdog.check(now)

    def asked(self, now: float, instructions: str | None = None) -> None:
        self._turns.asked(now)
        self._watchdog.asked(instructions)

    def started(self, now: float) -> None:
        self._turns.response_started(now)
        self._watchdog.started()

    def sign(self, now: float) -> None:
        self._turns.sign_of_life(now)
        self._watchdog.sign()

    def callers_turn(self) -> None:
        self._turns.cancelled()
        self._watchdog.callers_turn()

    def done(self, status: str, now: float) -> bool:
        self._turns.response_done(status)
        return self._watchdog.done(status, now)

    def session_ended(self) -> None:
        self._turns.session_ended()
        self._watchdog.session_ended()


def watch(policy: DialoguePolicy = POLICY) -> Watch:
    return Watch(policy)


def test_M4_nothing_is_due_in_the_callers_turn() -> None:
    turn = watch()
    assert turn.due == float("inf")
    assert turn.check(1e9) is None
    assert not turn.model_owes


def test_M4_silence_is_nudged_then_another_session_is_made() -> None:
    turn = watch()
    turn.asked(100, "Greet.")
    assert turn.model_owes
    assert turn.instructions == "Greet."
    assert turn.due == 108
    assert turn.check(107.9) is None
    assert turn.check(108) == Silent(8000, "nudged")
    turn.asked(108)
    assert turn.check(116) == Silent(8000, "reconnecting")
    turn.session_ended()
    assert not turn.model_owes
    turn.asked(117)
    assert turn.check(125) == Silent(8000, "reconnecting")  # nothing was said since


def test_M4_a_response_that_began_and_says_nothing_is_silent() -> None:
    turn = watch()
    turn.asked(100)
    turn.started(101)
    assert turn.check(108) == Silent(8000, "nudged")


def test_M4_each_sign_of_life_gives_new_time() -> None:
    turn = watch()
    turn.asked(100)
    turn.started(100)
    for now in (105, 110, 115):
        turn.sign(now)
        assert turn.check(now + 7.9) is None
    assert turn.check(123) == Silent(23000, "nudged")
    turn.asked(123)
    turn.sign(124)
    assert turn.check(132) == Silent(9000, "nudged")  # it had spoken: the first strike anew


def test_M4_a_response_without_a_word_is_an_answer() -> None:
    turn = watch()
    turn.asked(100)
    turn.started(101)
    assert turn.done("completed", 102)
    assert turn.proven
    assert not turn.model_owes
    assert turn.check(1e9) is None


def test_M4_a_response_that_nobody_asked_for_must_end_too() -> None:
    turn = watch()
    turn.started(100)
    assert turn.check(108) == Silent(8000, "nudged")


def test_M4_the_caller_takes_the_turn() -> None:
    turn = watch()
    turn.asked(100)
    turn.callers_turn()
    assert turn.done("cancelled", 101)
    assert turn.check(1e9) is None


def test_M4_what_our_nudge_cancelled_is_no_answer() -> None:
    turn = watch()
    turn.asked(100)
    turn.started(100)
    turn.check(108)
    turn.asked(108)
    assert turn.done("cancelled", 108.1)
    assert turn.model_owes
    assert turn.check(116) == Silent(8000, "reconnecting")


def test_M7_a_tools_result_within_the_response_that_called_it() -> None:
    turn = watch()
    turn.asked(100)
    turn.started(100)
    turn.asked(101)  # the result was there at once, and an answer to it was asked for
    assert turn.done("completed", 101)
    assert turn.model_owes
    turn.started(102)
    assert turn.done("completed", 103)
    assert not turn.model_owes


def test_an_engine_without_response_events_answers_with_its_first_sound() -> None:
    turn = watch()
    turn.asked(100)
    turn.sign(101)
    assert not turn.model_owes
    assert turn.check(1e9) is None


def test_M4_a_failed_response_is_asked_for_again_with_the_same_words_later_and_later() -> None:
    turn = watch()
    turn.asked(100, "Greet.")
    turn.started(100)
    assert turn.done("failed", 101)
    assert turn.model_owes
    assert turn.due == 102
    assert turn.check(101.9) is None
    assert turn.check(102) == Ask("Greet.")
    turn.asked(102, "Greet.")
    turn.started(102)
    assert turn.done("failed", 103)
    assert turn.due == 105
    assert turn.check(105) == Ask("Greet.")
    turn.asked(105, "Greet.")
    turn.started(105)
    assert not turn.done("failed", 106)  # enough


def test_M4_an_answer_in_between_forgives_the_failures() -> None:
    turn = watch()
    for _ in range(5):
        turn.asked(100)
        turn.started(100)
        assert turn.done("failed", 100)
        assert isinstance(turn.check(110), Ask)
        turn.asked(110)
        turn.started(110)
        assert turn.done("completed", 111)


def test_M4_a_failed_response_is_not_asked_for_when_the_caller_speaks() -> None:
    turn = watch()
    turn.asked(100)
    turn.started(100)
    turn.callers_turn()
    assert turn.done("failed", 101)
    assert turn.check(1e9) is None


def test_M4_never_mind() -> None:
    turn = watch(DialoguePolicy(filler_after_s=0, silent_after_s=0))
    turn.asked(100)
    assert turn.check(1e9) is None
    assert turn.due == float("inf")


def test_M4_before_anything_is_done_the_caller_hears_a_filler_once_per_wait() -> None:
    turn = watch(DialoguePolicy(filler_after_s=2, silent_after_s=8))
    turn.asked(100)
    assert turn.due == 102
    assert turn.check(101.9) is None
    assert turn.check(102) == Silent(2000, "waiting")
    assert turn.check(103) is None
    assert turn.due == 108
    assert turn.check(108) == Silent(8000, "nudged")
    turn.asked(108)
    assert turn.check(111) is None  # it is to be heard already
    turn.started(111)
    turn.sign(112)
    assert turn.due == 114
    assert turn.check(114) == Silent(6000, "waiting")
    turn.done("completed", 115)
    assert turn.due == float("inf")
