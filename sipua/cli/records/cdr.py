"""`sipua cdr ls`, `show` and `export`. Their code is imported only when they run."""

from __future__ import annotations

import argparse
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipua.process.command_parser import CONFIG_HELP, add_command, config_path
from sipua.process.exits import Exit
from sipua.process.terminal_text import json_text

if TYPE_CHECKING:
    from sipua.outputs.cdr.reader.reading import Filter
    from sipua.outputs.cdr.row import Row
    from sipua.process.command_parser import Commands

_TEXTS = ("from", "to", "origin", "route")
_HOUR = timedelta(hours=1)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def add(commands: Commands) -> None:
    parser = add_command(commands, "cdr", _without_command, "find calls in the call records")
    parser.set_defaults(cdr_parser=parser)
    below = parser.add_subparsers(title="commands", metavar="COMMAND")
    listed = add_command(below, "ls", _ls, "list calls, the last ones first")
    show = add_command(below, "show", _show, "print one call")
    show.add_argument("id", metavar="CALL_ID", help="call_id of the log")
    show.add_argument(
        "--vcon",
        action="store_true",
        help="as a vCon, with the words of its record",
    )
    export = add_command(below, "export", _export, "print all calls as a table")
    export.add_argument("--csv", action="store_true", help="as CSV, with a line of names")
    for command in (listed, export):
        _add_filters(command)
    listed.add_argument(
        "-n", type=_count, default=20, metavar="N", dest="count", help="most calls (default: 20)"
    )
    for command in (listed, show, export):
        command.add_argument("-c", "--config", type=Path, metavar="FILE", help=CONFIG_HELP)
        command.add_argument(
            "--directory", type=Path, metavar="DIR", help="instead of cdr.directory"
        )
        command.add_argument("--json", action="store_true", help="JSON instead of text")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which calls (all must fit)")
    when = "2026-11-28, 2026-11-28T10:30 (local time), or 30m, 2h, 7d ago"
    group.add_argument("--since", type=moment, metavar="TIME", help=f"began at or after: {when}")
    group.add_argument("--until", type=moment, metavar="TIME", help="began before")
    group.add_argument(
        "--about",
        type=about,
        metavar="TIME",
        help="began within an hour of it: 15:00 (the last one), 2026-11-28T15:00",
    )
    for name in _TEXTS:
        what = "its number, or the last digits" if name in ("from", "to") else "its name"
        group.add_argument(f"--{name}", default="", metavar="TEXT", dest=f"{name}_", help=what)
    group.add_argument("--status", type=_status, metavar="STATUS", help="completed, busy, …")
    group.add_argument("--reason", type=_reason, metavar="REASON", help="hangup, no_ack, …")
    group.add_argument("--fault", type=_fault, metavar="SIDE", help="edge, engine, network, …")
    group.add_argument(
        "--bad", action="store_true", help="something was wrong with it, as `show` says"
    )


def _without_command(args: argparse.Namespace) -> int:
    args.cdr_parser.print_help(sys.stderr)
    return Exit.USAGE


def _ls(args: argparse.Namespace) -> int:
    from sipua.outputs.cdr.reader import show

    rows = _rows(args, _filter(args), args.count)
    if rows is None:
        return Exit.UNFIT
    if args.json:
        _write_json([_with_findings(row) for row in rows])
    else:
        sys.stdout.write(show.overview(rows, colour=sys.stdout.isatty()))
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    from sipua.outputs.cdr.reader import show
    from sipua.outputs.cdr.reader.reading import Filter

    rows = _rows(args, Filter(id=args.id), 1)
    if rows is None:
        return Exit.UNFIT
    if not rows:
        sys.stderr.write(
            f"sipua: no row of {args.id} in {_directory(args)}: it is written when the call has "
            "ended; is this the directory (-c FILE, or --directory)?\n"
        )
        return Exit.UNFIT
    if args.vcon:
        _write_json(_vcon(rows[0]))
    elif args.json:
        _write_json(_with_findings(rows[0]))
    else:
        sys.stdout.write(show.call(rows[0], colour=sys.stdout.isatty()))
    return Exit.OK


def _export(args: argparse.Namespace) -> int:
    import csv

    from sipua.outputs.cdr.reader import reading

    if args.csv == args.json:
        sys.stderr.write("sipua: how? --csv, or --json for one row a line\n")
        return Exit.USAGE
    rows = _rows(args, _filter(args), None)
    if rows is None:
        return Exit.UNFIT
    if args.json:
        for row in rows:
            sys.stdout.write(_json(row) + "\n")
        return Exit.OK
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(reading.HEAD)
    table.writerows(map(reading.cells, rows))
    return Exit.OK


def _rows(args: argparse.Namespace, wanted: Filter, most: int | None) -> list[Any] | None:
    """None: they cannot be read, which is said."""
    from sipua.outputs.cdr.reader import reading
    from sipua.outputs.cdr.reader.findings import findings

    try:
        rows = reading.read(_directory(args), wanted)
        if getattr(args, "bad", False):
            rows = filter(findings, rows)
        return list(islice(rows, most))
    except reading.NoRowsError as error:
        sys.stderr.write(f"sipua: {error}\n")
        return None


def _with_findings(row: Row) -> dict[str, Any]:
    import msgspec

    from sipua.outputs.cdr.reader.findings import findings

    told: dict[str, Any] = msgspec.to_builtins(row)
    return {**told, "findings": msgspec.to_builtins(findings(row))}


def _vcon(row: Row) -> dict[str, Any]:
    from sipua.outputs.cdr.reader import vcon
    from sipua.record import reading

    if not row.record:
        return vcon.of_call(row)
    try:
        return vcon.of_call(row, reading.read(Path(row.record)).entries)
    except reading.NoRecordError as error:
        sys.stderr.write(f"sipua: without words: {error}\n")
        return vcon.of_call(row)


def _filter(args: argparse.Namespace) -> Filter:
    from sipua.outputs.cdr.reader.reading import Filter

    return Filter(
        since=max(args.since or "", args.about[0] if args.about else ""),
        until=min(filter(None, (args.until, args.about and args.about[1])), default=""),
        from_=args.from_,
        to=args.to_,
        origin=args.origin_,
        route=args.route_,
        status=args.status or "",
        reason=args.reason or "",
        fault=args.fault or "",
    )


def _directory(args: argparse.Namespace) -> Path:
    if args.directory is not None:
        return Path(args.directory)
    from sipua.config import load  # not needed where a directory is named

    return Path(load(config_path(args.config), os.environ).cdr.directory).expanduser()


def _write_json(value: object) -> None:
    import msgspec

    sys.stdout.write(json_text(msgspec.to_builtins(value), indent=2))


def _json(row: object) -> str:
    import msgspec

    return msgspec.json.encode(row).decode()


# --- arguments --------------------------------------------------------------------------------


def moment(text: str) -> str:
    """As rows have it: RFC 3339, UTC."""
    if match := re.fullmatch(r"([0-9]{1,6})([mhd])", text):
        ago = timedelta(**{_UNITS[match[2]]: int(match[1])})
        found = datetime.now(UTC) - min(ago, timedelta(days=36_500))
    else:
        try:
            found = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            words = f"{text!r} is no time: 2026-11-28, 2026-11-28T10:30, or 30m, 2h, 7d ago"
            raise argparse.ArgumentTypeError(words) from None
    return _as_in_rows(found)


def about(text: str) -> tuple[str, str]:
    """An hour before and after it: people do not look at their clocks when they call."""
    if match := re.fullmatch(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])", text):
        now = datetime.now().astimezone()
        at = now.replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
        if at > now:
            at -= timedelta(days=1)
    else:
        at = datetime.fromisoformat(moment(text))
    return _as_in_rows(at - _HOUR), _as_in_rows(at + _HOUR)


def _as_in_rows(at: datetime) -> str:
    told = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return told.replace("+00:00", "Z")


def _one_of(text: str, known: tuple[str, ...], what: str) -> str:
    if text not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is no {what}: {', '.join(known)}")
    return text


def _status(text: str) -> str:
    from typing import get_args

    from sipua.events.ending import Status

    return _one_of(text, get_args(Status), "status")


def _reason(text: str) -> str:
    from sipua.events.ending import Reason

    return _one_of(text, tuple(reason.value for reason in Reason), "reason")


def _fault(text: str) -> str:
    from typing import get_args

    from sipua.events.ending import Fault

    return _one_of(text, get_args(Fault), "side")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of calls")
    return int(text)
