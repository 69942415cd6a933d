"""The common parts of all commands' parsers. Imports nothing slow: `sipua --help` needs it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

CONFIG_HELP = "configuration file; without it $SIPUA_CONFIG, or the built-in demo"


def plain_command(
    commands: Commands, name: str, handler: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    """A command with a description of one sentence, and without abbreviated options."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(handler=handler)
    return parser


def add_command(
    commands: Commands, name: str, handler: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    """A command of `sipua`, with the common options."""
    parser = plain_command(commands, name, handler, summary)
    parser.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS,  # else `config check` would undo `config --debug`
        help="log at level debug; print the traceback of a crash",
    )
    return parser


def config_path(given: Path | None) -> Path | None:
    """The file to read; None means the built-in demo."""
    if given is not None:
        return given
    named = os.environ.get("SIPUA_CONFIG")
    return Path(named) if named else None
