import stat
import wave
from pathlib import Path

import numpy as np
import pytest

from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.scenario import Scenario, Step
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech import voice
from sipua.bridge.agent.speech.formats import PCM
from sipua.bridge.agent.speech.voice import VoiceError, Voices, recorded
from support.engine.agent_client import AgentClient, audio_of, one
from support.media.audio import level_dbfs, speech, tone

HELLO = "Hello, this is a rehearsal."


def wav(path: Path, pcm: np.ndarray[tuple[int], np.dtype[np.int16]], rate: int) -> Path:
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm.astype("<i2").tobytes())
    return path


def stand_in(home: Path, monkeypatch: pytest.MonkeyPatch, source: Path) -> Path:
    """An espeak-ng that says a file, and writes down what it was asked for."""
    program, asked = home / "espeak-ng", home / "asked"
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >>{asked}\n/bin/cat {source}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(home))
    return asked


def test_a_text_is_spoken_once_resampled_and_as_loud_as_the_prompts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = (speech("short") // 8).astype(np.int16)
    asked = stand_in(tmp_path, monkeypatch, wav(tmp_path / "x.wav", quiet, 8000))
    steps = (Step(on="greeting", say=HELLO), Step(on="speech", say=HELLO))
    voices = Voices.prepared(Scenario(steps=steps, voice="de", words_per_minute=120))
    clip = voices.clip(steps[1])
    assert asked.read_text() == f"-v|de|-s|120|-p|45|--stdout|--|{HELLO}|"
    assert clip.transcript == HELLO
    assert clip.format == PCM
    assert 0.5 < clip.duration_ms / (quiet.size / 8) <= 1.0  # without the silence around it
    assert abs(level_dbfs(PCM.decode(clip.data)) - voice.LEVEL_DBFS) < 1.0


def test_without_the_program_it_says_which_one_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VoiceError, match="espeak-ng is not installed"):
        SharedAgentState.prepared(AgentSettings(scenario=Scenario(steps=(Step(say=HELLO),))))


def test_a_recording_is_said_as_it_is(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", tone(440, 500, 16_000), 16_000)
    step = Step(say_file=str(path), say=HELLO)
    client = AgentClient(AgentSettings(scenario=Scenario(steps=(step,))))
    events = client.send("response.create") + client.wait(2000)
    said = PCM.decode(audio_of(events))
    assert abs(said.size / 24 - 500) < 2
    assert abs(level_dbfs(said) - level_dbfs(tone(440, 500, 24_000))) < 0.5
    assert one(events, "response.output_audio_transcript.done")["transcript"] == HELLO


def test_a_recording_without_a_text_has_its_name(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", tone(440, 100, 24_000), 24_000)
    assert recorded(path, "").transcript == "[a.wav]"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no WAV file"),
        (b"RIFF\x00\x00\x00\x00WAVE", "no WAV file"),
        (b"ID3 and so on", "no WAV file"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_recording_is_named(tmp_path: Path, data: bytes | None, problem: str) -> None:
    path = tmp_path / "a.wav"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(VoiceError, match=problem):
        recorded(path, "")


def test_an_empty_or_strange_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="no audio"):
        recorded(wav(tmp_path / "a.wav", np.empty(0, np.int16), 8000), "")
    with wave.open(str(tmp_path / "b.wav"), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(1)
        writer.setframerate(8000)
        writer.writeframes(bytes(800))
    with pytest.raises(VoiceError, match="8 bit"):
        recorded(tmp_path / "b.wav", "")
