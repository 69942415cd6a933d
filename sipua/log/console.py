"""The log line for a terminal: time, level, call, event, then key=value in fixed columns."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from datetime import datetime
from typing import Any

from structlog.typing import WrappedLogger

_EVENT_WIDTH = 22
_CALL_WIDTH = 10
_RESET = "\x1b[0m"
_DIM = "\x1b[2m"
_BOLD = "\x1b[1m"
_COLOURS = {"debug": _DIM, "info": "", "warning": "\x1b[33m", "error": "\x1b[31m"}
_COLOURS["critical"] = _COLOURS["error"]
_SHORT = {"warning": "warn", "critical": "error"}

_BARE = re.compile(r"[!-~]+")  # printable ASCII without blanks
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Console:
    """Renders an event for the terminal.

    Texts from the network may hold anything: control characters are escaped, so that a
    From header can neither clear the screen nor forge a line.
    """

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(
        self, _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
    ) -> str:
        level = event.pop("level")
        name = _safe(str(event.pop("event")))
        call = _safe(str(event.pop("call_id", "")))
        time = _local_time(event.pop("ts"))
        exception = event.pop("exception", None)
        blocks = [] if exception is None else [str(exception)]
        pairs = []
        for key, value in event.items():
            value = _nonzero(value)  # noqa: PLW2901
            if value == {}:
                continue
            if isinstance(value, str) and "\n" in value.strip():
                blocks.append(f"{key}:\n{value.strip()}")
            else:
                pairs.append(f"{self._paint(_DIM, key + '=')}{_show(value)}")
        short = _SHORT.get(level, level)
        head = (
            f"{self._paint(_DIM, time)} {self._paint(_COLOURS.get(level, ''), f'{short:5}')} "
            f"{call:{_CALL_WIDTH}} {self._paint(_BOLD, f'{name:{_EVENT_WIDTH}}')}"
        )
        line = f"{head} {' '.join(pairs)}".rstrip()
        return "\n".join([line, *(_indent(block) for block in blocks)])

    def _paint(self, code: str, text: str) -> str:
        return f"{code}{text}{_RESET}" if self._colour and code else text


def _local_time(ts: str) -> str:
    """The reader's wall clock, without the date, which a terminal does not need."""
    moment = datetime.fromisoformat(ts).astimezone()
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def _nonzero(value: Any) -> Any:
    """The counters of a table that are not zero."""
    if isinstance(value, list):
        return [_nonzero(item) for item in value]
    if not isinstance(value, dict):
        return value
    shown = {key: _nonzero(item) for key, item in value.items()}
    return {key: item for key, item in shown.items() if item not in (0, None, "", {}, [])}


def _show(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ",".join(_show(item) for item in value) if value else "[]"
    if isinstance(value, dict):
        return "{" + " ".join(f"{key}={_show(item)}" for key, item in value.items()) + "}"
    text = str(value)
    if _BARE.fullmatch(text) and '"' not in text:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = escaped.replace("\n", "\\n").replace("\t", "\\t")
    return f'"{_safe(escaped)}"'


def _safe(text: str) -> str:
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def _indent(block: str) -> str:
    lines = block.replace("\r\n", "\n").split("\n")
    return "\n".join(f"    | {_safe(line)}".rstrip() for line in lines)
