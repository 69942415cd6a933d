"""`sipua queue`: the queues of a running edge, who waits in them, and which members take callers;
asked over its API."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sipua.cli import api_client
from sipua.cli.api_client import ClientError, ask, in_path, show
from sipua.process.exits import Exit
from sipua.process.terminal_text import clean, fit, width

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands

_HEAD = ("queue", "waiting", "longest", "estimate", "serving", "servers", "members")


def add(commands: Commands) -> None:
    summary = "queues: who waits, for how long, and who serves"
    parser = api_client.add(commands, "queue", _list, summary, example="sipua queue")
    parser.add_argument("name", nargs="?", metavar="NAME", help="one queue, with its callers")
    member = parser.add_mutually_exclusive_group()
    for option, presence, words in (
        ("--sign-in", "signed_in", "this member takes callers; a pause is over"),
        ("--sign-out", "signed_out", "this member is not called until it signs in"),
        ("--pause", "paused", "this member is in a pause"),
    ):
        member.add_argument(
            option,
            dest="member",
            type=partial(_presence, presence),
            metavar="MEMBER",
            help=f"{words}, in all queues that it is in",
        )
    parser.add_argument("--reason", default="", help='of a pause, such as "lunch"')


def _presence(presence: str, member: str) -> tuple[str, str]:
    return presence, member


def _list(args: argparse.Namespace) -> int:
    if args.member is not None:
        return _set_member(args, *args.member)
    found = ask(args, "GET", "/v1/queues")
    if args.name is None:
        return show(args, found, lambda: "\n".join(_all(found)))
    named = {queue["name"]: queue for queue in found["queues"]}
    if args.name in named:
        return show(args, named[args.name], lambda: "\n".join(_one(named[args.name])))
    known = ", ".join(map(clean, named)) or "none"
    raise ClientError(f"no queue is named {clean(args.name)}: {known}", Exit.UNFIT)


def _all(found: Mapping[str, Any]) -> Iterator[str]:
    yield _table(found["queues"])
    for engine in found["engines"]:
        yield f"engine {clean(engine['name'])}: {engine['calls']} of {engine['max_calls']} calls"


def _set_member(args: argparse.Namespace, presence: str, member: str) -> int:
    if args.name is None:
        raise ClientError("the name of a queue is missing, in which the member is", Exit.USAGE)
    path = f"/v1/queues/{in_path(args.name)}/members/{in_path(member)}"
    found = ask(args, "POST", path, {"presence": presence, "reason": args.reason})
    return show(args, found, lambda: "\n".join(_one(found)))


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
    counts = (f"{states.count(state)} {state.replace('_', ' ')}" for state in dict.fromkeys(states))
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
        yield f"  {clean(member['name'])}: {_said(member)}"
    for call in queue["waiting"]:
        ringing = ", ".join(clean(name) for name in call["ringing"])
        priority = f", priority {call['priority']}" if call["priority"] else ""
        yield (
            f"  {call['position']}. {clean(call['call_id'])}: {call['waited_s']:.0f} s{priority}"
            + (f"; calls {ringing}" if ringing else "")
        )


def _said(member: Mapping[str, Any]) -> str:
    state, presence = (str(member[key]).replace("_", " ") for key in ("state", "presence"))
    if presence not in ("signed in", state):  # from the end of its call on
        state = f"{state}, then {presence}"
    return state + (f": {clean(member['reason'])}" if member["reason"] else "")
