"""`sipua queue`: the queues of a running edge, and who waits in them, asked over its API."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sipua.cli import api_client
from sipua.cli.api_client import ClientError, ask, show
from sipua.process.exits import Exit
from sipua.process.terminal_text import clean, fit, width

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands

_HEAD = ("queue", "waiting", "longest", "estimate", "serving", "servers", "members")


def add(commands: Commands) -> None:
    summary = "queues: who waits, for how long, and who serves"
    parser = api_client.add(commands, "queue", _list, summary, example="sipua queue")
    parser.add_argument("name", nargs="?", metavar="NAME", help="one queue, with its callers")


def _list(args: argparse.Namespace) -> int:
    found = ask(args, "GET", "/v1/queues")
    if args.name is None:
        return show(args, found, lambda: _table(found["queues"]))
    named = {queue["name"]: queue for queue in found["queues"]}
    if args.name in named:
        return show(args, named[args.name], lambda: "\n".join(_one(named[args.name])))
    known = ", ".join(map(clean, named)) or "none"
    raise ClientError(f"no queue is named {clean(args.name)}: {known}", Exit.UNFIT)


def _table(queues: list[Mapping[str, Any]]) -> str:
    if not queues:
        return "no queues: [[queues]] in the configuration"
    rows = [_HEAD, *(_cells(queue) for queue in queues)]
    widths = [max(width(row[at]) for row in rows) for at in range(len(_HEAD))]
    return "\n".join(
        "  ".join(fit(cell, most) for cell, most in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _cells(queue: Mapping[str, Any]) -> tuple[str, ...]:
    estimate = queue.get("estimated_wait_s")
    states = [member["state"] for member in queue["members"]]
    counts = (f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return (
        clean(queue["name"]),
        str(len(queue["waiting"])),
        f"{queue['longest_wait_s']:.0f} s",
        "-" if estimate is None else f"{estimate:.0f} s",
        str(queue["serving"]),
        str(queue["servers"]),
        ", ".join(counts) or "-",
    )


def _one(queue: Mapping[str, Any]) -> Iterator[str]:
    yield _table([queue])
    for member in queue["members"]:
        yield f"  {clean(member['name'])}: {member['state']}"
    for call in queue["waiting"]:
        ringing = ", ".join(clean(name) for name in call["ringing"])
        priority = f", priority {call['priority']}" if call["priority"] else ""
        yield (
            f"  {call['position']}. {clean(call['call_id'])}: {call['waited_s']:.0f} s{priority}"
            + (f"; calls {ringing}" if ringing else "")
        )
