"""`sipua forget NUMBER`: deletes what is kept of a caller. Its code is imported when it runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sipua.process.command_parser import CONFIG_HELP, add_command, config_path
from sipua.process.exits import Exit

if TYPE_CHECKING:
    from sipua.cli.records.erasure import Places
    from sipua.config import Config
    from sipua.process.command_parser import Commands

AUDIT = "erasures.jsonl"
"""In `cdr.directory`: when, how much, and of which calls; not whose."""


def add(commands: Commands) -> None:
    parser = add_command(
        commands, "forget", _forget, "delete what is kept of a caller: sound, words, numbers"
    )
    parser.add_argument("number", metavar="NUMBER", help="as +49301234567, or a user of a URI")
    parser.add_argument("--yes", action="store_true", help="do it; otherwise it is only shown")
    parser.add_argument(
        "--last-digits",
        action="store_true",
        help="also calls of which only the last digits were kept: they may be another caller's",
    )
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help=CONFIG_HELP)


def _forget(args: argparse.Namespace) -> int:
    import sqlite3

    from sipua.cli.records import erasure
    from sipua.config import load

    config = load(config_path(args.config), os.environ)
    places = _places(config)
    try:
        found = erasure.find(places, args.number, last_digits=args.last_digits)
        for path in (*found.records, *found.recordings, *found.captures):
            print(path)
        told = ", ".join(f"{count} {kind}" for kind, count in found.counts().items())
        if found.running:
            print(f"left alone, because they are being recorded: {', '.join(found.running)}")
        if not args.yes:
            print(f"found: {told}; nothing is deleted without --yes")
            return Exit.OK
        erasure.erase(found, places)
        _audit(Path(config.cdr.directory).expanduser(), found.counts(), sorted(found.calls))
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"sipua: not all of it is deleted, run it again: {error}\n")
        return Exit.UNFIT
    print(f"deleted: {told}; in rows the numbers are starred")
    if config.cdr.postgres.get_secret_value():
        print("rows in PostgreSQL are not changed: docs/recording.md has the statement")
    return Exit.OK


def _audit(folder: Path, counts: dict[str, int], calls: list[str]) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    line = json.dumps({"at": at, "by": os.environ.get("USER", ""), **counts, "call_ids": calls})
    descriptor = os.open(folder / AUDIT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(line + "\n")


def _places(config: Config) -> Places:
    """Also of what is off now: it may have been on."""
    from sipua.cli.records.erasure import Places

    def there(name: str) -> Path | None:
        path = Path(name).expanduser()
        return path if path.is_dir() else None

    rows = there(config.cdr.directory)
    return Places(
        records=there(config.record.directory),
        recordings=there(config.recording.directory),
        captures=there(config.capture.directory),
        rows=rows,
        sqlite=rows / "cdr.sqlite3" if rows else None,
    )
