"""`sipua events`, `sipua top` and `sipua drain`: what happens in a running edge."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sipua.cli import api_client
from sipua.cli.api_client import ClientError, ask, lines, open_stream, show
from sipua.process.exits import Exit
from sipua.process.terminal_text import clean_json

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands

_SILENT_S = 40.0
"""A comment comes every 15 s."""
_WITHIN_S = 5.0
"""The edge answers `sipua top`; later it counts as lost."""


def add_events(commands: Commands) -> None:
    parser = api_client.add(
        commands,
        "events",
        _events,
        "follow what happens, until Ctrl-C",
        example="sipua events --types call.*,engine.outage",
    )
    parser.add_argument("--types", default="", metavar="TYPES", help="such as call.*,turn.latency")
    parser.add_argument("--call", default="", metavar="CALL_ID", help="of one call only")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="end after N events")


def add_top(commands: Commands) -> None:
    parser = api_client.add(
        commands,
        "top",
        _top,
        "watch the calls of a running edge, and steer them by keys",
        example="sipua top --filter night",
    )
    parser.add_argument(
        "--every", type=_seconds, default=1.0, metavar="S", help="ask so often (default: 1)"
    )
    parser.add_argument("--filter", default="", metavar="WORDS", help="as the key / does")
    parser.add_argument(
        "--once", action="store_true", help="print what there is now, and end; with --json as JSON"
    )


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.2 <= found <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time from 0.2 to 3600 s")
    return found


def _top(args: argparse.Namespace) -> int:
    from sipua.cli.top import loop
    from sipua.cli.top.fetching import NoAnswerError

    def asked(method: str, path: str, body: Any) -> dict[str, Any]:
        return ask(args, method, path, body, within_s=_WITHIN_S)

    def asked_again(method: str, path: str, body: Any) -> dict[str, Any]:
        try:
            return asked(method, path, body)
        except ClientError as error:
            raise NoAnswerError(str(error)) from None

    if args.once or args.json:
        loop.once(asked, args.filter, as_json=args.json)
        return Exit.OK
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        raise ClientError("this is no terminal to draw on; try `sipua top --once`", Exit.USAGE)
    api_client.check(args)  # a missing token is said before the screen is taken
    return loop.watch(asked_again, args.filter, args.every)


def add_drain(commands: Commands) -> None:
    parser = api_client.add(
        commands,
        "drain",
        _drain,
        "take no more calls; show what is left; take it back",
        example="sipua drain --stop --timeout 3600",
    )
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--show", action="store_true", help="only show how far it is")
    act.add_argument("--back", action="store_true", help="take calls again")
    parser.add_argument("--timeout", type=float, metavar="S", help="hang up what is left after S")
    parser.add_argument("--stop", action="store_true", help="end the process with the last call")


def _events(args: argparse.Namespace) -> int:
    asked = {"types": args.types, "call": args.call}
    query = urlencode({name: value for name, value in asked.items() if value}, safe="*,")
    seen = 0
    try:
        with open_stream(args, "GET", f"/v1/events?{query}", within_s=_SILENT_S) as answer:
            for line in lines(answer):
                if not line.startswith("data: "):
                    continue
                text = line.removeprefix("data: ")
                shown = clean_json(text) if args.json else _shown(json.loads(text))
                sys.stdout.write(shown + "\n")
                sys.stdout.flush()
                seen += 1
                if seen == args.count:
                    return Exit.OK
    except OSError as error:
        raise ClientError(f"the connection is lost: {error}", Exit.NETWORK) from None
    raise ClientError("the edge has ended the connection", Exit.NETWORK)


def _shown(event: dict[str, Any]) -> str:
    if "type" not in event:
        return "(events were missed)"
    fields = " ".join(f"{name}={json.dumps(value)}" for name, value in event["data"].items())
    return f"{event['time']}  {event.get('subject', '-'):10}  {event['type']:20} {fields}".rstrip()


def _drain(args: argparse.Namespace) -> int:
    if args.show:
        found = ask(args, "GET", "/v1/drain")
    elif args.back:
        found = ask(args, "DELETE", "/v1/drain")
    else:
        order = {"timeout_s": args.timeout, "stop": args.stop}
        found = ask(args, "POST", "/v1/drain", order)
    return show(args, found, lambda: _words(found))


def _words(found: dict[str, Any]) -> str:
    if not found["draining"]:
        return f"takes calls; {found['calls']} up"
    left = f", hung up in {found['left_s']:.0f} s" if "left_s" in found else ""
    stop = "; then the process ends" if found["stopping"] else ""
    return (
        f"draining: {found['calls']} calls left, the oldest {found['oldest_s']:.0f} s{left}{stop}"
    )
