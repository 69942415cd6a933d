"""`sipua recording ls` and `sipua recording open`. Their code is imported only when they run."""

from __future__ import annotations

import argparse
import os
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from sipua.process.command_parser import CONFIG_HELP, add_command, config_path
from sipua.process.exits import Exit
from sipua.process.terminal_text import clean

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands


def add(commands: Commands) -> None:
    parser = add_command(commands, "recording", _without_command, "list and open recordings")
    parser.set_defaults(recording_parser=parser)
    below = parser.add_subparsers(title="commands", metavar="COMMAND")
    listed = add_command(below, "ls", _ls, "list recordings, the newest day first")
    listed.add_argument(
        "-n", type=int, default=20, metavar="N", dest="count", help="most files (default: 20)"
    )
    listed.add_argument("-c", "--config", type=Path, metavar="FILE", help=CONFIG_HELP)
    listed.add_argument(
        "--directory", type=Path, metavar="DIR", help="instead of recording.directory"
    )
    opened = add_command(below, "open", _open, "open a sealed recording with its key")
    opened.add_argument("file", type=Path, metavar="FILE", help="as CALL_ID.wav.age")
    opened.add_argument(
        "--identity", type=Path, required=True, metavar="KEY", help="the file of age-keygen"
    )
    opened.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="default: its name without .age"
    )


def _without_command(args: argparse.Namespace) -> int:
    args.recording_parser.print_help(sys.stderr)
    return Exit.USAGE


def _ls(args: argparse.Namespace) -> int:
    from sipua.recording.files import finding

    for one in islice(finding.every(_directory(args)), max(0, args.count)):
        about = one.about
        state = "being written" if one.growing else f"{about.seconds:.1f} s" if about else "?"
        seen = " ".join(filter(None, (about.direction, about.from_, about.basis))) if about else ""
        print(f"{one.only_in or one.path}  {state}  {clean(seen)}".rstrip())
    return Exit.OK


def _directory(args: argparse.Namespace) -> Path:
    if args.directory is not None:
        return Path(args.directory)
    from sipua.config import load  # not needed where a directory is named

    return Path(load(config_path(args.config), os.environ).recording.directory).expanduser()


def _open(args: argparse.Namespace) -> int:
    from sipua.recording.files.sealing import SealError, unseal

    sealed: Path = args.file
    target: Path = args.output or sealed.with_name(sealed.name.removesuffix(".age"))
    if target == sealed:
        sys.stderr.write(f"sipua: {sealed} is not named FILE.age: say where to with --output\n")
        return Exit.USAGE
    try:
        unseal(sealed, target, args.identity)
    except (SealError, OSError) as error:
        sys.stderr.write(f"sipua: {error}\n")
        return Exit.UNFIT
    print(target)
    return Exit.OK
