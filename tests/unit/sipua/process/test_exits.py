from __future__ import annotations

import signal

from sipua.process.exits import Exit


def test_codes_are_distinct_and_each_has_a_meaning() -> None:
    assert len({int(code) for code in Exit}) == len(Exit)
    assert all(code.meaning for code in Exit)


def test_signal_codes_follow_the_shell() -> None:
    assert Exit.INTERRUPTED == 128 + signal.SIGINT
    assert Exit.BROKEN_PIPE == 128 + signal.SIGPIPE
