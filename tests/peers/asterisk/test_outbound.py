"""`sipua outbound` against Asterisk: the agent calls, greets first or lets them speak."""

from pathlib import Path
from typing import Any

import pytest

from support.calls.edge import Config
from support.calls.outbound import Outbound
from support.media import audio
from support.peers.asterisk import EVERY_ASTERISK, Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import GREETING, account, heard

pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]

SPOKEN = audio.speech(SPEECH)


def call(asterisk: Asterisk, home: Path, extension: str, **calls: Any) -> tuple[int, str]:
    """Its exit status and all that it wrote."""
    config: Config = {
        "accounts": [account(asterisk)],
        "calls": {"ring_timeout_s": 3, **calls},
        "log": {"level": "info", "format": "json"},
    }
    uri = f"sip:{extension}@127.0.0.1:{asterisk.port}"
    outbound = Outbound(home, uri, config, account="sipua")
    status = outbound.wait()
    outbound.close()
    return status, outbound.told


@pytest.mark.sound
@EVERY_ASTERISK
def test_the_greeting_is_there_when_they_answer(asterisk: Asterisk, tmp_path: Path) -> None:
    status, told = call(asterisk, tmp_path, "60240")
    sound = audio.read_wav(asterisk.wait_recording(30).received, rate_hz=8000)
    assert heard(GREETING, sound) < 3000
    assert status == 0, told
    assert "answered, " in told.splitlines()[-1]


@pytest.mark.sound
def test_they_may_speak_first(asterisk: Asterisk, tmp_path: Path) -> None:
    """What they say is answered; the greeting is not said."""
    status, told = call(asterisk, tmp_path, "60205", first_word="wait", wait_s=10)
    recording = asterisk.wait_recording(30)
    received = audio.read_wav(recording.received, rate_hz=8000)
    sent = audio.read_wav(recording.sent, rate_hz=8000)
    said_ms = heard(SPOKEN, sent)
    assert heard(SPOKEN, received) > said_ms + len(SPOKEN) / 8
    assert audio.find(GREETING[: 8 * 500], received).score < 0.6
    assert status == 0, told


@pytest.mark.sound
def test_who_says_nothing_is_greeted(asterisk: Asterisk, tmp_path: Path) -> None:
    status, told = call(asterisk, tmp_path, "60260", first_word="wait", wait_s=1)
    sound = audio.read_wav(asterisk.wait_recording(30).received, rate_hz=8000)
    assert heard(GREETING, sound) > 900
    assert status == 0, told


@EVERY_ASTERISK
@pytest.mark.parametrize(
    ("extension", "words"), [("605", "486"), ("609", "403"), ("606", "not answered within 3 s")]
)
def test_who_does_not_answer(
    asterisk: Asterisk, tmp_path: Path, extension: str, words: str
) -> None:
    status, told = call(asterisk, tmp_path, extension)
    assert status == 6, told
    last = told.splitlines()[-1]
    assert "not answered: " in last
    assert words in last
