"""What a model may write into a tool call, and what it is told when it is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.tools.wire.schema import (
    ArgumentsError,
    Declaration,
    Registry,
    SchemaError,
    compile_schema,
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "order": {"type": "string", "pattern": "^[0-9]+$"},
        "count": {"type": "integer", "minimum": 1},
        "kind": {"enum": ["new", "old"]},
        "place": {"$ref": "#/$defs/place"},
    },
    "required": ["order"],
    "additionalProperties": False,
    "$defs": {"place": {"type": "object", "required": ["city"]}},
}
FIND = Declaration("find_order", "Looks up an order.", SCHEMA)
REGISTRY = Registry([FIND, Declaration("ping", "Does nothing.", {"type": "object"})])


def test_a_tool_as_engines_declare_it() -> None:
    assert REGISTRY.functions()[0] == {
        "type": "function",
        "name": "find_order",
        "description": "Looks up an order.",
        "parameters": SCHEMA,
    }


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('{"order": "17"}', {"order": "17"}),
        ('{"order": "17", "count": 2, "kind": "new"}', {"order": "17", "count": 2, "kind": "new"}),
        ('{"order": "17", "place": {"city": "Köln"}}', {"order": "17", "place": {"city": "Köln"}}),
    ],
)
def test_good_arguments(text: str, arguments: dict[str, Any]) -> None:
    assert REGISTRY.arguments("find_order", text) == arguments


def test_no_arguments_at_all() -> None:
    assert REGISTRY.arguments("ping", "") == {}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("find_ordre", "{}", "The tools are: find_order, ping."),
        ("find_order", "{", "not valid JSON"),
        ("find_order", '{"order": "17"', "not valid JSON"),
        ("find_order", "[" * 60_000, "not valid JSON"),
        ("find_order", "[]", "must be one JSON object"),
        ("find_order", "7", "must be one JSON object"),
        ("find_order", "{}", "must contain ['order']"),
        ("find_order", '{"order": 17}', "order must be string"),
        ("find_order", '{"order": "x"}', "order must match pattern"),
        ("find_order", '{"order": "1", "count": 0}', "count must be bigger than or equal to 1"),
        ("find_order", '{"order": "1", "kind": "x"}', "kind must be one of ['new', 'old']"),
        ("find_order", '{"order": "1", "colour": "x"}', "must not contain {'colour'}"),
        ("find_order", '{"order": "1", "place": {}}', "place must contain ['city']"),
        ("find_order", '{"order": "' + "1" * 70_000 + '"}', "too long"),
    ],
)
def test_mistakes_are_told_in_words(name: str, text: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as caught:
        REGISTRY.arguments(name, text)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 500


@given(st.text(max_size=50))
def test_whatever_a_model_writes_is_arguments_or_a_mistake(text: str) -> None:
    try:
        arguments = REGISTRY.arguments("ping", text)
    except ArgumentsError as error:
        arguments = {"told": str(error)}
    assert isinstance(arguments, dict)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, 'must be "object"'),
        ({"type": "array"}, 'must be "object"'),
        ({"type": "object", "properties": {"a": {"type": "strin"}}}, "type"),
        ({"type": "object", "properties": [1]}, "shape"),
        ({"type": "object", "properties": {"a": "string"}}, "object"),
        ({"type": "object", "properties": {"a": {"items": 7}}}, "shape"),
        ({"type": "object", "required": "order"}, "array"),
        ({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}, "pattern"),
        ({"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}, "nowhere"),
        ({"type": "object", "properties": {"a": {"$ref": "http://x.example/s"}}}, "leads out"),
        ({"type": "object", "allOf": [{"$ref": "file:///etc/passwd"}]}, "leads out"),
    ],
)
def test_schemas_that_are_none(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        compile_schema(schema)
    assert said in str(caught.value)


def test_two_tools_of_one_name() -> None:
    with pytest.raises(ValueError, match="two tools named 'find_order'"):
        Registry([FIND, FIND])
