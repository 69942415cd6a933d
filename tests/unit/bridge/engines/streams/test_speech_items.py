"""Where an agent's speech, which has no marks, becomes items."""

from sipua.bridge.engines.streams.speech_items import SpeechItems


def test_a_pause_ends_an_item_and_a_short_one_does_not() -> None:
    items = SpeechItems(quiet_bytes=3200)
    assert items.hears(8000) == "", "nothing is being said"
    assert items.says() == items.says() == "speech_1"
    assert items.hears(3199) == ""
    assert items.says() == "speech_1"
    assert [items.hears(1600) for _ in range(3)] == ["", "speech_1", ""]
    assert items.says() == "speech_2"


def test_what_is_dropped_is_over() -> None:
    items = SpeechItems(quiet_bytes=3200)
    assert items.ends() == ""
    items.says()
    assert items.ends() == "speech_1"
    assert items.hears(8000) == ""
    assert items.says() == "speech_2"
