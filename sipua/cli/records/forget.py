"""`sipua forget NUMBER`: deletes what is kept of a caller. Its code is imported when it runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import ExitStack
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

    from sipua.campaigns.store.databases import StoreError
    from sipua.cli.records.databases import DatabaseError
    from sipua.config import load
    from sipua.outputs.hooks.spool import SpoolError
    from sipua.recording.s3.answers import S3Error

    config = load(config_path(args.config), os.environ)
    try:
        return _found_and_erased(config, args)
    except S3Error as error:
        sys.stderr.write(f"sipua: not all of it is deleted: S3: {error}\n  {error.fix}\n")
    except (OSError, sqlite3.Error, DatabaseError, SpoolError, StoreError) as error:
        sys.stderr.write(f"sipua: not all of it is deleted, run it again: {error}\n")
    return Exit.UNFIT


def _found_and_erased(config: Config, args: argparse.Namespace) -> int:
    from sipua.campaigns.store import forgetting
    from sipua.cli.records import copies, databases, erasure
    from sipua.cli.records.whose import Wanted
    from sipua.edge.wiring import outbound
    from sipua.edge.wiring.hooks import hook_directory
    from sipua.edge.wiring.recording import s3_settings
    from sipua.outputs.hooks import reading

    wanted = Wanted(args.number, args.last_digits)
    places, hooks = _places(config), hook_directory(config)
    campaigns, listed = outbound.directory(config), outbound.do_not_call_list(config)
    postgres, s3 = config.cdr.postgres.get_secret_value(), s3_settings(config)
    with ExitStack() as held:
        stored = databases.find_in_postgres(postgres, wanted) if postgres else []
        found = erasure.find(places, wanted, held, also=stored)
        events = reading.events_of(hooks, found.calls)
        objects = copies.find(s3, found.days) if s3 is not None else []
        kept = forgetting.find(campaigns, wanted.is_number)
        copied = [s3.uri(one.key) for one in objects] if s3 is not None else []
        for place in (*found.records, *found.recordings, *found.captures, *copied):
            print(place)
        counts = found.counts()
        if postgres:
            counts["rows in PostgreSQL"] = sum(one.id in found.calls for one in stored)
        counts |= {"contacts of campaigns": len(kept.contacts)} if kept.contacts else {}
        counts |= {"attempts of campaigns": len(kept.attempts)} if kept.attempts else {}
        counts |= {"events for webhooks": len(events)} if events else {}
        counts |= {"objects in S3": len(objects)} if s3 is not None else {}
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        if found.running:
            print(
                f"left alone, because they are being recorded or sent: {', '.join(found.running)}"
            )
        if kept.calling:
            print(f"left alone, because it is being called: in {', '.join(kept.calling)}")
        if entry := listed.find(args.number):
            since = datetime.fromtimestamp(entry.at_s, UTC).date().isoformat()
            print(
                f"stays in the list of numbers that are not called, since {since}: {entry.number}"
            )
        if not args.yes:
            print(f"found: {told}; nothing is deleted without --yes")
            return Exit.OK
        # Files last: they are how it is all found again, when a server does not answer.
        if s3 is not None:
            copies.erase(s3, objects)
        if postgres:
            databases.erase_in_postgres(postgres, found.calls)
        forgetting.erase(campaigns, kept)
        listed.forget(args.number)
        reading.delete_events(hooks, events)
        erasure.erase(found, places)
        _audit(Path(config.cdr.directory).expanduser(), counts, sorted(found.calls))
    print(f"deleted: {told}; in rows the numbers are gone")
    here = s3.uri("") if s3 is not None else ""
    for uri in sorted(found.sent_to):
        if not here or not uri.startswith(here):
            print(f"not deleted, because [recording.s3] is another one now: {uri}")
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
        messages=there(config.twilio.recordings) if config.twilio.recordings else None,
    )
