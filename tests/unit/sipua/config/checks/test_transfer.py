"""Transfers that no model could choose, and briefings that tell something else than what counts."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from pydantic import ValidationError

from sipua.bridge.agent.scenario.scenario import SPEAKER
from sipua.config.checks.transfer import transfer
from sipua.config.sections.config import Config

TO = ("sip:201@192.0.2.10", "+4930123456")
SPEAKS = pytest.mark.skipif(shutil.which(SPEAKER) is None, reason=f"needs {SPEAKER}")


def found(**keys: Any) -> list[str]:
    """The keys that findings begin at."""
    tools = {"builtin": ("hang_up", "transfer"), "transfer": keys}
    config = Config.model_validate({"tools": tools})
    return [".".join(str(part) for part in one.paths[0][2:]) for one in transfer(config)]


def test_destinations_are_targets() -> None:
    assert found(destinations=({"name": "support", "to": TO},)) == []
    assert found(targets={"sales": "100"}) == []
    assert found() == ["targets"]


def test_a_name_is_one_target() -> None:
    one = {"name": "support", "to": TO}
    assert found(targets={"support": "100"}, destinations=(one,)) == ["destinations.0.name"]
    assert found(destinations=(one, one)) == ["destinations.1.name"]


def test_keys_that_the_sentence_does_not_tell() -> None:
    good = {"targets": {"sales": "100"}}
    assert found(**good, warm={"accept_key": "5"}) == ["warm.keys"]
    assert found(**good, warm={"decline_key": "1"}) == ["warm.decline_key", "warm.keys"]
    assert found(**good, warm={"accept_key": "5", "keys_file": "/keys.wav"}) == []


@pytest.mark.parametrize(
    ("engine", "wanted"),
    [
        ({"type": "openai_realtime"}, ["engine.transcription"]),
        ({"type": "openai_realtime", "transcription": "gpt-transcribe"}, []),
        ({"type": "openai_live"}, []),
        ({"type": "local"}, []),
        ({"type": "gemini_live"}, []),
        ({"type": "deepgram_agent"}, []),
    ],
)
@pytest.mark.parametrize("where", ["warm", "destination"])
def test_an_agent_that_does_not_know_what_was_said(
    engine: dict[str, Any], wanted: list[str], where: str
) -> None:
    by = {"briefing_by": "agent"}
    one = {"name": "support", "to": TO} | (by if where == "destination" else {})
    section = {"destinations": (one,), "warm": by if where == "warm" else {}}
    tools = {"builtin": ("hang_up", "transfer"), "transfer": section}
    config = Config.model_validate({"tools": tools, "engine": engine})
    findings = list(transfer(config))
    assert [".".join(map(str, one.paths[0])) for one in findings] == wanted
    assert {one.severity for one in findings} <= {"warning"}


@pytest.mark.parametrize("kind", ["elevenlabs_agent", "twilio_stream", "asterisk_websocket"])
def test_an_agent_with_a_task_of_its_own_briefs_nobody(kind: str) -> None:
    section = {"targets": {"sales": "100"}, "warm": {"briefing_by": "agent"}}
    tools = {"builtin": ("hang_up", "transfer"), "transfer": section}
    own: dict[str, Any] = {"tools": tools, "engine": {"type": kind}}
    other = {"tools": tools, "engine": {"type": "local"}, "engines": {"theirs": {"type": kind}}}
    for values, path, severity in (
        (own, ("engine", "type"), "error"),
        (other, ("engines", "theirs", "type"), "warning"),
    ):
        (finding,) = transfer(Config.model_validate(values))
        assert (finding.paths[0], finding.severity) == (path, severity)


@pytest.mark.parametrize(
    ("engine", "warm", "wanted"),
    [
        ({"transcription": "gpt-transcribe"}, {"keys_file": "/keys.wav"}, []),
        ({}, {"keys_file": "/keys.wav"}, ["engine.transcription"]),
        ({"transcription": "gpt-transcribe"}, {}, ["tools.transfer.warm.keys"]),
        ({"type": "openai_live"}, {"keys_file": "/keys.wav"}, ["engine.type"]),
        (
            {"transcription": "gpt-transcribe", "turn_detection": {"type": "none"}},
            {"keys_file": "/keys.wav"},
            ["engine.type"],
        ),
        ({}, {"briefing_by": "agent"}, ["tools.transfer.warm.accept"]),
    ],
)
def test_words_need_somebody_who_writes_them_down(
    engine: dict[str, Any], warm: dict[str, Any], wanted: list[str]
) -> None:
    section = {"targets": {"sales": "100"}, "warm": {"accept": "word", **warm}}
    tools = {"builtin": ("hang_up", "transfer"), "transfer": section}
    config = Config.model_validate({"tools": tools, "engine": {"type": "local", **engine}})
    findings = list(transfer(config))
    assert [".".join(map(str, one.paths[0])) for one in findings] == wanted
    assert {one.severity for one in findings} <= {"error"}


@pytest.mark.parametrize("words", [["yes;"], [" "], ["x" * 41], ["yes"] * 33])
def test_words_that_no_transcript_has(words: list[str]) -> None:
    with pytest.raises(ValidationError):
        found(warm={"accept_words": words})


@SPEAKS
def test_a_text_and_a_file() -> None:
    both = {"briefing": "A caller.", "briefing_file": "/x.wav"}
    good = {"targets": {"sales": "100"}}
    assert found(**good, warm=both) == ["warm.briefing"]
    one = {"name": "support", "to": TO, **both}
    assert found(destinations=(one,)) == ["destinations.0.briefing"]
