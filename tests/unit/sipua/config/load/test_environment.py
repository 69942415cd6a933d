from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.config.load.environment import convert, parse
from sipua.config.sections.schema import Key, Kind, keys


def only(name: str, text: str) -> Any:
    overrides, problems = parse({name: text})
    assert problems == []
    (override,) = overrides
    return override.path, override.value


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("SIPUA_SIP__PORT", "5070", ("sip", "port"), 5070),
        ("SIPUA_LOG__SIP", "Yes", ("log", "sip"), True),
        ("SIPUA_LOG__SIP", "0", ("log", "sip"), False),
        ("SIPUA_RTP__CODECS", "PCMA, PCMU,", ("rtp", "codecs"), ["PCMA", "PCMU"]),
        ("SIPUA_TRUNKS__0__HOSTS", "", ("trunks", 0, "hosts"), []),
        ("SIPUA_ACCOUNTS__12__USER", "100", ("accounts", 12, "user"), "100"),
        ("SIPUA_CALLS__DRAIN_S", "2.5", ("calls", "drain_s"), 2.5),
        ("SIPUA_ENGINE__HEADERS", '{"a": "b"}', ("engine", "headers"), {"a": "b"}),
        (
            "SIPUA_ENGINE__TURN_DETECTION__TYPE",
            "semantic_vad",
            ("engine", "turn_detection", "type"),
            "semantic_vad",
        ),
    ],
)
def test_overrides(name: str, text: str, path: object, value: object) -> None:
    assert only(name, text) == (path, value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("SIPUA_SIP__PROT", "SIPUA_SIP__PORT"),
        ("SIPUA_SIP__port", "SIPUA_SIP__PORT"),
        ("SIPUA_sip__PORT", "SIPUA_SIP__PORT"),
        ("SIPUA_ACCOUNTS__PASSWORD", "SIPUA_ACCOUNTS__0__PASSWORD"),
        ("SIPUA_ACCOUNTS__1__PASWORD", "SIPUA_ACCOUNTS__0__PASSWORD"),
        ("SIPUA_ACCOUNTS__01__PASSWORD", "SIPUA_ACCOUNTS__0__PASSWORD"),
        ("SIPUA_SIP__PORT__", "SIPUA_SIP__PORT"),
    ],
)
def test_unknown_keys_are_errors_with_the_nearest_name(name: str, near: str) -> None:
    overrides, (problem,) = parse({name: "hunter2"})
    assert overrides == []
    assert problem.severity == "error"
    assert near in problem.fix
    assert name in str(problem)
    assert "hunter2" not in str(problem)


def test_other_variables_are_left_alone() -> None:
    others = {"SIPUA_CONFIG": "x", "SIPUA_DEBUG": "1", "SIPUA_PORT": "tcp://10.0.0.1:80"}
    assert parse({**others, "PATH": "/bin", "XSIPUA_SIP__PORT": "1"}) == ([], [])


def test_one_underscore_is_a_warning() -> None:
    _, (problem,) = parse({"SIPUA_SIP_PORT": "5070"})
    assert problem.severity == "warning"
    assert "SIPUA_SIP__PORT" in problem.fix


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SIPUA_SIP__PORT", "50x"),
        ("SIPUA_SIP__PORT", ""),
        ("SIPUA_SIP__PORT", "٣"),
        ("SIPUA_SIP__PORT", "9" * 5000),
        ("SIPUA_CALLS__DRAIN_S", "inf"),
        ("SIPUA_LOG__SIP", "maybe"),
        ("SIPUA_ENGINE__HEADERS", "a=b"),
        ("SIPUA_ENGINE__HEADERS", "[1]"),
    ],
)
def test_texts_that_do_not_fit(name: str, text: str) -> None:
    overrides, (problem,) = parse({name: text})
    assert overrides == []
    assert problem.severity == "error"
    assert name in problem.fix


def test_elements_come_in_the_order_of_their_index() -> None:
    names = [f"SIPUA_ACCOUNTS__{index}__USER" for index in (10, 9, 0, 2)]
    overrides, _ = parse(dict.fromkeys(names, "1"))
    assert [override.path[1] for override in overrides] == [0, 2, 9, 10]


def written(key: Key, value: Any) -> str:
    if key.kind is Kind.LIST:
        return ",".join(value)
    if key.kind is Kind.TABLE:
        return json.dumps(value)
    return str(value)


ITEMS = st.text("abc.-/:0123", min_size=1)
BY_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.INTEGER: st.integers(-(10**17), 10**17),
    Kind.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
    Kind.BOOLEAN: st.booleans(),
    Kind.TEXT: st.text(),
    Kind.CHOICE: st.text(),
    Kind.SECRET: st.text(),
    Kind.LIST: st.lists(ITEMS),
    Kind.TABLE: st.dictionaries(st.text(), st.text()),
}


@given(st.sampled_from(list(keys().values())), st.data())
def test_every_value_of_every_key_can_be_written(key: Key, data: st.DataObject) -> None:
    value = data.draw(BY_KIND[key.kind])
    assert convert(key, written(key, value)) == value


@given(st.dictionaries(st.text("SIPUA_0__PORTX", max_size=12).map("SIPUA_".__add__), st.text()))
def test_any_environment_is_survived(environ: dict[str, str]) -> None:
    overrides, problems = parse(environ)
    assert len(overrides) + len(problems) <= len(environ)
