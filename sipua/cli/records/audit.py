"""`sipua audit ls` and `sipua audit verify`. Their code is imported only when they run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipua.process.command_parser import CONFIG_HELP, add_command, config_path
from sipua.process.exits import Exit
from sipua.process.terminal_text import clean, json_text

if TYPE_CHECKING:
    from sipua.outputs.audit.chain import Finding, Verified
    from sipua.process.command_parser import Commands


def add(commands: Commands) -> None:
    parser = add_command(commands, "audit", _without_command, "read and verify the audit log")
    parser.set_defaults(audit_parser=parser)
    below = parser.add_subparsers(title="commands", metavar="COMMAND")
    listed = add_command(below, "ls", _ls, "list what was changed, the last line at the end")
    listed.add_argument(
        "-n", type=int, default=20, metavar="N", dest="count", help="most lines (default: 20)"
    )
    verify = add_command(below, "verify", _verify, "find lines that were changed or removed")
    verify.add_argument(
        "--head",
        metavar="HASH",
        help="the hash of a line that must be there, from `audit.written` of the edge's log: it "
        "shows that no line was removed from the end",
    )
    for command in (listed, verify):
        command.add_argument("-c", "--config", type=Path, metavar="FILE", help=CONFIG_HELP)
        command.add_argument(
            "--directory", type=Path, metavar="DIR", help="instead of audit.directory"
        )
        command.add_argument("--json", action="store_true", help="JSON instead of text")


def _without_command(args: argparse.Namespace) -> int:
    args.audit_parser.print_help(sys.stderr)
    return Exit.USAGE


def _verify(args: argparse.Namespace) -> int:
    from sipua.outputs.audit import chain, files

    directory, seen, hashes = _directory(args), chain.Verified(), set()

    def read() -> Any:
        for file, number, line in files.lines(directory):
            hashes.add(chain.hash_of(line))
            yield file, number, line

    try:
        found = list(chain.verify(read(), seen))
    except OSError as error:
        sys.stderr.write(f"sipua: {error}: may this user read it?\n")
        return Exit.UNFIT
    if not seen.lines:
        sys.stderr.write(
            f"sipua: there is no audit log in {directory}: is this the directory "
            "(-c FILE, or --directory), and is audit.enabled true?\n"
        )
        return Exit.UNFIT
    if args.head and args.head not in hashes:
        found.append(chain.Finding("missing", "", 0, "no line has the hash that was given"))
    _show_json(found, seen) if args.json else _show(found, seen)
    return Exit.UNFIT if any(one.fault for one in found) else Exit.OK


def _show(found: list[Finding], seen: Verified) -> None:
    for one in found:
        place = f"{one.file}:{one.line}: " if one.file else ""
        print(f"{'FAULT' if one.fault else 'note '}  {place}{one.words}")
    faults = sum(one.fault for one in found)
    print(f"{seen.lines} lines, numbers {seen.first} to {seen.head.n}, {faults} faults")
    if seen.first > 1:
        print(f"note   numbers 1 to {seen.first - 1} are in older files, which are not here")
    print(f"the last line has the hash {seen.head.hash}")


def _show_json(found: list[Finding], seen: Verified) -> None:
    faults = [
        {"wrong": one.wrong, "file": one.file, "line": one.line, "words": one.words}
        for one in found
    ]
    print(
        json.dumps(
            {
                "lines": seen.lines,
                "first": seen.first,
                "last": seen.head.n,
                "hash": seen.head.hash,
                "findings": faults,
            }
        )
    )


def _ls(args: argparse.Namespace) -> int:
    from sipua.outputs.audit import files

    try:
        last = deque(files.lines(_directory(args)), maxlen=max(0, args.count))
    except OSError as error:
        sys.stderr.write(f"sipua: {error}: may this user read it?\n")
        return Exit.UNFIT
    for file, number, line in last:
        try:
            fields = json.loads(line)
        except ValueError:
            fields = {"type": f"({file}:{number} is cut off)"}
        print(json_text(fields) if args.json else _in_words(fields))
    return Exit.OK


def _in_words(fields: dict[str, Any]) -> str:
    data = fields.get("data") or {}
    shown = {
        "by": data.get("by"),
        "from": data.get("from"),
        "user": data.get("local_user"),
        "path": data.get("path"),
        "status": data.get("status"),
        "problem": data.get("problem"),
        "cause": data.get("cause"),
        "call": data.get("of_call"),
    }
    words = [f"{name}={clean(value)}" for name, value in shown.items() if value not in (None, "")]
    head = f"{fields.get('n', '?'):>6}  {fields.get('time', ''):24}  {fields.get('type', '?'):16}"
    lines = [" ".join([head, *words])]
    lines += [
        f"        {clean(one['key'])}: {clean(one['old'])} -> {clean(one['new'])} ({one['when']})"
        for one in fields.get("changes") or ()
    ]
    return "\n".join(lines)


def _directory(args: argparse.Namespace) -> Path:
    if args.directory is not None:
        return Path(args.directory)
    from sipua.config import load
    from sipua.edge.wiring import wiring

    return wiring.audit_directory(load(config_path(args.config), os.environ))
