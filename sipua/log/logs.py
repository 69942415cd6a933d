"""Logging: one line per event, as text on a terminal, else as JSON.

    log = bind_call(call_id)
    log.info("call.answered", setup_ms=38)

Every line has `ts`, `level` and `event`; a line about a call has `call_id`. What a library
writes through the standard `logging` module becomes the same lines. Nothing is written before
its secrets are masked (see `redact`).

The level is a filter compiled into the logger: a `debug()` that is off costs a call of an
empty function, but never put one on the path of a packet.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, Literal

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger, Processor, WrappedLogger

from sipua.log.console import Console
from sipua.log.secret_masking import mask_value, register_secret

__all__ = ["Format", "Level", "bind_call", "configure", "get", "register_secret"]

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]
EventDict = MutableMapping[str, Any]

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


@dataclass(slots=True)
class InUse:
    """What logging was set up with, for processes that we start."""

    level: Level = "info"
    format: Format = "auto"


in_use = InUse()

# The order of the first keys of a JSON line; the rest follows as the caller wrote it.
_FIRST = ("ts", "level", "event", "call_id")


def for_a_person(fmt: Format, stream: IO[str] | None = None) -> bool:
    """Whether lines are text for a terminal: as configured, else by the stream."""
    out = sys.stderr if stream is None else stream
    return fmt == "console" or (fmt == "auto" and out.isatty())


def configure(level: Level, fmt: Format, stream: IO[str] | None = None) -> None:
    """Set up logging for the process. May be called again, for loggers made afterwards."""
    in_use.format = fmt
    out = sys.stderr if stream is None else stream
    lines = _Lines(out)
    processors: list[Processor] = [
        structlog.stdlib.add_log_level,
        _add_time,
        structlog.processors.format_exc_info,
        _mask,
        Console(colour=out.isatty()) if for_a_person(fmt, out) else _json_line,
    ]
    set_level(level)
    structlog.configure(
        processors=processors,
        wrapper_class=_Filtered,
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _FromStdlib):
            root.removeHandler(handler)
    root.addHandler(_FromStdlib())


def set_level(level: Level) -> None:
    """Of all loggers, those that exist as well."""
    in_use.level = level
    for name, method in vars(structlog.make_filtering_bound_logger(_LEVELS[level])).items():
        if not name.startswith("_"):
            setattr(_Filtered, name, method)
    # Below debug, a library's own lines ("connection open") only hide our events.
    logging.getLogger().setLevel(logging.DEBUG if level == "debug" else logging.WARNING)


def get() -> FilteringBoundLogger:
    """A logger for lines that belong to no call."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def bind_call(call_id: str, **ids: object) -> FilteringBoundLogger:
    """A logger that writes `call_id` (and further ids) on each of its lines."""
    return get().bind(call_id=call_id, **ids)


def call_failed(call_id: str, error: Exception) -> None:
    """Log what ended a call that could not be made or run."""
    words = f"{type(error).__name__}: {error}"
    bind_call(call_id).error("call.failed", error=words, exc_info=error)


class _Filtered(structlog.BoundLoggerBase):
    """The class of every logger; its methods are those of the level in use."""


class _Lines:
    """The output of finished lines. The pjsua2 thread and the loop both write here."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        with self._lock, contextlib.suppress(OSError):
            # A full disk or a closed pipe must not end a call, and cannot be reported elsewhere.
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = write


def _add_time(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    now = datetime.now(UTC)
    event["ts"] = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
    return event


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        event[key] = mask_value(key, value)
    return event


def _json_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    first = {key: event.pop(key) for key in _FIRST if key in event}
    line = first | dict(event)
    try:
        return msgspec.json.encode(line).decode()
    except (UnicodeEncodeError, OverflowError):  # lone surrogates, integers beyond 64 bit
        return json.dumps(line, default=str)


class _FromStdlib(logging.Handler):
    """The lines of libraries: `event` names the logger, `message` is its text."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields: dict[str, Any] = {"message": record.getMessage()}
        except (TypeError, ValueError, KeyError):  # the library's format string is wrong
            self.handleError(record)
            return
        call_id = getattr(record, "call_id", None)  # from a LoggerAdapter with extra
        if call_id is not None:
            fields["call_id"] = call_id
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        # Libraries may use levels in between; we have four.
        level = max((known for known in _LEVELS.values() if known <= record.levelno), default=10)
        get().log(level, f"lib.{record.name}", **fields)
