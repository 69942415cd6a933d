"""The JSON: what is written can be read, and docs/bench.md names every field of it."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from sipua.bench.results import result, soak
from sipua.bench.results.result import Result, Spread, load, to_json

DOCUMENT = Path(__file__).parents[4] / "docs" / "bench.md"
PARTS = [
    kind
    for kind in (*vars(result).values(), *vars(soak).values())
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
]


def example() -> Result:
    return Result(
        kind="capture",
        made_at="2026-01-01T00:00:00+00:00",
        command="sipua bench capture x.pcap",
        calls=2,
        seconds=1.5,
        engine="local",
        machine=result.Machine("cpu", 2, "6.1", "3.11", 0.1, 0.1),
        verdict=result.Verdict("good", "fair", "Good.", (result.Check("a", "good", "words"),)),
        source=result.Source("x.pcap", 1, "PCMU", 20, 10, 0.2, 0, 0.5),
        uplink=result.Uplink(socket_to_sent_ms=Spread.of([1, 2, 3])),
        reorder=result.Reorder(refused={"source": 3}),
    )


def test_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(to_json(example()))
    assert load(path) == example()


def test_fields_of_a_later_version_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(to_json(example()).replace(b'"calls": 2', b'"calls": 2, "news": [1]'))
    assert load(path) == example()


def test_spread() -> None:
    assert Spread.of(range(1, 101)) == Spread(100, 50.5, 95.05, 99.01, 100)
    assert Spread.of([]) == Spread()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_field_is_documented(part: type[msgspec.Struct]) -> None:
    named = set(re.findall(r"`([a-z0-9_]+)`", DOCUMENT.read_text()))
    assert set(part.__struct_fields__) <= named


def test_the_document_names_this_schema() -> None:
    assert f"`{result.SCHEMA}`" in DOCUMENT.read_text()
