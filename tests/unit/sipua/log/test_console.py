"""What a person sees."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sipua.log.console import Console


def render(*, colour: bool = False, **event: Any) -> str:
    fields = {"ts": "2026-03-01T12:00:00.512Z", "level": "info", "event": "call.answered", **event}
    return re.sub(r"\d\d:\d\d:\d\d\.", "hh:mm:ss.", Console(colour=colour)(None, "info", fields))


def test_columns_are_fixed() -> None:
    with_call = render(call_id="c-8f3k2mnp", setup_ms=38, codec="PCMU")
    without = render(event="edge.listening", sip="127.0.0.1:5060")
    assert with_call == (
        "hh:mm:ss.512 info  c-8f3k2mnp call.answered          setup_ms=38 codec=PCMU"
    )
    assert without == "hh:mm:ss.512 info             edge.listening         sip=127.0.0.1:5060"
    assert with_call.index("call.") == without.index("edge.")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.0, "1"),
        (0.1234567, "0.123457"),
        (None, "none"),
        (True, "true"),
        ([], "[]"),
        (["udp", "tcp"], "udp,tcp"),
        ({"a": 1, "b": "x y"}, '{a=1 b="x y"}'),
        ("", '""'),
        ("two words", '"two words"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("bell\x07", '"bell\\x07"'),
        ("Grüße", '"Grüße"'),
    ],
)
def test_values(value: object, shown: str) -> None:
    assert render(x=value).endswith(f" x={shown}")


def test_the_network_cannot_forge_a_line_or_clear_the_screen() -> None:
    text = render(**{"from": '"\x1b[2J"\nhh:mm:ss.000 info all.fine'}, reason="x\u202ey")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert all(line.startswith("    | ") for line in text.split("\n")[1:])


def test_long_texts_stand_below_the_line() -> None:
    text = render(event="sip.received", message="OPTIONS sip:x SIP/2.0\r\nVia: y\r\n\r\n")
    assert text.split("\n")[1:] == ["    | message:", "    | OPTIONS sip:x SIP/2.0", "    | Via: y"]


def test_exception_stands_below_the_line() -> None:
    assert render(exception="Traceback\nBoom").endswith("\n    | Traceback\n    | Boom")


def test_colour_only_when_asked() -> None:
    assert "\x1b[33mwarn \x1b[0m" in render(level="warning", colour=True)
    assert "\x1b" not in render(level="warning")


def test_of_many_counters_only_those_that_counted_are_shown() -> None:
    rtp = {"sent": 352, "lost": 0, "dropped": {}, "streams": [{"received": 351, "late": 0}]}
    line = render(rtp=rtp, playout={"late_ms": 0, "overflow_ms": 0}, interruptions=0)
    assert line.endswith(" rtp={sent=352 streams={received=351}} interruptions=0")
