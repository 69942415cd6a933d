"""The search for our public address, in virtual time."""

import itertools

import pytest

from sipua.sip.nat import stun
from sipua.sip.nat.search import (
    REPEAT_AFTER_S,
    RETRY_S,
    Ask,
    Failed,
    Learned,
    Search,
    Step,
)
from support.signalling.stun_server import answer, error

REFRESH_S = 30.0
HERE, THERE = "203.0.113.9", "198.51.100.4"
FAILS_AFTER_S = sum(REPEAT_AFTER_S)


class Bed:
    """Servers that say an address, or nothing."""

    def __init__(self, *says: str) -> None:
        numbers = itertools.count(1)
        self.search = Search(
            len(says), lambda: next(numbers).to_bytes(12, "big"), refresh_s=REFRESH_S
        )
        self.says = list(says)
        self.asked: list[int] = []
        self.news: list[Step] = []
        self.now = 0.0

    def run(self, until: float) -> None:
        while self.search.due <= until:
            self.now = max(self.now, self.search.due)
            self.take(self.search.handle_timer(self.now))
        self.now = until

    def take(self, steps: list[Step]) -> None:
        for step in steps:
            if not isinstance(step, Ask):
                self.news.append(step)
                continue
            self.asked.append(step.server)
            if said := self.says[step.server]:
                datagram = answer(step.datagram[8:20], (said, 5060))
                self.take(self.search.receive(datagram, self.now))


def test_the_first_answer_is_taken_and_asked_for_again() -> None:
    bed = Bed(HERE)
    bed.run(0)
    assert bed.news == [Learned(HERE, "", 0)]
    bed.run(3 * REFRESH_S)
    assert bed.news == [Learned(HERE, "", 0)]
    assert bed.asked == [0] * 4


def test_another_address_is_asked_for_twice_and_followed() -> None:
    bed = Bed(HERE)
    bed.run(0)
    bed.says[0] = THERE
    bed.run(REFRESH_S)
    assert bed.news[1:] == [Learned(THERE, HERE, 0)]
    assert bed.asked == [0, 0, 0]
    assert bed.search.address == THERE


def test_one_wrong_answer_changes_nothing() -> None:
    bed = Bed(HERE)
    bed.run(0)
    (first,) = bed.search.handle_timer(REFRESH_S)
    assert isinstance(first, Ask)
    (second,) = bed.search.receive(answer(first.datagram[8:20], (THERE, 1)), REFRESH_S)
    assert isinstance(second, Ask)
    assert bed.search.receive(answer(second.datagram[8:20], (HERE, 1)), REFRESH_S) == []
    assert bed.search.address == HERE


def test_a_server_without_an_answer_is_asked_again_and_then_the_next_one() -> None:
    bed = Bed("", HERE)
    bed.run(FAILS_AFTER_S)
    assert bed.asked == [0] * len(REPEAT_AFTER_S) + [1]
    assert bed.news == [Learned(HERE, "", 1)]
    bed.run(FAILS_AFTER_S + REFRESH_S)
    assert bed.asked[-1] == 1, "the one that answers is asked on"


def test_a_failure_is_told_once_and_the_address_holds() -> None:
    bed = Bed(HERE, HERE)
    bed.run(0)
    bed.says = ["", ""]
    bed.run(REFRESH_S + 10 * (2 * FAILS_AFTER_S + RETRY_S))
    assert bed.news == [Learned(HERE, "", 0), Failed("no answer")]
    assert bed.search.address == HERE
    bed.says = [HERE, HERE]
    bed.run(bed.now + FAILS_AFTER_S + RETRY_S)
    bed.says = ["", ""]
    bed.run(bed.now + REFRESH_S + 2 * FAILS_AFTER_S)
    assert bed.news[2:] == [Failed("no answer")], "it had answered in between"


@pytest.mark.parametrize("servers", [1, 3])
def test_a_silent_edge_asks_a_bounded_number_of_times(servers: int) -> None:
    bed = Bed(*[""] * servers)
    bed.run(600)
    a_round = len(REPEAT_AFTER_S) * servers
    assert len(bed.asked) <= 600 / (servers * FAILS_AFTER_S + RETRY_S) * a_round + a_round


def test_an_error_names_itself() -> None:
    search = Search(1, lambda: bytes(12), refresh_s=REFRESH_S)
    search.handle_timer(0)
    assert search.receive(error(bytes(12), 500), 0.1) == [Failed("its answer is the error 500")]


def test_what_is_not_of_our_request_is_passed_over() -> None:
    search = Search(1, lambda: bytes(12), refresh_s=REFRESH_S)
    assert search.receive(answer(bytes(12), (THERE, 1)), 0) == []  # nothing was asked
    search.handle_timer(0)
    assert search.receive(answer(b"x" * 12, (THERE, 1)), 0.1) == []
    assert search.receive(b"garbage", 0.1) == []
    assert search.address == ""
    assert search.receive(answer(bytes(12), (HERE, 1)), 0.2) == [Learned(HERE, "", 0)]
    assert search.receive(answer(bytes(12), (THERE, 1)), 0.3) == []  # twice


def test_a_name_that_is_not_known_leads_to_the_next_server() -> None:
    search = Search(2, lambda: bytes(12), refresh_s=REFRESH_S)
    search.handle_timer(0)
    assert search.unreachable("no such name", 0.1) == [Ask(1, stun.request(bytes(12)))]
    assert search.unreachable("no such name", 0.2) == [Failed("no such name")]
    assert search.unreachable("late", 0.3) == []
    assert search.due == 0.2 + RETRY_S
