"""`sipua record show` and `sipua record list`. Their code is imported only when they run."""

from __future__ import annotations

import argparse
import os
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from sipua.process.command_parser import CONFIG_HELP, add_command, config_path
from sipua.process.exits import Exit
from sipua.process.terminal_text import json_text

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands


def add(commands: Commands) -> None:
    parser = add_command(commands, "record", _without_command, "read the records of conversations")
    parser.set_defaults(record_parser=parser)
    below = parser.add_subparsers(title="commands", metavar="COMMAND")
    show = add_command(below, "show", _show, "print one conversation: words, times, delays")
    show.add_argument("which", metavar="CALL_ID|FILE", help="call_id of the log, or a record file")
    listed = add_command(
        below, "list", _list, "print the last calls with their slowest answer and their cost"
    )
    listed.add_argument(
        "-n",
        type=_count,
        default=20,
        metavar="N",
        dest="count",
        help="number of calls (default: 20)",
    )
    for command in (show, listed):
        command.add_argument("-c", "--config", type=Path, metavar="FILE", help=CONFIG_HELP)
        command.add_argument(
            "--directory", type=Path, metavar="DIR", help="instead of record.directory"
        )
        command.add_argument("--json", action="store_true", help="JSON instead of text")


def _without_command(args: argparse.Namespace) -> int:
    args.record_parser.print_help(sys.stderr)
    return Exit.USAGE


def _directory(args: argparse.Namespace) -> Path:
    if args.directory is not None:
        return Path(args.directory)
    from sipua.config import load  # not needed where a directory is named

    return Path(load(config_path(args.config), os.environ).record.directory).expanduser()


def _show(args: argparse.Namespace) -> int:
    from sipua.record import reading, show

    try:
        is_file = Path(args.which).suffix == ".jsonl"
        path = reading.find(Path() if is_file else _directory(args), args.which)
        story = reading.read(path)
    except reading.NoRecordError as error:
        sys.stderr.write(f"sipua: {error}\n")
        return Exit.UNFIT
    if args.json:
        told = {"file": str(path), "call": story.call, "entries": story.entries, "end": story.end}
        sys.stdout.write(json_text(told, indent=2))
    else:
        sys.stdout.write(show.conversation(story, colour=sys.stdout.isatty()))
    return Exit.OK


def _list(args: argparse.Namespace) -> int:
    from sipua.record import reading, retention, show

    stories = []
    for path in islice(retention.files(_directory(args)), args.count):
        try:
            stories.append(reading.read(path))
        except reading.NoRecordError:
            continue  # deleted meanwhile, or not a record of ours
    if args.json:
        told = [
            {"file": str(story.path), "call_id": story.call_id, "call": story.call}
            | {"end": story.end}
            for story in stories
        ]
        sys.stdout.write(json_text(told, indent=2))
    else:
        sys.stdout.write(show.overview(stories, colour=sys.stdout.isatty()))
    return Exit.OK


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of calls")
    return int(text)
