import pytest

from sipua.bridge.engine_api.events import Usage
from sipua.record.prices import Bill, Price

LIST = {
    "voice": Price(
        audio_in=32, audio_in_cached=0.4, audio_out=64, text_in=4, text_in_cached=0.5, text_out=16
    ),
    "timed": Price(minute=0.06),
}


def test_each_kind_of_token_has_its_price_and_cached_ones_are_a_part_of_the_rest() -> None:
    million = 1_000_000
    usage = Usage(
        audio_in=3 * million,
        audio_in_cached=1 * million,
        audio_out=million,
        text_in=2 * million,
        text_in_cached=2 * million,
        text_out=million,
    )
    cost = Bill(LIST).add(usage, "voice")
    assert cost == pytest.approx(2 * 32 + 0.4 + 64 + 0 + 2 * 0.5 + 16)


def test_time_costs_by_the_minute() -> None:
    assert Bill(LIST).add(Usage(seconds=90), "timed") == pytest.approx(0.09)


def test_a_vendor_that_counts_more_cached_than_there_was_never_pays_us() -> None:
    assert Bill(LIST).add(Usage(audio_in=1, audio_in_cached=1_000_000), "voice") == 0.4


def test_the_whole_is_unknown_as_soon_as_a_part_is() -> None:
    bill = Bill(LIST)
    bill.add(Usage(audio_out=1_000_000), "voice")
    assert bill.cost == 64
    assert bill.add(Usage(text_out=10), "new") is None
    bill.add(Usage(audio_out=1_000_000), "voice")
    assert bill.cost is None
    assert bill.used == {"audio_out": 2_000_000, "text_out": 10}


def test_the_local_agent_costs_nothing() -> None:
    bill = Bill({})
    assert bill.add(Usage(audio_out=1_000_000), None) == 0
    assert bill.cost == 0
