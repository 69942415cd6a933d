"""Who answers a call of ours: Asterisk as the answering machine, the person, the network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.calls.outbound import Outbound
from support.media import audio
from support.peers.asterisk import Asterisk, Recording
from support.peers.pbx import GREETING, account, heard

pytestmark = [pytest.mark.peer, pytest.mark.sound, pytest.mark.timeout(150)]

MESSAGE = audio.speech("operator")
SPEECH = audio.speech("pbx")
HELLO = audio.speech("short")
BEEP = audio.tone(1000, 400)
LONG = np.concatenate([SPEECH, audio.silence(300)] * (1 + 56_000 // len(SPEECH)))
"""A greeting of 7 s and more."""


def call(
    asterisk: Asterisk, home: Path, answer: audio.Pcm, extension: str, **calls: Any
) -> Outbound:
    """Place it, and wait for its end; `answer`: what the other side says."""
    audio.write_wav(asterisk.layout.answer.with_suffix(".wav"), answer, rate_hz=8000)
    uri = f"sip:{extension}@127.0.0.1:{asterisk.port}"
    config: dict[str, Any] = {
        "accounts": [account(asterisk)],
        "calls": {"answering": "detect", **calls},
    }
    outbound = Outbound(home, uri, config, account="sipua")
    outbound.wait()
    outbound.close()
    return outbound


def both(recording: Recording) -> tuple[audio.Pcm, audio.Pcm]:
    """What Asterisk has received, and what it has sent, on one clock."""
    received, sent = recording.received, recording.sent
    return audio.read_wav(received, rate_hz=8000), audio.read_wav(sent, rate_hz=8000)


def verdicts(outbound: Outbound) -> list[str]:
    return [event["verdict"] for event in outbound.events("call.answered_by")]


def ended(outbound: Outbound) -> dict[str, Any]:
    return outbound.wait_event("call.ended")


def message_file(home: Path, message: audio.Pcm = MESSAGE) -> str:
    audio.write_wav(home / "message.wav", message, rate_hz=8000)
    return str(home / "message.wav")


def test_a_message_is_left_after_the_beep(asterisk: Asterisk, tmp_path: Path) -> None:
    answer = np.concatenate([LONG, audio.silence(900), BEEP])
    outbound = call(
        asterisk,
        tmp_path,
        answer,
        "616",
        on_voicemail="message",
        voicemail_message=message_file(tmp_path),
    )
    received, sent = both(asterisk.wait_recording(30))
    beep_ends_ms = audio.find(BEEP, sent).offset_ms + 400
    began_ms = heard(MESSAGE, received)
    assert beep_ends_ms - 50 <= began_ms <= beep_ends_ms + 2000
    assert audio.find(GREETING[: 8 * 500], received).score < 0.6, "the agent has kept quiet"
    assert verdicts(outbound) == ["machine", "voicemail"], outbound.told
    states = [(event["state"], event.get("after")) for event in outbound.events("call.message")]
    assert states == [("began", "beep"), ("left", None)]
    end = ended(outbound)
    assert (end["end"]["by"], end["end"]["reason"]) == ("edge", "machine")
    assert end["answered_by"]["message"] == "left"


def test_without_a_beep_it_is_left_after_silence(asterisk: Asterisk, tmp_path: Path) -> None:
    path = message_file(tmp_path)
    outbound = call(asterisk, tmp_path, LONG, "616", on_voicemail="message", voicemail_message=path)
    received, sent = both(asterisk.wait_recording(30))
    greeting_ends_ms = np.flatnonzero(np.abs(sent) > 300)[-1] / 8
    assert heard(MESSAGE, received) > greeting_ends_ms + 1000
    assert verdicts(outbound) == ["machine"], outbound.told
    assert outbound.events("call.message")[0]["after"] == "silence"


def test_the_engine_may_say_the_message(asterisk: Asterisk, tmp_path: Path) -> None:
    answer = np.concatenate([LONG, audio.silence(900), BEEP])
    outbound = call(
        asterisk, tmp_path, answer, "616", on_voicemail="message", voicemail_text="Call us back."
    )
    received, sent = both(asterisk.wait_recording(30))
    beep_ends = round(8 * (audio.find(BEEP, sent).offset_ms + 400))
    assert audio.level_dbfs(received[: beep_ends - 800]) < -60
    assert audio.level_dbfs(received[beep_ends : beep_ends + 24_000]) > -45
    assert ended(outbound)["answered_by"]["message"] == "left", outbound.told


def test_a_person_gets_the_agent_within_two_seconds(asterisk: Asterisk, tmp_path: Path) -> None:
    outbound = call(asterisk, tmp_path, HELLO, "616", on_voicemail="hangup")
    received, sent = both(asterisk.wait_recording(40))
    hello_ends_ms = heard(HELLO, sent) + len(HELLO) / 8
    assert hello_ends_ms - 100 < heard(GREETING, received) <= hello_ends_ms + 2000
    assert verdicts(outbound) == ["person"], outbound.told


def test_a_machine_may_be_hung_up_on(asterisk: Asterisk, tmp_path: Path) -> None:
    outbound = call(asterisk, tmp_path, LONG, "616", on_voicemail="hangup")
    received, _ = both(asterisk.wait_recording(30))
    assert audio.level_dbfs(received) < -60, "nothing was said"
    assert verdicts(outbound) == ["machine"], outbound.told
    assert ended(outbound)["end"]["reason"] == "machine"


def test_a_person_who_speaks_into_the_message_gets_the_agent(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    answer = np.concatenate([LONG, audio.silence(900), BEEP, audio.silence(600), HELLO])
    path = message_file(tmp_path, np.concatenate([audio.speech("caller")] * 2))
    outbound = call(
        asterisk, tmp_path, answer, "616", on_voicemail="message", voicemail_message=path
    )
    asterisk.wait_recording(40)
    assert verdicts(outbound)[-1] == "person", outbound.told
    states = [(event["state"], event.get("by")) for event in outbound.events("call.message")]
    assert states == [("began", None), ("stopped", "person")]
    assert ended(outbound)["end"]["reason"] == "hangup", "Asterisk's, at the end of its wait"


def test_early_media_is_not_who_answers(asterisk: Asterisk, tmp_path: Path) -> None:
    """An announcement of 7 s before the answer, and then silence: the agent speaks."""
    outbound = call(asterisk, tmp_path, LONG, "617", on_voicemail="hangup", ring_timeout_s=30)
    received, _ = both(asterisk.wait_recording(40))
    assert heard(GREETING, received) > 1000
    assert verdicts(outbound) == ["silence"], outbound.told
    assert ended(outbound)["end"]["reason"] == "hangup"
