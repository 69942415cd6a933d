"""`sipua campaign`: calls to many numbers, by the API of a running edge."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipua.cli import api_client
from sipua.cli.api_client import ClientError, ask, in_path, show
from sipua.process.exits import Exit
from sipua.process.terminal_text import clean, fit, width

if TYPE_CHECKING:
    from sipua.campaigns.rules.contacts import Given
    from sipua.process.command_parser import Commands

One = Mapping[str, Any]
_BATCH = 100
"""Contacts in one request, which may have 64 kB."""
_MOST_BYTES = 48_000
_MOST_FAULTS = 20
_SETTINGS = (
    "route", "caller_id", "timezone", "max_calls", "calls_per_second", "max_attempts",
    "ring_timeout_s", "hours", "on_voicemail", "not_before",
)  # fmt: skip
"""Options of `run`; what is not given is as the API has it."""
_LOOKS_S = 1.0
_HEAD = ("name", "state", "contacts", "waiting", "calling", "done", "persons", "cause")


def add(commands: Commands) -> None:
    summary = "calls to many numbers: begin, look, pause, report (docs/outbound.md)"
    listing = api_client.add(commands, "campaign", _list, summary, example="sipua campaign ls")
    below = listing.add_subparsers(title="commands", metavar="COMMAND")
    add_below = partial(api_client.add, below, below=True)
    run = add_below(
        "run",
        _run,
        "make a campaign of a CSV file, and start it",
        example="sipua campaign run march contacts.csv --origin carrier",
    )
    run.add_argument("name", metavar="NAME", help="a new campaign, or one that is there")
    run.add_argument("file", type=Path, metavar="FILE", help="CSV; its first line names columns")
    run.add_argument("--origin", default="", help="the trunk or account of a new one")
    for option, kind, words in (
        ("--route", str, "the agent"),
        ("--caller-id", str, "our number"),
        ("--timezone", str, "of numbers of which none is known"),
        ("--not-before", str, "no call before it: 2026-03-02T09:00+01:00"),
        ("--max-calls", int, "calls at once (default: 1)"),
        ("--calls-per-second", float, "calls that begin in a second (default: 1)"),
        ("--max-attempts", int, "of each contact (default: 3)"),
        ("--ring-timeout-s", float, "how long it rings (default: 25)"),
    ):
        run.add_argument(option, type=kind, help=words)
    run.add_argument(
        "--hours",
        action="append",
        metavar="HOURS",
        help='"Mo-Fr 09:00-17:00"; may be given several times',
    )
    run.add_argument(
        "--on-voicemail", choices=("agent", "message", "hangup"), help="as the route has it"
    )
    run.add_argument("--check", action="store_true", help="judge the file, and do nothing else")
    run.add_argument("--wait", action="store_true", help="until it is finished, paused or stopped")
    add_below("ls", _list, "all of them (the default)", example="sipua campaign ls --json")
    for name, handler, words in (
        ("show", _show, "one of them: its settings and how far it is"),
        ("report", _report, "what has become of its contacts"),
        ("start", _act, "begin, or go on after a pause"),
        ("pause", _act, "begin no more calls; those that are up go on"),
        ("stop", _act, "begin no more calls, for good"),
        ("delete", _delete, "forget one that is stopped or finished"),
    ):
        one = add_below(name, handler, words, example=f"sipua campaign {name} march")
        one.add_argument("name", metavar="NAME", help="of the campaign")
        one.set_defaults(act=name)


def _run(args: argparse.Namespace) -> int:
    given = _contacts(args.file)
    if args.check:
        print(f"{args.file}: {len(given)} contacts; numbers are judged by the edge")
        return Exit.OK
    known = {one["name"] for one in ask(args, "GET", "/v1/campaigns")["campaigns"]}
    if args.name not in known:
        ask(args, "POST", "/v1/campaigns", _order(args))
    added = there = 0
    for first, batch in _batches(given):
        try:
            done = ask(args, "POST", _path(args, "contacts"), {"contacts": batch})
        except ClientError as error:
            raise _by_line(error, given, first, added) from None
        added, there = added + done["added"], there + done["known"]
    print(f"{args.name}: {added} contacts added, {there} known", file=sys.stderr)
    found = ask(args, "POST", _path(args, "start"))
    while args.wait and found["state"] == "running":
        time.sleep(_LOOKS_S)
        found = ask(args, "GET", _path(args))
    code = show(args, found, lambda: "\n".join(_facts(found)))
    return Exit.UNFIT if args.wait and found["state"] == "paused" else code


def _contacts(file: Path) -> list[tuple[int, Given]]:
    """With their lines. Raises ClientError that names each faulty line."""
    from sipua.campaigns.rules import contacts

    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(contacts.rows(lines))
    except (OSError, ValueError) as error:  # a ContactError is one
        raise ClientError(f"{file}: {error}", Exit.UNFIT) from None
    faults = [f"line {row.line}: {row.fault}" for row in rows if row.given is None]
    if faults:
        more = len(faults) - _MOST_FAULTS
        shown = faults[:_MOST_FAULTS] + ([f"and {more} lines more"] if more > 0 else [])
        raise ClientError(f"{file}: nothing was added", Exit.UNFIT, shown)
    if not rows:
        raise ClientError(f"{file}: has no contacts", Exit.UNFIT)
    return [(row.line, row.given) for row in rows if row.given is not None]


def _batches(given: Sequence[tuple[int, Given]]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Each with the place of its first contact."""
    first, size, batch = 0, 0, list[dict[str, Any]]()
    for at, (_, one) in enumerate(given):
        order = {
            "number": one.number,
            "timezone": one.timezone,
            "consent": one.consent,
            "priority": one.priority,
            **({"not_before": one.not_before.isoformat()} if one.not_before else {}),
            "values": dict(one.values),
        }
        length = 6 * len(str(order))  # as JSON may have it, each character escaped
        if batch and (len(batch) == _BATCH or size + length > _MOST_BYTES):
            yield first, batch
            first, size, batch = at, 0, []
        batch.append(order)
        size += length
    if batch:
        yield first, batch


def _by_line(
    error: ClientError, given: Sequence[tuple[int, Given]], first: int, added: int
) -> ClientError:
    """The faults that the edge names by their places, by the lines of the file."""
    places = []
    for text in error.places:
        pointer, _, words = text.partition(": ")
        parts = pointer.split("/")
        if len(parts) > 2 and parts[1] == "contacts" and parts[2].isdigit():
            line = given[first + int(parts[2])][0]
            behind = "/".join(parts[3:])
            places.append(f"line {line}: {behind}{' ' if behind else ''}{words}")
        else:
            places.append(text)
    before = f"; {added} contacts of the lines before were added" if added else ""
    return ClientError(f"{error.args[0]}{before}", error.code, places)


def _order(args: argparse.Namespace) -> dict[str, Any]:
    if not args.origin:
        raise ClientError(f"{args.name} is a new campaign: --origin is missing", Exit.USAGE)
    given = {name: getattr(args, name) for name in _SETTINGS}
    return {
        "name": args.name,
        "origin": args.origin,
        **{name: value for name, value in given.items() if value is not None},
    }


def _list(args: argparse.Namespace) -> int:
    found = ask(args, "GET", "/v1/campaigns")
    return show(args, found, lambda: _table(found["campaigns"]))


def _show(args: argparse.Namespace) -> int:
    found = ask(args, "GET", _path(args))
    return show(args, found, lambda: "\n".join(_facts(found)))


def _report(args: argparse.Namespace) -> int:
    found = ask(args, "GET", _path(args, "report"))
    return show(args, found, lambda: "\n".join(_report_lines(found)))


def _act(args: argparse.Namespace) -> int:
    found = ask(args, "POST", _path(args, args.act))
    return show(args, found, lambda: f"{clean(found['name'])}: {found['state']}")


def _delete(args: argparse.Namespace) -> int:
    ask(args, "DELETE", _path(args))
    return show(args, {"deleted": args.name}, lambda: f"{clean(args.name)}: deleted")


def _path(args: argparse.Namespace, below: str = "") -> str:
    path = f"/v1/campaigns/{in_path(args.name)}"
    return f"{path}/{below}" if below else path


# --- texts ------------------------------------------------------------------------------------


def _table(found: Sequence[One]) -> str:
    if not found:
        return "no campaigns"
    rows = [_HEAD, *(_cells(one) for one in found)]
    widths = [max(width(row[at]) for row in rows) for at in range(len(_HEAD))]
    return "\n".join(
        "  ".join(fit(cell, most) for cell, most in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _cells(one: One) -> tuple[str, ...]:
    report = one["report"]
    done = sum(report["done"].values())
    numbers = (report["contacts"], report["waiting"], report["calling"], done)
    persons = str(report["done"]["person"])
    cause = clean(one.get("cause") or "")
    return (clean(one["name"]), one["state"], *map(str, numbers), persons, cause)


def _facts(one: One) -> Iterator[str]:
    yield f"{clean(one['name'])}: {one['state']}, by {clean(one['by'])}"
    if one.get("cause"):
        yield f"  cause         {clean(one['cause'])}"
    for name in ("origin", "route", "caller_id", "timezone"):
        if one[name]:
            yield f"  {name:12}  {clean(one[name])}"
    if one.get("not_before"):
        yield f"  not before    {one['not_before']}"
    if one["hours"]:
        yield f"  hours         {', '.join(one['hours'])}"
    yield f"  at once       {one['max_calls']}, {one['calls_per_second']:g} a second"
    yield from _report_lines(one["report"])


def _report_lines(report: One) -> Iterator[str]:
    done = {name: count for name, count in report["done"].items() if count}
    yield f"  contacts      {report['contacts']}"
    yield f"    waiting     {report['waiting']}"
    yield f"    calling     {report['calling']}"
    for name, count in done.items():
        yield f"    {name:10}  {count}"
    for rule, count in report["blocked"].items():
        yield f"      by {rule}: {count}"
    attempts = sum(report["attempts"].values())
    yield f"  attempts      {attempts}"
    live, left = report["answered_live"], report["abandoned"]
    share = f" ({100 * left / live:.1f} %)" if live else ""
    yield f"  answered      {live} by a person, or not known by whom; abandoned {left}{share}"
    yield f"  talk          {report['talk_s'] / 60:.1f} min"
