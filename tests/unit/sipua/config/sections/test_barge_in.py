"""Barge-in and sounds: from the file to what a call is made with."""

from pathlib import Path

import numpy as np
import pytest

from sipua.bridge.playout import sounds
from sipua.bridge.turns.barge_in_settings import BargeIn
from sipua.config import ConfigError, load
from sipua.edge.wiring import call as wiring_call
from support.media import audio


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "edge.toml"
    file.write_text('[sip]\naccept = "any"\n' + text)
    return file


def test_the_defaults_are_the_bridges(tmp_path: Path) -> None:
    config = load(written(tmp_path, ""), {})
    settings = wiring_call.media_settings(config)
    assert settings.barge_in == BargeIn()
    assert settings.sounds.filler is sounds.soft_filler()
    engine = wiring_call.engine_settings(
        config.engine, interruptible=wiring_call.engine_interrupts(config)
    )
    assert engine.turn_detection is not None
    assert engine.turn_detection["interrupt_response"] is True


@pytest.mark.parametrize("keys", ["enabled = false", 'detector = "local"'])
def test_a_model_that_may_not_be_interrupted_does_not_stop_by_itself(
    tmp_path: Path, keys: str
) -> None:
    config = load(written(tmp_path, f"[barge_in]\n{keys}\n"), {})
    engine = wiring_call.engine_settings(
        config.engine, interruptible=wiring_call.engine_interrupts(config)
    )
    assert engine.turn_detection is not None
    assert engine.turn_detection["interrupt_response"] is False


def test_every_key_arrives(tmp_path: Path) -> None:
    text = '[barge_in]\ngrace_ms = 1500\ndetector = "engine"\necho = "off"\nsilence_ms = 700\n'
    settings = wiring_call.media_settings(load(written(tmp_path, text), {}))
    assert settings.barge_in == BargeIn(
        grace_ms=1500, detector="engine", echo="off", silence_ms=700
    )


def test_a_filler_of_ones_own_lies_beside_the_file(tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "soft.wav", audio.tone(300, 500), rate_hz=8000)
    text = '[sounds]\nfiller_file = "soft.wav"\nfiller_delay_ms = 200\n'
    settings = wiring_call.media_settings(load(written(tmp_path, text), {}))
    assert settings.sounds.filler is not None
    assert np.array_equal(settings.sounds.filler, audio.tone(300, 500))
    assert settings.sounds.filler_delay_ms == 200
    with pytest.raises(ConfigError, match=r"filler_file") as error:
        load(written(tmp_path, '[sounds]\nfiller_file = "none.wav"\n'), {})
    (problem,) = error.value.problems
    assert "No such file" in problem.what


def test_silence_can_be_had(tmp_path: Path) -> None:
    settings = wiring_call.media_settings(load(written(tmp_path, "[sounds]\nfiller = false\n"), {}))
    assert settings.sounds.filler is None


def test_a_hold_sound_of_ones_own_lies_beside_the_file_and_is_checked(tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "hold.wav", audio.tone(300, 500), rate_hz=8000)
    text = '[tools]\nbuiltin = ["put_on_hold"]\n[tools.put_on_hold]\nsound = "{}"\n'
    config = load(written(tmp_path, text.format("hold.wav")), {})
    assert config.tools.put_on_hold.sound == str(tmp_path / "hold.wav")
    assert np.array_equal(wiring_call.toolbox(config).hold, audio.tone(300, 500))
    (tmp_path / "text.wav").write_text("no sound")
    for name, what in (("none.wav", "No such file"), ("text.wav", "no WAV file")):
        with pytest.raises(ConfigError, match=r"tools\.put_on_hold\.sound") as error:
            load(written(tmp_path, text.format(name)), {})
        (problem,) = error.value.problems
        assert what in problem.what
    config = load(written(tmp_path, text.format("sorry")), {})
    assert wiring_call.toolbox(config).hold is sounds.prompt("sorry")


def test_what_a_call_may_play_is_decoded_before_there_are_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("filler.wav", "sorry-here.wav", "sorry-there.wav")
    for name in names:
        audio.write_wav(tmp_path / name, audio.tone(300, 500), rate_hz=8000)
    text = (
        '[sounds]\nfiller_file = "filler.wav"\n'
        '[calls]\nfallback = [{ prompt = "sorry-here.wav" }]\n'
        '[[routes]]\nname = "day"\nfallback = [{ prompt = "sorry-there.wav" }]\n'
    )
    config = load(written(tmp_path, text), {})
    wiring_call.decode_sounds(config)
    monkeypatch.setattr(sounds, "decoded", None)
    for name in names:
        assert len(sounds.load(tmp_path / name)) == 4000
    assert len(sounds.prompt("sorry")) > 0
