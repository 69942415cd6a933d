"""What a server says about itself, and what about the callee."""

import time

import pytest

from sipua.sip.trunks.failover import may_try_next, takes_no_calls


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_S24_a_server_that_cannot_is_no_end_of_the_call(status: int) -> None:
    assert may_try_next(status)


@pytest.mark.parametrize(
    "status", [301, 401, 403, 404, 480, 486, 487, 488, 501, 505, 513, 580, 600, 603, 607]
)
def test_S24_an_answer_about_the_call_is_the_same_everywhere(status: int) -> None:
    assert not may_try_next(status)


@pytest.mark.parametrize(
    ("header", "goes_on"),
    [
        ("Q.850;cause=17;text=busy", False),
        ("Q.850 ; cause = 1", False),
        ('SIP;cause=503, q.850;cause=19;text="no answer"', False),
        ("Q.850;cause=34", True),  # no circuit
        ("Q.850;cause=41", True),
        ("SIP;cause=17", True),
        ("Q.850;cause=", True),
        ("", True),
    ],
)
def test_S24_a_cause_of_the_callee_in_a_5xx_ends_the_call(header: str, goes_on: bool) -> None:
    assert may_try_next(500, header) is goes_on


def test_S21_a_long_reason_costs_nothing() -> None:
    began = time.thread_time()
    may_try_next(500, "Q.850;" * 20_000)
    may_try_next(500, "Q.850" + ";" * 100_000)
    assert time.thread_time() - began < 0.1


def test_who_is_left_out_for_a_while() -> None:
    assert [status for status in (408, 500, 502, 503, 504) if takes_no_calls(status)] == [408, 503]
