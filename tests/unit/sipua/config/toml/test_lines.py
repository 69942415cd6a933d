from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.config.toml.lines import locate
from sipua.config.values.problems import KeyPath, toml_key, toml_value

TEXT = '''\
# a comment = 1
title = "x # no = comment"   # comment

[sip]
host = "127.0.0.1"
"quoted" = 'it''s'
list = [ # opens
  "a = 1", "]", # ]
  [1, 2],
]
long = """
[not.a.table]
key = 1 \\""" still
"""
raw = \'\'\'
[[neither]]\'\'\'
inline = { a = 1, b = "}" }
last = 1

[[accounts]]
name = "a"
[accounts.extra]
x = 1

[[accounts]]
name = "b"
dotted.key = 2
[engine.turn_detection]
type = "x"'''

EXPECTED: dict[KeyPath, int] = {
    ("title",): 2,
    ("sip",): 4,
    ("sip", "host"): 5,
    ("sip", "list"): 7,
    ("sip", "long"): 11,
    ("sip", "raw"): 15,
    ("sip", "inline"): 17,
    ("sip", "last"): 18,
    ("accounts",): 20,
    ("accounts", 0): 20,
    ("accounts", 0, "name"): 21,
    ("accounts", 0, "extra"): 22,
    ("accounts", 0, "extra", "x"): 23,
    ("accounts", 1): 25,
    ("accounts", 1, "name"): 26,
    ("accounts", 1, "dotted", "key"): 27,
    ("engine", "turn_detection"): 28,
    ("engine", "turn_detection", "type"): 29,
}


def test_every_key_has_its_line() -> None:
    text = TEXT.replace("\"quoted\" = 'it''s'\n", "\"quoted\" = 'its'\n")
    tomllib.loads(text)
    found = locate(text)
    assert found.pop(("sip", "quoted")) == 6
    assert found == EXPECTED


@pytest.mark.parametrize("text", ["", "\n\n", "# only", "[a]", "a=1", "a=1\r\nb=2\r\n"])
def test_small_texts(text: str) -> None:
    tomllib.loads(text)
    assert len(locate(text)) == text.count("=") + text.count("[")


LEAVES = st.integers(0, 9) | st.text("a=[]{}#\"'\\\n,", max_size=8) | st.lists(st.text("]#\"'"))
SECTIONS = st.dictionaries(
    st.sampled_from(["sip", "rtp", "x y"]),
    st.dictionaries(st.sampled_from(["a", "b c", "d"]), LEAVES, max_size=3),
    max_size=3,
)


@given(SECTIONS, st.lists(st.sampled_from(["", "# [x] = 1", "   "]), max_size=3))
def test_generated_files(data: dict[str, dict[str, Any]], filler: list[str]) -> None:
    lines: list[str] = []
    expected: dict[KeyPath, int] = {}
    for section, values in data.items():
        lines += [*filler, f"[{toml_key(section)}]"]
        expected[(section,)] = len(lines)
        for key, value in values.items():
            lines.append(f"{toml_key(key)} = {toml_value(value)}  # end")
            expected[section, key] = len(lines)
    text = "\n".join(lines)
    assert tomllib.loads(text) == data
    assert locate(text) == expected


def paths(node: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*path, key)
            yield from paths(value, (*path, key))
    elif isinstance(node, list) and node and isinstance(node[0], dict):
        for index, value in enumerate(node):
            yield from paths(value, (*path, index))


@pytest.mark.parametrize("file", ["local-demo", "asterisk-extension", "ip-trunk"])
def test_examples_are_found_completely(file: str) -> None:
    text = (Path(__file__).parents[5] / "configs" / f"{file}.toml").read_text()
    assert set(paths(tomllib.loads(text))) <= set(locate(text))
