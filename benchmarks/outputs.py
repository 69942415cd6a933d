"""What the commands of `sipua bench` take and give: workers, TLS; a result as text, JSON, page."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sipua.bench.common.errors import BenchError
from sipua.process.exits import Exit

if TYPE_CHECKING:
    from sipua.bench.results.result import Result


def add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="workers of the edge; default: 1"
    )


def add_tls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tls", action="store_true", help="TLS to the local engine, as real engines want it"
    )


def add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the result as JSON")
    parser.add_argument(
        "--html", type=Path, metavar="OUT", help="write the report as one HTML file"
    )


def check_outputs(args: argparse.Namespace) -> None:
    """Before minutes of measuring, not after them."""
    for path in (args.json, args.html, getattr(args, "log", None)):
        if path is not None and not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
            raise BenchError(f"{path}: there is no folder {path.parent} to write into")


def output(args: argparse.Namespace, result: Result, page: Callable[[], str]) -> int:
    from sipua.bench.report import text
    from sipua.bench.results.result import to_json

    print(text.render(result))
    try:
        if args.json is not None:
            args.json.write_bytes(to_json(result))
        if args.html is not None:
            args.html.write_text(page(), encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{error.filename}: {error.strerror}") from None
    return Exit.OK


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def words() -> str:
    return shlex.join(["sipua", *sys.argv[1:]])
