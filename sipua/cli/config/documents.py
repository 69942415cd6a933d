"""`sipua config check`, `show` and `docs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from sipua.config.load.loader import read
from sipua.config.report import show as views
from sipua.config.report.reference import markdown
from sipua.config.values.problems import ConfigError, Problem, report
from sipua.process.exits import Exit
from sipua.process.terminal_text import json_text


def check(path: Path | None, environ: Mapping[str, str], out: IO[str], *, as_json: bool) -> int:
    try:
        loaded = read(path, environ)
    except ConfigError as error:
        _report(error.source, error.problems, out, ok=False, as_json=as_json)
        return Exit.CONFIG
    _report(loaded.source, loaded.warnings, out, ok=True, as_json=as_json)
    return Exit.OK


def show(path: Path | None, environ: Mapping[str, str], out: IO[str], *, as_json: bool) -> int:
    loaded = read(path, environ)
    if as_json:
        _write_json(views.as_dict(loaded), out)
    else:
        out.write(views.as_toml(loaded))
    return Exit.OK


def docs(out: IO[str]) -> int:
    out.write(markdown())
    return Exit.OK


def _report(
    source: str, problems: Sequence[Problem], out: IO[str], *, ok: bool, as_json: bool
) -> None:
    if as_json:
        found = [problem.as_dict() for problem in problems]
        _write_json({"source": source, "ok": ok, "problems": found}, out)
    else:
        out.write(report(source, problems) + "\n")


def _write_json(value: dict[str, Any], out: IO[str]) -> None:
    out.write(json_text(value, indent=2))
