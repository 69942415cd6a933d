"""`sipua config route`: which route a call would take, and the agent that it leads to;
`sipua config outbound`: which trunks a number would be called by, and why.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipua.process.command_parser import CONFIG_HELP, add_command, config_path
from sipua.process.exits import Exit
from sipua.process.terminal_text import json_text

if TYPE_CHECKING:
    from sipua.calls.profile import AgentProfile
    from sipua.config import Config
    from sipua.process.command_parser import Commands

_COLUMN = 14
_LONGEST = 60


def add(commands: Commands) -> None:
    parser = add_command(
        commands, "route", _route, "show the route that a call takes, and its agent"
    )
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help=CONFIG_HELP)
    parser.add_argument("--to", default="", metavar="URI", help="dialled number or URI")
    parser.add_argument(
        "--from", dest="caller", default="", metavar="URI", help="caller: number or URI"
    )
    parser.add_argument("--origin", default="", metavar="NAME", help="account or trunk")
    parser.add_argument(
        "--at",
        type=_moment,
        metavar="TIME",
        help="when it would come (ISO 8601; without a zone, this machine's); left out: now",
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    parser = add_command(
        commands, "outbound", _outbound, "show the trunks that a number is called by"
    )
    parser.add_argument("number", metavar="NUMBER", help="as in a request: +4930123456")
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help=CONFIG_HELP)
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def _outbound(args: argparse.Namespace) -> int:
    from sipua.config import load
    from sipua.edge.wiring import outbound_routes

    told = outbound_routes.ways_of(load(config_path(args.file), os.environ), args.number)
    if args.json:
        sys.stdout.write(json_text(told))
    else:
        sys.stdout.writelines(_told(told))
    return Exit.OK if told["rule"] else Exit.UNFIT


def _told(told: dict[str, Any]) -> Iterator[str]:
    if not told["rule"]:
        yield f"no rule of [[outbound_routes]] fits {told['number']}\n"
        return
    why = f"by its prefix {told['prefix']}" if told["prefix"] else "which is for any number"
    of_rule = f"{told['rule']}, {why}"
    yield f"{'number':{_COLUMN}}{told['number']}\n{'rule':{_COLUMN}}{of_rule}\n"
    for place, one in enumerate(told["trunks"], 1):
        words = [f"price {one['price']:g}"] if told["order"] == "price" else []
        if one["first"] < 1:
            words.append(f"first of its price in {one['first']:.0%} of calls")
        words.append(f"not used: {one['refused']}" if one["refused"] else f"as {one['to']}")
        yield f"{place:<{_COLUMN}}{one['trunk']}: {', '.join(words)}\n"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone()


def _route(args: argparse.Namespace) -> int:
    from sipua.calls import routes  # as in every command
    from sipua.config import load
    from sipua.edge.wiring import parties

    config = load(config_path(args.file), os.environ)
    at = args.at or datetime.now(UTC)
    profile = routes.resolve(config, parties.typed(config, args.to, args.caller, args.origin), at)
    told = described(profile)
    if profile.when:
        told["hours"] = shown_hours(config, profile.when, at)
        told["closed"] = closed_words(config, profile.route)
    if args.json:
        sys.stdout.write(json_text(told))
    else:
        sys.stdout.writelines(f"{name:{_COLUMN}}{_text(value)}\n" for name, value in told.items())
    return Exit.OK


def described(profile: AgentProfile) -> dict[str, Any]:
    from sipua.calls.profile import in_words

    first = profile.engines[0].section
    return {
        "route": profile.route,
        "engines": [engine.name for engine in profile.engines],
        "type": first.type,
        "model": first.model,
        "voice": first.voice,
        "instructions": profile.instructions,
        "greeting": profile.greeting,
        "tools": "all" if profile.tools is None else list(profile.tools),
        "menu": profile.menu,
        "queue": profile.queue,
        "documents": profile.documents,
        "forward": profile.forward.target if profile.forward else "",
        "answer": profile.answer,
        "first_word": profile.first_word,
        "fallback": [in_words(step) for step in profile.steps],
    }


def shown_hours(config: Config, name: str, at: datetime) -> str:
    """Whether they are open at that time."""
    from sipua.calls import routes

    hours = routes.hours_named(config, name)
    if hours.is_open(at):
        return f"{name}: open"
    opening = hours.next_opening(at)
    return f"{name}: closed" + (f", opens {opening.isoformat(' ', 'minutes')}" if opening else "")


def closed_words(config: Config, route: str) -> str:
    """What its calls get outside of its hours: `menu night`; empty: the next route has them."""
    action = next(one.closed for one in config.routes if one.name == route)
    if not action.kinds:
        return ""
    (kind,) = action.kinds
    return kind if kind == "hang_up" else f"{kind} {getattr(action, kind)}"


def _text(value: Any) -> str:
    text = ", ".join(value) if isinstance(value, list) else str(value)
    text = " ".join(text.split()) or "-"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
