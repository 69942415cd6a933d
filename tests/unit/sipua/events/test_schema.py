"""The schema in the package is that of the types, and docs/events.md has them all."""

from __future__ import annotations

import json
import math
import re
import typing
from pathlib import Path

import fastjsonschema
import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sipua.events import ending, schema
from sipua.events.ended import Ended
from sipua.events.event import Event
from sipua.events.stream import EventStream, Happened

ROOT = Path(__file__).parents[4]
FILE = ROOT / "sipua" / "events" / "events.schema.json"
PAGE = (ROOT / "docs" / "events.md").read_text()
KINDS = schema.CALL_EVENTS + schema.EDGE_EVENTS
NAMES = {schema.name(kind) for kind in KINDS}


def test_the_file_is_what_the_types_say() -> None:
    made = "python -m sipua.events.schema > sipua/events/events.schema.json"
    assert FILE.read_text() == schema.text(), made


def test_each_type_has_a_name_of_its_own() -> None:
    assert len(NAMES) == len(KINDS) == len({kind.__name__ for kind in KINDS})
    assert set(KINDS) == set(Event.__subclasses__())


valid = fastjsonschema.compile(schema.schema())
figures = st.dictionaries(st.text(), st.integers(0, 9) | st.text(), max_size=2)
ended = st.builds(
    Ended,
    **{
        name: st.none() | figures
        for name, hint in typing.get_type_hints(Ended).items()
        if hint == dict[str, typing.Any] | None
    },
)
events = st.one_of([ended if kind is Ended else st.from_type(kind) for kind in KINDS])


@given(events)
def test_every_event_is_valid(event: Event) -> None:
    # JSON has no infinite number, and no event has one.
    assume(all(math.isfinite(one) for one in event.fields().values() if isinstance(one, float)))
    valid(envelope(event))


def envelope(event: Event) -> dict[str, object]:
    stream, heard = EventStream("edge"), list[Happened]()
    stream.subscribe(heard.append)
    stream.teller("c-1" if type(event) in schema.CALL_EVENTS else "").tell(event)
    told: dict[str, object] = json.loads(heard[0].json())
    return told


def test_what_breaks_the_promise_is_not() -> None:
    told = envelope(schema.CALL_EVENTS[0](**_least(schema.CALL_EVENTS[0])))
    valid(told)
    valid(told | {"type": "call.of_a_later_version"})
    for broken in (
        {name: value for name, value in told.items() if name != "subject"},
        told | {"data": {}},
        told | {"specversion": "2.0"},
    ):
        with pytest.raises(fastjsonschema.JsonSchemaException):
            valid(broken)


def _least(kind: type[Event]) -> dict[str, object]:
    fields = msgspec.structs.fields(kind)
    return {field.name: {int: 0}.get(field.type, "") for field in fields if field.required}


# --- the page -----------------------------------------------------------------------------------


def row_of(name: str, page: str = PAGE) -> str:
    (row,) = re.findall(rf"^\| `{re.escape(name)}` \|.*$", page, re.MULTILINE)
    return str(row)


@pytest.mark.parametrize("kind", KINDS, ids=schema.name)
def test_the_page_has_each_type_with_all_its_fields(kind: type[Event]) -> None:
    row = row_of(schema.name(kind))
    missing = [
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if f"`{field.encode_name}`" not in row
    ]
    assert not missing


def test_the_page_has_no_type_that_there_is_not() -> None:
    section = PAGE.partition("## Events of a call")[2].partition("## In the log alone")[0]
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", section, re.MULTILINE)
    assert sorted(rows) == sorted(NAMES)


def test_the_page_has_every_word_of_the_closed_lists() -> None:
    lists = {
        "Statuses": typing.get_args(ending.Status),
        "By": typing.get_args(ending.By),
        "Reasons": tuple(ending.Reason),
        "Faults": typing.get_args(ending.Fault),
    }
    for heading, words in lists.items():
        section = PAGE.partition(f"### {heading}\n")[2].partition("\n#")[0]
        assert section.count("\n| `") == len(words)
        for word in words:
            assert row_of(word, section)
