"""`sipua dnc`: the list of numbers that are not called, by the API of a running edge."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipua.cli import api_client
from sipua.cli.api_client import ClientError, ask, in_path, show
from sipua.process.exits import Exit
from sipua.process.terminal_text import clean

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands

_BATCH = 500
_MOST_FAULTS = 20
_LONGEST_LINE = 8192
_DIGITS = "0123456789"


def add(commands: Commands) -> None:
    summary = "numbers that are not called any more (docs/outbound.md)"
    listing = api_client.add(commands, "dnc", _list, summary, example="sipua dnc check +4930123")
    below = listing.add_subparsers(title="commands", metavar="COMMAND")
    add_below = partial(api_client.add, below, below=True)
    add_below("ls", _list, "all of them (the default)", example="sipua dnc ls")
    more = add_below("add", _add, "call a number no more", example="sipua dnc add +4930123")
    fewer = add_below("remove", _remove, "take it off", example="sipua dnc remove +4930123")
    one = add_below(
        "check",
        _check,
        "exit code 1: it is not called",
        example="sipua dnc check 030",
    )
    for command in (more, fewer, one):
        command.add_argument("number", metavar="NUMBER", help="as +4930123456")
    file = add_below(
        "import", _import, "add the numbers of a file", example="sipua dnc import national.csv"
    )
    file.add_argument(
        "file", type=Path, metavar="FILE", help="CSV: the column `number`, or else the first one"
    )
    for command in (more, file):
        command.add_argument("--reason", default="", help="why, for those who look later")


def _list(args: argparse.Namespace) -> int:
    after, entries = "", list[dict[str, Any]]()
    while True:
        page = ask(args, "GET", f"/v1/dnc?limit=1000&after={in_path(after)}")
        entries += page["entries"]
        after = page.get("next") or ""
        if not after:
            break
    return show(args, {"entries": entries}, lambda: "\n".join(map(_line, entries)) or "no numbers")


def _add(args: argparse.Namespace) -> int:
    found = ask(args, "POST", "/v1/dnc", {"numbers": [args.number], "reason": args.reason})
    words = "is not called any more" if found["added"] else "is in the list already"
    return show(args, found, lambda: f"{clean(args.number)} {words}")


def _remove(args: argparse.Namespace) -> int:
    found = ask(args, "DELETE", f"/v1/dnc/{in_path(args.number)}")
    return show(args, found, lambda: f"{clean(found['number'])} may be called again")


def _check(args: argparse.Namespace) -> int:
    found = ask(args, "GET", f"/v1/dnc/{in_path(args.number)}")
    entry = found.get("entry")
    words = f"is not called: {_line(entry)}" if entry else "may be called"
    show(args, found, lambda: f"{clean(found['number'])} {words}")
    return Exit.UNFIT if found["listed"] else Exit.OK


def _import(args: argparse.Namespace) -> int:
    try:
        with args.file.open(encoding="utf-8-sig", newline="") as lines:
            numbers = list(_numbers(lines))
    except (OSError, ValueError) as error:
        raise ClientError(f"{args.file}: {error}", Exit.UNFIT) from None
    wrong = [f"line {line}: no telephone number" for line, number in numbers if not number]
    if wrong:
        more = len(wrong) - _MOST_FAULTS
        shown = wrong[:_MOST_FAULTS] + ([f"and {more} lines more"] if more > 0 else [])
        raise ClientError(f"{args.file}: nothing was added", Exit.UNFIT, shown)
    added = known = 0
    for first in range(0, len(numbers), _BATCH):
        batch = [number for _, number in numbers[first : first + _BATCH]]
        done = ask(args, "POST", "/v1/dnc", {"numbers": batch, "reason": args.reason})
        added, known = added + done["added"], known + done["known"]
    found = {"added": added, "known": known}
    return show(args, found, lambda: f"{added} numbers added, {known} known")


def _numbers(lines: Any) -> Iterator[tuple[int, str]]:
    """With their lines; empty: it is none."""
    from sipua.campaigns.rules.numbers import in_one_form

    column = 0
    for at, text in enumerate(lines, 1):
        cells = [cell.strip() for cell in next(csv.reader([text[:_LONGEST_LINE]]), [])]
        if at == 1 and not any(digit in text for digit in _DIGITS):
            column = cells.index("number") if "number" in cells else 0
        elif text.strip():
            number = cells[column] if column < len(cells) else ""
            yield at, number if len(number) <= 64 and in_one_form(number, "") else ""


def _line(entry: dict[str, Any]) -> str:
    words = [entry["number"], entry["since"][:10], f"by {entry['by']}", entry.get("reason") or ""]
    return clean("  ".join(filter(None, words)))
