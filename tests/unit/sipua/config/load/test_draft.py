from __future__ import annotations

from pathlib import Path

from sipua.config.load.draft import Draft
from sipua.config.load.environment import Override
from sipua.config.values.problems import DEFAULT, KeyPath, Origin

ENV = Origin("env", "SIPUA_X")
FILE = Origin("file", "edge.toml", 3)


def test_origin_of_a_missing_key_is_its_section() -> None:
    draft = Draft(origins={("accounts", 0): FILE})
    assert draft.origin(("accounts", 0, "registrar")) == FILE
    assert draft.origin(("sip", "port")) == DEFAULT


def test_overrides_make_what_is_not_there() -> None:
    draft = Draft()
    for path in (("sip", "port"), ("accounts", 0, "user"), ("engine", "turn_detection", "type")):
        draft.apply(Override(path, "x", ENV))
    assert draft.data == {
        "sip": {"port": "x"},
        "accounts": [{"user": "x"}],
        "engine": {"turn_detection": {"type": "x"}},
    }
    assert draft.origin(("accounts", 0, "name")) == ENV


def test_a_gap_in_an_array_is_one_error() -> None:
    draft = Draft(data={"accounts": [{}]})
    for name in ("user", "user"):
        draft.apply(Override(("accounts", 2, name), "x", ENV))
    (problem,) = draft.problems
    assert "has 1 of them: the next index is 1" in problem.what
    assert "SIPUA_ACCOUNTS__1__" in problem.fix


def test_another_shape_in_the_file_is_left_for_the_check() -> None:
    for data in ({"sip": 3}, {"accounts": {}}, {"accounts": [1]}):
        draft = Draft(data=dict(data))
        path: KeyPath = ("sip", "port") if "sip" in data else ("accounts", 0, "user")
        draft.apply(Override(path, "x", ENV))
        assert draft.data == data


def test_a_secret_of_the_environment_beats_both_spellings_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("from-file")
    (tmp_path / "s").chmod(0o600)
    for in_file, in_env in (("password", "password_file"), ("password_file", "password")):
        draft = Draft(
            data={"accounts": [{in_file: str(tmp_path / "s")}]},
            origins={("accounts", 0, in_file): FILE},
        )
        draft.apply(Override(("accounts", 0, in_env), str(tmp_path / "s"), ENV))
        assert list(draft.data["accounts"][0]) == [in_env]
        draft.read_secrets(tmp_path, {})
        assert draft.problems == []


def test_shown_values() -> None:
    draft = Draft(data={"accounts": [{"password": "hunter2", "pasword": "hunter2", "name": "a"}]})
    assert draft.shown(("accounts", 0, "password")) == '"********"'
    assert draft.shown(("accounts", 0, "pasword"), known=False) is None
    assert draft.shown(("accounts", 0, "name")) == '"a"'
    assert draft.shown(("accounts", 0, "name", "x")) is None
    assert draft.shown(("accounts", 1, "name")) is None
