from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.config.values.problems import (
    ConfigError,
    Origin,
    Problem,
    key_name,
    report,
    shown,
    toml_key,
    toml_value,
)

FILE = Origin("file", "edge.toml", 12)


def test_a_problem_says_where_what_and_what_to_do() -> None:
    problem = Problem(FILE, "sip.port", "70000", "is too large", "port = 5060\nor another")
    assert str(problem) == (
        "  edge.toml:12: sip.port = 70000\n"
        "    error: is too large\n"
        "    fix: port = 5060\n"
        "         or another"
    )


@pytest.mark.parametrize(
    ("origin", "head"),
    [
        (Origin("env", "SIPUA_SIP__PORT"), "  environment SIPUA_SIP__PORT: sip.port"),
        (Origin("file", "edge.toml"), "  edge.toml: sip.port"),
        (Origin("default"), "  sip.port (default)"),
        (Origin("demo"), "  sip.port (built-in demo)"),
    ],
)
def test_places(origin: Origin, head: str) -> None:
    assert str(Problem(origin, "sip.port", None, "x", "y")).split("\n")[0] == head


def test_report_counts() -> None:
    error = Problem(FILE, "a", None, "x", "y")
    warning = Problem(FILE, "a", None, "x", "y", "warning")
    assert report("f", []) == "f: no problems"
    assert report("f", [error]).startswith("f: 1 error\n\n")
    assert str(ConfigError("f", [error, error, warning])).startswith("f: 2 errors, 1 warning\n\n")


def test_key_names() -> None:
    assert key_name(("accounts", 0, "registrar")) == "accounts[0].registrar"
    assert key_name(("engine", "turn_detection", "type")) == "engine.turn_detection.type"


def test_long_values_are_cut_and_masked() -> None:
    assert len(shown("x" * 500)) == 70
    assert shown("sk-abcdefgh") == '"sk-********"'


VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab -", min_size=1), inner),
    max_leaves=6,
)


@given(VALUES)
def test_values_are_written_as_toml(value: object) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}") == {"x": value}


@given(st.text('ab-_ .ä"', max_size=5))
def test_keys_are_written_as_toml(key: str) -> None:
    assert tomllib.loads(f"{toml_key(key)} = 1") == {key: 1}
