from __future__ import annotations

from pathlib import Path

import pytest

from sipua.config import ConfigError, load
from sipua.config.load.loader import read
from sipua.config.report.show import as_toml


def problems(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    """Key and severity of everything that is found."""
    file = tmp_path / "edge.toml"
    file.write_text('[sip]\naccept = "any"\n' + text)
    try:
        found = read(file, {}).warnings
    except ConfigError as error:
        found = error.problems
    return [(problem.key, problem.severity) for problem in found]


def test_nothing_is_written_unless_asked_for() -> None:
    record = load(None, {}).record
    assert (record.enabled, record.transcripts, record.numbers) == (False, "redacted", "last4")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[record]\nredact = ["("]', "record.redact[0]"),
        ('[record]\nredact = ["a*"]', "record.redact[0]"),
        ('[record]\ntranscripts = "some"', "record.transcripts"),
        ("[record]\nkeep_days = -1", "record.keep_days"),
        ("[prices.m]\naudio_out = -1", "prices.m.audio_out"),
        ("[prices.m]\naudio = 1", "prices.m.audio"),
        ("[prices]\nm = 1", "prices.m"),
        ('[prices.""]\naudio_out = 1', "prices."),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, key: str) -> None:
    assert (key, "error") in problems(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[record]\ntranscripts = "off"\nredact = ["K-[0-9]+"]', "record.redact"),
        ("[prices.m]\naudio_in = 32", "prices.m.audio_in_cached"),
    ],
)
def test_what_is_odd_is_a_warning(tmp_path: Path, text: str, key: str) -> None:
    assert problems(tmp_path, text) == [(key, "warning")]


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("[prices.gpt-4.1]\naudio_out = 64", 3, '[prices."gpt-4.1"]: a dot in a name wants quotes'),
        ('[price."gpt-realtime"]\naudio_out = 64', 3, "did you mean [prices.NAME]?"),
        ('[prices."m"]\naudio_ot = 64', 4, "did you mean audio_out?"),
    ],
)
def test_misspelt_price_tables(tmp_path: Path, text: str, line: int, fix: str) -> None:
    file = tmp_path / "edge.toml"
    file.write_text('[sip]\naccept = "any"\n' + text)
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    (problem,) = caught.value.problems
    assert (problem.origin.line, problem.fix) == (line, fix)


def test_a_model_without_a_price_is_told_at_the_start_where_cost_matters(tmp_path: Path) -> None:
    engine = '[engine]\ntype = "openai_realtime"\napi_key = "sk-0123456"\nmodel = "voice"\n'
    exposed = ("engine.api_key", "warning")
    priced = '[prices."voice"]\naudio_out = 64\n'
    assert ("engine.model", "warning") not in problems(tmp_path, engine)
    assert ("engine.model", "warning") in problems(tmp_path, engine + "[record]\nenabled = true")
    assert set(problems(tmp_path, engine + priced)) <= {exposed}
    other = engine + 'transcription = "scribe"\n' + priced
    assert ("engine.transcription", "warning") in problems(tmp_path, other)


def test_prices_from_the_environment() -> None:
    environ = {"SIPUA_PRICES__VOICE__AUDIO_OUT": "64"}
    assert load(None, environ).prices["voice"].audio_out == 64


def test_a_models_name_may_be_any_and_is_shown_as_toml(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text('[sip]\naccept = "any"\n[prices."Org/voice-5.1"]\naudio_out = 64\n')
    loaded = read(file, {})
    assert loaded.config.prices["Org/voice-5.1"].audio_out == 64
    assert '[prices."Org/voice-5.1"]' in as_toml(loaded)
