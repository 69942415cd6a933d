"""How many requests a source may send before it gets 503, or nothing: S16."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.admission.admission import FloodLimits
from sipua.sip.admission.flood import TOLD_EVERY_S, Dropped, Flood
from sipua.sip.admission.sources import SOURCES

LIMITS = FloodLimits(stranger=10, strangers=50, peer=100, scanners=("friendly-scanner",))
PEER, STRANGER = "192.0.2.1", "198.51.100.9"


def told(
    flood: Flood,
    host: str = STRANGER,
    origin: str | None = None,
    *,
    now: float = 0.0,
    message: str = "",
    limits: FloodLimits = LIMITS,
) -> str:
    refusal = flood.judge(limits, host, origin, message, now)
    if refusal is None:
        return "judged"
    return refusal.because if refusal.silent else str(refusal.status)


def sent(count: int, **how: object) -> list[str]:
    flood = Flood()
    return [told(flood, **how) for _ in range(count)]  # type: ignore[arg-type]


def test_S16_a_stranger_has_two_seconds_of_its_rate_at_once_and_then_silence() -> None:
    assert sent(25) == ["judged"] * 20 + ["rate"] * 5


def test_S16_a_stranger_that_goes_on_gets_its_rate() -> None:
    flood = Flood()
    answers = [told(flood, now=n / 100) for n in range(1000)]
    assert 10 * 10 + 19 <= answers.count("judged") <= 10 * 10 + 21


def test_S16_many_strangers_share_one_bucket() -> None:
    flood = Flood()
    answers = [told(flood, f"198.51.100.{n}") for n in range(150)]
    assert answers == ["judged"] * 100 + ["rate_of_all"] * 50


def test_S16_a_peer_that_sends_too_much_is_told() -> None:
    assert sent(203, host=PEER, origin="carrier") == ["judged"] * 200 + ["503"] * 3
    refusal = Flood().judge(replace(LIMITS, peer=0.001), PEER, "carrier", "", 0.0)
    assert refusal is None  # the first one is always judged


def test_S16_strangers_take_nothing_from_a_peer() -> None:
    flood = Flood()
    for n in range(1000):
        told(flood, f"198.51.{n // 250}.{n % 250}")
    assert told(flood, PEER, "carrier") == "judged"


def test_S16_a_customer_of_ipv6_has_one_bucket() -> None:
    flood = Flood()
    answers = [told(flood, f"2001:db8:1:2::{n:x}") for n in range(25)]
    assert answers.count("judged") == 20
    assert told(flood, "2001:db8:1:3::1") == "judged"


def test_S15_a_scanner_is_not_answered() -> None:
    message = "OPTIONS sip:100@edge SIP/2.0\r\nUser-Agent: Friendly-Scanner\r\n\r\n"
    assert told(Flood(), message=message) == "scanner"
    assert told(Flood(), PEER, "carrier", message=message) == "judged"
    assert told(Flood(), message=message.replace("Friendly", "Un")) == "judged"


def test_S15_strangers_in_silence() -> None:
    limits = replace(LIMITS, answer_strangers=False)
    assert told(Flood(), limits=limits) == "stranger"
    assert told(Flood(), PEER, "carrier", limits=limits) == "judged"


def test_without_limits_all_are_judged() -> None:
    limits = FloodLimits(stranger=0, strangers=0, peer=0)
    assert set(sent(1000, limits=limits)) == {"judged"}
    assert set(sent(1000, host=PEER, origin="carrier", limits=limits)) == {"judged"}


def test_S16_the_sources_that_are_remembered_are_bounded() -> None:
    flood = Flood()
    limits = replace(LIMITS, strangers=0)
    for n in range(2 * SOURCES):
        told(flood, f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", limits=limits)
    assert len(flood._of_one._held) == SOURCES


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 3)), max_size=200))
def test_S16_no_source_has_more_than_its_rate(steps: list[tuple[float, int]]) -> None:
    flood, now, judged = Flood(), 0.0, dict.fromkeys(range(4), 0)
    for after, who in steps:
        now += after
        judged[who] += told(flood, f"198.51.100.{who}", now=now) == "judged"
    assert all(count <= 20 + 10 * now + 1 for count in judged.values())


class Timer:
    def __init__(self) -> None:
        self.due: list[tuple[float, Callable[[], None]]] = []

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        self.due.append((delay_s, action))

    def fire(self) -> None:
        ((delay_s, action),) = self.due
        assert delay_s == TOLD_EVERY_S
        self.due.clear()
        action()


@pytest.fixture
def timer() -> Timer:
    return Timer()


def test_S16_the_first_drop_is_told_at_once_and_the_rest_as_a_sum(timer: Timer) -> None:
    news: list[tuple[dict[str, int], str]] = []
    dropped = Dropped(lambda counts, source: news.append((counts, source)), timer.after)
    for why in ("rate", "rate", "scanner"):
        dropped.add(why, STRANGER)
    assert news == [({"rate": 1}, STRANGER)]
    timer.fire()
    assert news[1:] == [({"rate": 1, "scanner": 1}, STRANGER)]
    timer.fire()
    assert timer.due == []
    dropped.add("rate", PEER)
    assert news[2:] == [({"rate": 1}, PEER)]
