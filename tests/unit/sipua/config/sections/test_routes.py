"""Routes, further engines, fallbacks: what is wrong with them is said with key and fix."""

import wave
from pathlib import Path

import pytest

from sipua.config import Config, ConfigError, Problem, load, read
from sipua.config.report.show import as_toml

ROUTE = '[[routes]]\nname = "sales"\n'


def problems(tmp_path: Path, text: str, **environ: str) -> list[Problem]:
    file = tmp_path / "edge.toml"
    file.write_text('[sip]\naccept = "any"\n' + text)
    try:
        return list(read(file, environ).warnings)
    except ConfigError as error:
        return list(error.problems)


def good(tmp_path: Path, text: str, **environ: str) -> Config:
    file = tmp_path / "edge.toml"
    file.write_text('[sip]\naccept = "any"\n' + text)
    return load(file, environ)


def only(found: list[Problem]) -> tuple[str, str, str]:
    (problem,) = found
    return problem.key, problem.what, problem.fix


def test_engines_have_names_and_the_keys_of_engine(tmp_path: Path) -> None:
    text = (
        '[calls]\nfallback = [{ engine = "backup" }]\n'
        '[engines.backup]\nurl = "wss://backup.example.com/v1/realtime"\n'
        "[engines.backup.turn_detection]\nsilence_duration_ms = 700\n"
    )
    config = good(tmp_path, text)
    backup = config.engines["backup"]
    assert backup.url == "wss://backup.example.com/v1/realtime"
    assert backup.turn_detection.silence_duration_ms == 700
    assert config.calls.fallback[0].engine == "backup"
    shown = as_toml(read(tmp_path / "edge.toml", {}))
    assert "[engines.backup.turn_detection]\n" in shown
    assert "[[calls.fallback]] # calls.fallback[0]" in shown


def test_the_environment_knows_named_engines_and_fallbacks(tmp_path: Path) -> None:
    environ = {
        "SIPUA_ENGINES__BACKUP__URL": "ws://127.0.0.1:9/v1/realtime",
        "SIPUA_CALLS__FALLBACK__0__ENGINE": "backup",
        "SIPUA_ROUTES__0__NAME": "sales",
        "SIPUA_ROUTES__0__CALLED": "100,+4930*",
        "SIPUA_ROUTES__0__FALLBACK__0__STATUS": "480",
    }
    config = good(tmp_path, "", **environ)
    assert config.engines["backup"].url == environ["SIPUA_ENGINES__BACKUP__URL"]
    assert config.routes[0].called == ("100", "+4930*")
    assert config.routes[0].fallback[0].status == 480


@pytest.mark.parametrize(
    ("section", "what"),
    [
        ("[engines.Backup]", "a name has small letters"),
        ("[engines.engine]", "is the name of the section [engine]"),
        ("[engines]\nurl = 'ws://127.0.0.1'", "is not a table: each section has a name"),
    ],
)
def test_what_an_engine_cannot_be_named(tmp_path: Path, section: str, what: str) -> None:
    assert what in only(problems(tmp_path, f"{section}\n"))[1]


def test_a_misspelt_key_of_a_named_engine_is_named_with_its_section(tmp_path: Path) -> None:
    text = f'[engines.backup]\nvoise = "ash"\n{ROUTE}engine = "backup"\n'
    key, what, fix = only(problems(tmp_path, text))
    assert key == "engines.backup.voise"
    assert what == "there is no such key in [engines.NAME]"
    assert fix == "did you mean voice?"


def test_names_that_nobody_has(tmp_path: Path) -> None:
    text = (
        f'{ROUTE}engine = "bakup"\norigin = ["carrier"]\ntools = ["find_ordr"]\n'
        'fallback = [{ engine = "other" }]\n'
    )
    found = {problem.key: problem for problem in problems(tmp_path, text)}
    assert sorted(found) == [
        "routes[0].engine",
        "routes[0].fallback[0].engine",
        "routes[0].origin",
        "routes[0].tools",
    ]
    assert found["routes[0].engine"].what == "there is no [engines.bakup]"
    assert found["routes[0].engine"].fix == 'add that section; there is "engine"'
    assert found["routes[0].tools"].what == 'there is no tool "find_ordr"'
    assert "hang_up" in found["routes[0].tools"].fix


@pytest.mark.parametrize(
    ("steps", "key", "what"),
    [
        ("{}", "routes[0].fallback[0]", "must have exactly one of"),
        ('{ prompt = "sorry", status = 503 }', "routes[0].fallback[0]", "not prompt and status"),
        (
            '{ prompt = "sorry" }, { engine = "engine" }',
            "routes[0].fallback[1].engine",
            "comes too late",
        ),
        (
            '{ status = 503 }, { transfer = "sip:100@pbx" }',
            "routes[0].fallback[1]",
            "is never reached",
        ),
        ("{ status = 200 }", "routes[0].fallback[0].status", "not the status of a refusal"),
        ('"backup"', "routes[0].fallback[0]", "must be a table, not text"),
        ('{ prompt = "gone.wav" }', "routes[0].fallback[0].prompt", "No such file"),
        (
            '{ transfer = "pbx" }',
            "routes[0].fallback[0].transfer",
            "is neither a SIP URI with a user nor a number",
        ),
        (
            '{ transfer = "sip:100@pbx?Subject=x" }',
            "routes[0].fallback[0].transfer",
            "is neither a SIP URI with a user nor a number",
        ),
        (
            '{ transfer = "sip:100@pbx>\\r\\nX: y" }',
            "routes[0].fallback[0].transfer",
            "is neither a SIP URI with a user nor a number",
        ),
    ],
)
def test_fallbacks_that_cannot_be(tmp_path: Path, steps: str, key: str, what: str) -> None:
    found = only(problems(tmp_path, f"{ROUTE}fallback = [{steps}]\n"))
    assert found[0] == key
    assert what in found[1]


def test_a_prompt_is_looked_for_beside_the_file_and_read(tmp_path: Path) -> None:
    text = f'{ROUTE}fallback = [{{ prompt = "sorry.wav" }}, {{ prompt = "sorry" }}]\n'
    (tmp_path / "sorry.wav").write_text("no sound at all")
    assert only(problems(tmp_path, text))[0] == "routes[0].fallback[0].prompt"
    with wave.open(str(tmp_path / "sorry.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(1600))
    steps = good(tmp_path, text).routes[0].fallback
    assert [step.prompt for step in steps] == [str(tmp_path / "sorry.wav"), "sorry"]


def test_routes_that_are_never_reached_and_engines_that_are_not_used(tmp_path: Path) -> None:
    text = f'{ROUTE}called = ["1"]\n{ROUTE}called = ["2"]\n[engines.spare]\n'
    found = {problem.key: problem.what for problem in problems(tmp_path, text)}
    assert found["engines.spare"].startswith("is not used")
    assert "name of another route" in found["routes[1].name"]
    text = f'{ROUTE}\n[[routes]]\nname = "late"\ncalled = ["100"]\n'
    assert only(problems(tmp_path, text))[1] == "is never reached: sales takes every call"


@pytest.mark.parametrize("pattern", ["sip:100@pbx", "10 0", ""])
def test_patterns_that_fit_nobody(tmp_path: Path, pattern: str) -> None:
    (problem,) = problems(tmp_path, f'{ROUTE}called = ["{pattern}"]\n')
    assert problem.key == "routes[0].called[0]"
