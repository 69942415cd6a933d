"""Menus in a configuration: what is wrong with them is said with key and fix."""

import shutil
import wave
from pathlib import Path

import pytest

from sipua.config import Config, ConfigError, Problem, load, read
from sipua.config.change.plan import plan
from sipua.config.sections.schema import pattern

ROUTES = '[[routes]]\nname = "front"\ncalled = ["1"]\nmenu = "main"\n[[routes]]\nname = "sales"\n'
MENU = '[[menus]]\nname = "main"\nprompt = "sorry"\n[menus.keys]\n1 = { agent = "sales" }\n'


def problems(tmp_path: Path, text: str, **environ: str) -> list[Problem]:
    file = tmp_path / "edge.toml"
    file.write_text('[sip]\naccept = "any"\n' + text)
    try:
        return list(read(file, environ).warnings)
    except ConfigError as error:
        return list(error.problems)


def good(tmp_path: Path, text: str, **environ: str) -> Config:
    assert problems(tmp_path, text, **environ) == []
    return load(tmp_path / "edge.toml", environ)


def only(found: list[Problem]) -> tuple[str, str, str]:
    (problem,) = found
    return problem.key, problem.what, problem.fix


def test_a_menu_with_a_table_of_keys(tmp_path: Path) -> None:
    more = '"*" = { menu = "main" }\n"#" = { hang_up = true }\nb = { transfer = "sip:1@pbx" }\n'
    config = good(tmp_path, ROUTES + MENU + more)
    keys = config.menus[0].keys
    assert list(keys) == ["1", "*", "#", "B"]
    assert [action.kinds for action in keys.values()] == [
        *(["agent"], ["menu"], ["hang_up"], ["transfer"])
    ]
    assert config.menus[0].on_no_input.kinds == []


def test_the_environment_reaches_a_key(tmp_path: Path) -> None:
    config = good(tmp_path, ROUTES + MENU, SIPUA_MENUS__0__KEYS__2__ROUTE="sales")
    assert config.menus[0].keys["2"].route == "sales"


@pytest.mark.parametrize(
    ("text", "key", "what", "fix"),
    [
        ('2 = { agent = "sale" }\n', "menus[0].keys.2.agent", 'no route "sale"', '"sales"'),
        ('2 = { route = "x" }\n', "menus[0].keys.2.route", 'no route "x"', '"front", "sales"'),
        ('2 = { menu = "x" }\n', "menus[0].keys.2.menu", 'no menu "x"', '"main"'),
        ("2 = {}\n", "menus[0].keys.2", "exactly one of route, agent", "hang_up"),
        (
            '2 = { agent = "sales", menu = "main" }\n',
            "menus[0].keys.2",
            "not agent and menu",
            "hang_up",
        ),
        ("2 = { hangup = true }\n", "menus[0].keys.2.hangup", "no such key", "hang_up"),
        ("22 = { hang_up = true }\n", "menus[0].keys", '"22" is on no keypad', "one of 0 1"),
        ('2 = { transfer = "sip:a b@c" }\n', "menus[0].keys.2.transfer", "", ""),
        ('2 = { prompt = "none.wav" }\n', "menus[0].keys.2.prompt", "No such file", "correct"),
        (
            '[[menus]]\nname = "main"\nprompt = "sorry"\nkeys = { 1 = { hang_up = true } }\n',
            "menus[1].name",
            "another menu",
            "main-2",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, key: str, what: str, fix: str) -> None:
    problem = only(problems(tmp_path, ROUTES + MENU + text))
    assert problem[0] == key
    assert what in problem[1]
    assert fix in problem[2]


def test_names_of_menus_elsewhere(tmp_path: Path) -> None:
    assert only(problems(tmp_path, ROUTES))[:2] == ("routes[0].menu", 'there is no menu "main"')
    text = '[calls]\nfallback = [{ menu = "x" }]\n' + ROUTES + MENU
    assert only(problems(tmp_path, text))[0] == "calls.fallback[0].menu"
    text = '[calls]\nfallback = [{ menu = "main" }, { status = 503 }]\n' + ROUTES + MENU
    assert "never reached: the menu" in only(problems(tmp_path, text))[1]
    text = '[[routes]]\nname = "sales"\n' + MENU
    assert only(problems(tmp_path, text))[:2] == (
        "menus[0].name",
        "is not used: no route, fallback, queue or other menu names it",
    )


def test_what_the_caller_hears(tmp_path: Path) -> None:
    bare = MENU.replace('prompt = "sorry"\n', "")
    assert only(problems(tmp_path, ROUTES + bare))[0] == "menus[0].prompt"
    both = MENU.replace('"sorry"\n', '"sorry"\ntext = "Press 1."\n')
    assert only(problems(tmp_path, ROUTES + both))[0] == "menus[0].text"
    keyless = MENU.partition("[menus.keys]")[0]
    assert only(problems(tmp_path, ROUTES + keyless))[0] == "menus[0].keys"


def test_a_broken_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "menu.wav").write_bytes(b"RIFF, and no more")
    text = ROUTES + MENU.replace('"sorry"', '"menu.wav"')
    assert "no WAV file" in only(problems(tmp_path, text))[1]
    with wave.open(str(tmp_path / "menu.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(bytes(4 * 44_100))
    assert problems(tmp_path, text) == []


def test_a_text_needs_its_speaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = ROUTES + MENU.replace('prompt = "sorry"', 'text = "Press 1."')
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/espeak-ng")
    assert problems(tmp_path, text) == []
    monkeypatch.setattr(shutil, "which", lambda _: None)
    key, what, fix = only(problems(tmp_path, text))
    assert key == "menus[0].text"
    assert "espeak-ng, which is not installed" in what
    assert "apt-get install espeak-ng" in fix
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/espeak-ng")
    bad = text.replace('"Press 1."\n', '"Press 1."\nvoice = "-w/etc/passwd"\n')
    assert only(problems(tmp_path, bad))[0] == "menus[0].voice"


def test_a_reload_names_the_key_that_has_changed(tmp_path: Path) -> None:
    old = good(tmp_path, ROUTES + MENU)
    new = good(tmp_path, ROUTES + MENU.replace('agent = "sales"', 'menu = "main"'))
    changes = [change.key for change in plan(old, new).changes]
    assert changes == ["menus[main].keys.1.agent", "menus[main].keys.1.menu"]


def test_names_below_an_array_are_names() -> None:
    assert pattern(("menus", 0, "keys", "1", "agent")) == ("menus", "*", "keys", "NAME", "agent")
    assert pattern(("engines", "backup", "url")) == ("engines", "NAME", "url")
