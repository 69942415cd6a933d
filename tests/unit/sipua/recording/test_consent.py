from __future__ import annotations

from pathlib import Path

import pytest

from sipua.bridge.events import AudioLeft, AudioPlayed, Interrupted
from sipua.recording.consent import ConsentQuestion
from sipua.recording.files.settings import Consent, RecordingSettings
from sipua.rtp.events import Dtmf

ITEM = "local:recording-notice:1"


def question(consent: Consent) -> ConsentQuestion:
    return ConsentQuestion(ITEM, RecordingSettings(Path(), consent=consent))


def key(digit: str) -> Dtmf:
    return Dtmf(digit, 100, inband=False)


def test_an_announcement_counts_when_it_was_played_to_its_end() -> None:
    asked = question("announce")
    assert asked.feed(AudioLeft(ITEM)) is None
    assert asked.feed(AudioPlayed("another")) is None
    assert asked.feed(key("2")) is None
    assert asked.feed(AudioPlayed(ITEM)) == "agreed"


def test_one_that_was_cut_off_is_no_consent() -> None:
    assert question("announce").feed(Interrupted(ITEM, 100)) == "not_heard"


@pytest.mark.parametrize(
    ("digit", "verdict"), [("1", "agreed"), ("2", "declined"), ("#", "declined")]
)
def test_a_key_decides(digit: str, verdict: str) -> None:
    asked = question("key")
    assert asked.feed(key(digit)) is None, "before the question"
    asked.feed(AudioLeft(ITEM))
    asked.feed(AudioPlayed(ITEM))
    assert asked.played
    assert asked.feed(key(digit)) == verdict
