"""The whole road of a line, from a logger to the stream."""

from __future__ import annotations

import io
import json
import logging
import re
from enum import StrEnum
from typing import Any

import pytest

from sipua.log import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_when_not_on_a_terminal() -> None:
    out = io.StringIO()
    logs.configure("info", "auto", out)
    logs.bind_call("c-8f3k2mnp", ssrc="0x1f").info("call.answered", setup_ms=38)
    (text,) = out.getvalue().splitlines()
    line = json.loads(text)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("ts"))
    assert line == {
        "level": "info",
        "event": "call.answered",
        "call_id": "c-8f3k2mnp",
        "ssrc": "0x1f",
        "setup_ms": 38,
    }
    assert re.findall(r'"(\w+)":', text)[:4] == ["ts", "level", "event", "call_id"]


def test_console_on_a_terminal_json_when_told() -> None:
    for fmt, is_json in (("auto", False), ("console", False), ("json", True)):
        out = Terminal()
        logs.configure("info", fmt, out)  # type: ignore[arg-type]
        logs.get().info("edge.stopped")
        assert out.getvalue().startswith("{") is is_json


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_level_filters(level: logs.Level) -> None:
    out = io.StringIO()
    logs.configure(level, "json", out)
    for name in ("debug", "info", "warning", "error"):
        getattr(logs.get(), name)(f"at.{name}")
    names = ["debug", "info", "warning", "error"]
    assert [line["level"] for line in lines(out)] == names[names.index(level) :]


def test_H8_secrets_are_masked_in_every_field_and_in_exceptions() -> None:
    secret = "correct-horse-battery"
    logs.register_secret(secret)
    for stream in (io.StringIO(), Terminal()):
        logs.configure("debug", "auto", stream)
        try:
            int(secret)
        except ValueError:
            logs.get().exception("engine.failed", why=f"<{secret}>", password="short")
        logs.get().debug("sip.sent", message=f'Authorization: Digest response="{secret}"\r\n')
        logs.get().info("x", headers={"Authorization": "Bearer abc123"}, n=[secret], o=Holder())
        logging.getLogger("websockets.client").warning("> Authorization: Bearer %s", secret)
        text = stream.getvalue()
        assert secret not in text
        assert "abc123" not in text
        assert "short" not in text
        assert "ValueError" in text


class Holder:
    def __str__(self) -> str:
        return "holds correct-horse-battery"


class Side(StrEnum):
    PEER = "peer"


def test_values_that_json_does_not_know() -> None:
    out = io.StringIO()
    logs.configure("info", "json", out)
    logs.get().info("a", by=Side.PEER, raw=b"\xff\x00", where=("h", 1), none=None, ok=True)
    logs.get().info("b", bad="\ud800", big=2**70)
    first, second = lines(out)
    assert (first["by"], first["raw"], first["where"]) == ("peer", "\\xff\x00", ["h", 1])
    assert (first["none"], first["ok"]) == (None, True)
    assert second["big"] == 2**70


def test_standard_logging_takes_the_same_road() -> None:
    out = io.StringIO()
    logs.configure("info", "json", out)
    logger = logging.getLogger("asyncio")
    logger.info("chatter")
    logger.log(35, "odd level %d", 7)
    logging.LoggerAdapter(logger, {"call_id": "c-1"}).error("of a call")
    odd, of_call = lines(out)
    assert (odd["event"], odd["message"], odd["level"]) == ("lib.asyncio", "odd level 7", "warning")
    assert of_call["call_id"] == "c-1"


def test_configuring_twice_writes_once() -> None:
    logs.configure("info", "json", io.StringIO())
    out = io.StringIO()
    logs.configure("info", "json", out)
    logging.getLogger("x").warning("once")
    assert len(lines(out)) == 1


def test_a_reader_that_went_away_is_survived() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    logs.configure("info", "json", Gone())
    logs.get().info("edge.stopped")
