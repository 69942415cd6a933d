"""Texts of others on a terminal."""

from __future__ import annotations

import json

from sipua.process import terminal_text


def test_json_for_a_terminal_means_the_same() -> None:
    hostile = {"a\x9b31m": "\u202e\x9d0;\x1b]0;x\x07 Grüße", "n": [1, "\u2028"]}
    text = json.dumps(hostile, indent=2, ensure_ascii=False)
    shown = terminal_text.clean_json(text)
    assert json.loads(shown) == hostile
    assert "Grüße" in shown
    assert not {"\x9b", "\x9d", "\u202e", "\u2028", "\x1b"} & set(shown)
