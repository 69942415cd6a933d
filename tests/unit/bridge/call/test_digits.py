"""Digits of every kind: each press counts once, however often and in how many ways it is told."""

import dataclasses
import random

import pytest

from sipua.bridge.call.digits import TOLD_AGAIN_S, CallDigits, leave_as_events
from sipua.bridge.call.media import DtmfKind, MediaPlan
from sipua.bridge.events import PeerSilent
from sipua.codecs.g711 import Law
from sipua.rtp.events import DigitWay, Dtmf

PLAN = MediaPlan(
    remote=("127.0.0.1", 4000),
    signalling_ip=None,
    law=Law.PCMU,
    payload_type=0,
    law_by_type={0: "PCMU"},
    telephone_event_type=None,
    sends=True,
    receives=True,
)


def plan(event_type: int | None) -> MediaPlan:
    return dataclasses.replace(
        PLAN, telephone_event_type=event_type, telephone_event_send_type=event_type
    )


def key(digit: str, way: DigitWay, duration_ms: int = 100) -> Dtmf:
    return Dtmf(digit, duration_ms, inband=way == "inband", by_info=way == "info")


def heard(*told: tuple[float, str, DigitWay]) -> str:
    digits = CallDigits("auto")
    return "".join(digit for at, digit, way in told if digits.is_new(key(digit, way), at))


@pytest.mark.parametrize("way", ["rfc4733", "info", "inband"])
def test_one_way_alone_is_never_doubted(way: DigitWay) -> None:
    assert heard(*((n * 0.05, "1", way) for n in range(20))) == "1" * 20


@pytest.mark.parametrize("first", ["rfc4733", "info", "inband"])
@pytest.mark.parametrize("second", ["rfc4733", "info", "inband"])
@pytest.mark.parametrize("late_s", [0.0, 0.3, TOLD_AGAIN_S])
def test_a_key_that_is_told_in_two_ways_is_one(
    first: DigitWay, second: DigitWay, late_s: float
) -> None:
    if first != second:
        assert heard((1.0, "5", first), (1.0 + late_s, "5", second)) == "5"


def test_in_three_ways_too() -> None:
    assert heard((1.0, "5", "inband"), (1.1, "5", "rfc4733"), (1.2, "5", "info")) == "5"


def test_two_presses_of_one_key_stay_two_when_the_second_way_is_late() -> None:
    assert (
        heard((1.0, "1", "rfc4733"), (1.3, "1", "rfc4733"), (1.6, "1", "info"), (1.9, "1", "info"))
        == "11"
    )


def test_the_same_key_by_another_way_much_later_is_another_press() -> None:
    assert heard((1.0, "5", "rfc4733"), (1.2 + TOLD_AGAIN_S, "5", "info")) == "55"


def test_a_key_that_is_held_is_one_though_info_comes_at_its_beginning() -> None:
    digits = CallDigits("auto")
    assert digits.is_new(key("5", "info"), 1.0)
    assert not digits.is_new(key("5", "rfc4733", duration_ms=6000), 7.1)


@pytest.mark.parametrize("seed", range(50))
def test_dialled_quickly_and_told_twice(seed: int) -> None:
    rng = random.Random(seed)
    dialled = [rng.choice("0123456789*#") for _ in range(20)]
    told = []
    for n, digit in enumerate(dialled):
        told.append((n * 0.2, digit, "rfc4733"))
        told.append((n * 0.2 + 0.4, digit, "info"))  # a way of its own keeps its order
    assert heard(*sorted(told, key=lambda one: one[0])) == "".join(dialled)


def test_what_is_no_key_is_always_new() -> None:
    digits = CallDigits("auto")
    assert digits.is_new(PeerSilent(1.0), 0.0)
    assert digits.is_new(PeerSilent(1.0), 0.0)


@pytest.mark.parametrize(
    ("kind", "event_type", "tones", "events"),
    [
        ("auto", 101, False, True),
        ("auto", None, True, False),
        ("rfc4733", 101, False, True),
        ("rfc4733", None, False, False),
        ("inband", 101, True, False),
        ("inband", None, True, False),
    ],
)
def test_the_kind_says_what_is_listened_for_and_sent(
    kind: DtmfKind, event_type: int | None, tones: bool, events: bool
) -> None:
    digits = CallDigits(kind)
    assert digits.listens_for_tones(plan(event_type)) is tones
    assert leave_as_events(kind, plan(event_type)) is events
