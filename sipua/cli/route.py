"""`sipua config route`: which route a call would take, and the agent that it leads to."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipua.process.command_parser import CONFIG_HELP, add_command, config_path
from sipua.process.exits import Exit
from sipua.process.terminal_text import json_text

if TYPE_CHECKING:
    from sipua.calls.profile import AgentProfile, Step
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
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def _route(args: argparse.Namespace) -> int:
    from sipua.calls import routes  # as in every command
    from sipua.config import load
    from sipua.edge.wiring import parties

    config = load(config_path(args.file), os.environ)
    profile = routes.resolve(config, parties.typed(config, args.to, args.caller, args.origin))
    told = described(profile)
    if args.json:
        sys.stdout.write(json_text(told))
    else:
        sys.stdout.writelines(f"{name:{_COLUMN}}{_text(value)}\n" for name, value in told.items())
    return Exit.OK


def described(profile: AgentProfile) -> dict[str, Any]:
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
        "forward": profile.forward.target if profile.forward else "",
        "answer": profile.answer,
        "first_word": profile.first_word,
        "fallback": [_step(step) for step in profile.steps],
    }


def _step(step: Step) -> str:
    from sipua.calls.profile import Menu, Prompt, TransferTo

    if isinstance(step, Prompt):
        return f"prompt {step.path or 'sorry'}"
    if isinstance(step, TransferTo):
        return f"transfer {step.target}"
    if isinstance(step, Menu):
        return f"menu {step.name}"
    return f"status {step.status}"


def _text(value: Any) -> str:
    text = ", ".join(value) if isinstance(value, list) else str(value)
    text = " ".join(text.split()) or "-"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
