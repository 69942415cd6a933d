"""docs/traces.md has each span, each event and each attribute, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

from sipua.outputs.traces.backlog import MOST_CALLS
from sipua.outputs.traces.story import FIRST, LAST
from support.calls.traced_call import LONG, LOST, PLACED, WHOLE, trace

PAGE = (Path(__file__).parents[5] / "docs" / "traces.md").read_text()


def code(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def table(heading: str) -> dict[str, tuple[set[str], set[str]]]:
    """What stands before the last column, and the attributes in it, by name."""
    rows = PAGE.partition(heading)[2].partition("\n\n")[0].splitlines()[1:]
    found = {}
    for row in rows:
        first, *_, last = (cell.strip() for cell in row.strip("|").split(" |"))
        of = row.split(" | ")[1] if " | " in row else ""
        for name in code(first):
            names = {one for one in code(last) if one.startswith(("sipua.", "gen_ai."))}
            found[name] = code(of), names
    return found


def general(name: str) -> str:
    """An attribute whose last part is anybody's."""
    prefix = "sipua.private.metadata."
    return f"{prefix}…" if name.startswith(prefix) else name


def test_every_span_with_its_parent_and_attributes() -> None:
    told: dict[str, tuple[set[str], set[str]]] = {}
    for moments in (WHOLE, PLACED, LOST, LONG):
        found = trace(*moments, private=True)
        names = {span.span_id: span.name for span in found.spans}
        for span in found.spans:
            name = re.sub("^execute_tool .*", "execute_tool …", span.name)
            parents, attributes = told.setdefault(name, (set(), set()))
            if span is not found.spans[0]:
                parents.add(names[span.parent_id])
            attributes |= {general(one) for one in span.attributes} - {"sipua.end_unknown"}
    assert table("| span | parent | is | attributes |\n") == told
    assert "`sipua.end_unknown`" in PAGE


def test_every_event_of_a_span_with_its_attributes() -> None:
    told: dict[str, tuple[set[str], set[str]]] = {}
    for moments in (WHOLE, PLACED, LOST, LONG):
        for span in trace(*moments, private=True).spans:
            for moment in span.moments:
                of, attributes = told.setdefault(moment.name, (set(), set()))
                of.add(span.name)
                attributes |= set(moment.attributes)
    assert table("| event | of | attributes |\n") == told


def test_the_bounds() -> None:
    assert FIRST == LAST
    assert f"the first and the last {FIRST} of its events" in PAGE
    assert f"{MOST_CALLS:,} that are over" in PAGE
