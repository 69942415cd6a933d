"""What follows from who answered: a table of states, without sound."""

import pytest

from sipua.bridge.answering.verdict import AnsweredBy, Beep, Cause, Verdict
from sipua.calls.answering.policy import AnsweringPolicy, for_one_call
from sipua.calls.answering.steps import Act, Steps

BEEP = Beep(1000, 400, 5000)
MESSAGE = AnsweringPolicy(on_voicemail="message", text="Call us back.")


def by(verdict: Verdict, cause: Cause = "long_speech") -> AnsweredBy:
    return AnsweredBy(verdict, cause, 3000, 0.9)


def quiet(steps: Steps, now: float, ms: int, spoken_ms: int = 0) -> Act | None:
    return steps.tick(now, quiet_ms=ms, spoken_ms=spoken_ms)


def leaving() -> Steps:
    steps = Steps(MESSAGE)
    assert steps.found(by("machine"), 5.0) is Act.PREPARE
    return steps


def test_a_person_gets_the_agent() -> None:
    steps = Steps(AnsweringPolicy())
    assert quiet(steps, 1.0, 0) is None
    assert steps.found(by("person"), 2.0) is Act.PERSON
    assert steps.found(by("person"), 3.0) is None


def test_the_agent_waits_for_two_seconds_of_silence_and_no_longer() -> None:
    steps = Steps(AnsweringPolicy(wait_s=2))
    assert quiet(steps, 1.9, 1900) is None
    assert quiet(steps, 2.0, 2000) is Act.SPEAK
    assert quiet(steps, 9.0, 9000) is None


def test_it_does_not_talk_over_who_speaks() -> None:
    steps = Steps(AnsweringPolicy(wait_s=2))
    assert quiet(steps, 4.0, 0) is None


@pytest.mark.parametrize(
    ("policy", "act"),
    [
        (AnsweringPolicy(on_voicemail="agent"), Act.AGENT),
        (AnsweringPolicy(on_voicemail="hangup"), Act.HANG_UP),
        (MESSAGE, Act.PREPARE),
    ],
)
def test_a_machine_gets_what_is_configured(policy: AnsweringPolicy, act: Act) -> None:
    for verdict in ("machine", "voicemail", "screening", "menu"):
        assert Steps(policy).found(by(verdict), 4.0) is act
    late = Steps(policy)
    quiet(late, 2.0, 2000)
    assert late.found(by("machine"), 6.0) is act


def test_no_message_for_a_dead_number_and_none_for_a_fax() -> None:
    assert Steps(MESSAGE).found(by("machine", "sit"), 1.0) is Act.HANG_UP
    assert Steps(MESSAGE).found(by("fax", "ced"), 1.0) is Act.HANG_UP
    assert Steps(AnsweringPolicy()).found(by("fax", "ced"), 1.0) is Act.HANG_UP


def test_the_message_begins_after_the_beep() -> None:
    steps = leaving()
    assert quiet(steps, 6.0, 1900) is None
    assert steps.found(BEEP, 7.0) is Act.MESSAGE
    assert steps.after == "beep"
    assert steps.message_left() is Act.HANG_UP
    assert steps.message_left() is None


def test_a_beep_that_shows_the_machine_counts() -> None:
    steps = Steps(MESSAGE)
    assert steps.found(BEEP, 2.0) is None
    assert steps.found(by("voicemail", "beep"), 2.0) is Act.PREPARE
    assert quiet(steps, 2.04, 200) is Act.MESSAGE


def test_or_after_silence_or_at_the_limit() -> None:
    steps = leaving()
    assert quiet(steps, 7.0, 2000) is Act.MESSAGE
    assert steps.after == "silence"
    steps = leaving()
    assert quiet(steps, 34.9, 0) is None
    assert quiet(steps, 35.0, 0) is Act.MESSAGE
    assert steps.after == "limit"


def test_a_beep_makes_a_message_begin_again_that_came_too_early() -> None:
    steps = leaving()
    quiet(steps, 7.0, 2000)
    assert steps.found(BEEP, 10.0) is Act.MESSAGE
    assert steps.found(BEEP, 11.0) is Act.MESSAGE  # two beeps in a row
    assert steps.found(BEEP, 15.0) is None


def test_a_greeting_that_goes_on_stops_it() -> None:
    steps = leaving()
    quiet(steps, 7.0, 2000)
    assert quiet(steps, 9.0, 0, spoken_ms=1900) is None
    assert quiet(steps, 9.2, 0, spoken_ms=2000) is Act.STOP
    assert steps.found(BEEP, 12.0) is Act.MESSAGE


def test_a_person_who_speaks_into_it_gets_the_agent() -> None:
    steps = leaving()
    assert steps.found(by("person", "greeting"), 6.0) is None, "the last words of a greeting"
    quiet(steps, 7.0, 2000)
    assert steps.found(by("person", "greeting"), 9.0) is Act.PERSON


def test_one_call_may_have_it_otherwise() -> None:
    assert for_one_call(MESSAGE, MESSAGE, "", "") is MESSAGE
    assert for_one_call(MESSAGE, MESSAGE, "off", "") is None
    assert for_one_call(None, MESSAGE, "", "hangup") is None
    detected = for_one_call(None, MESSAGE, "detect", "hangup")
    assert detected is not None
    assert (detected.on_voicemail, detected.text) == ("hangup", MESSAGE.text)
