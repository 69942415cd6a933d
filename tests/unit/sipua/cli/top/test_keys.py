from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.cli.top.keys import keys


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"jk", ["j", "k"]),
        (
            b"\r\n\t\x7f\x08\x15\x0c",
            ["enter", "enter", "tab", *["backspace"] * 2, "kill", "redraw"],
        ),
        (b"\x1b[A\x1b[B\x1bOC\x1bOD", ["up", "down", "right", "left"]),
        (
            b"\x1b[5~\x1b[6~\x1b[1~\x1b[4~\x1b[H\x1bOF",
            ["page-up", "page-down", *["home", "end"] * 2],
        ),
        (b"\x1b[Z", ["back-tab"]),
        (b"\x1b[1;5C\x1b[200~j", ["j"]),
        ("/ü€😀".encode(), ["/", "ü", "€", "😀"]),
        (b"\x00\x01j", ["j"]),
        (b"\xff\xfej", ["j"]),
        (b"\x1b\x1b[A", ["esc", "up"]),
    ],
)
def test_keys(data: bytes, found: list[str]) -> None:
    assert keys(data, over=False) == (found, b"")


def test_esc_is_a_key_when_nothing_follows() -> None:
    assert keys(b"j\x1b", over=False) == (["j"], b"\x1b")
    assert keys(b"\x1b", over=True) == (["esc"], b"")
    assert keys(b"\x1b[", over=False) == ([], b"\x1b[")
    assert keys(b"\x1b[", over=True) == ([], b"")


def test_a_character_may_come_in_pieces() -> None:
    assert keys("ü".encode()[:1], over=False) == ([], "ü".encode()[:1])


@given(st.binary(max_size=60))
def test_whatever_comes_is_read_to_its_end(data: bytes) -> None:
    found, rest = keys(data, over=True)
    assert rest == b""
    assert all((len(key) == 1 and key.isprintable()) or key.isascii() for key in found)
    _, half = keys(data, over=False)
    assert len(half) < 16
