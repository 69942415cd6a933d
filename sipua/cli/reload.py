"""`sipua reload`: have a running edge read its configuration again."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sipua.cli import api_client
from sipua.cli.api_client import ask, show

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands

_CLASSES = {
    "applied": "applied at once",
    "for_new_calls": "for new calls",
    "needs_restart": "needs a restart, and stays as it was",
}


def add(commands: Commands) -> None:
    parser = api_client.add(
        commands,
        "reload",
        _reload,
        "have the edge read its configuration again",
        example="sipua reload --check",
    )
    parser.add_argument("--check", action="store_true", help="only show what would change")


def _reload(args: argparse.Namespace) -> int:
    found = ask(args, "POST", "/v1/config/reload", {"check": args.check})
    return show(args, found, lambda: "\n".join(_lines(found, check=args.check)))


def _lines(found: dict[str, Any], *, check: bool) -> Iterator[str]:
    plan = found["plan"]
    if not any(plan.values()):
        yield f"{found['file']}: nothing has changed"
    for name, words in _CLASSES.items():
        if changes := plan[name]:
            yield f"{words}:"
            yield from (_change(change) for change in changes)
    for warning in found["warnings"]:
        yield f"warning: {warning['key']}: {warning['problem']}; fix: {warning['fix']}"
    would = "it would be" if check and (plan["applied"] or plan["for_new_calls"]) else "in force is"
    yield f"{would} configuration {found['generation']}, hash {found['hash']}"


def _change(change: dict[str, Any]) -> str:
    old, new = change.get("old"), change.get("new")
    if old is None:
        return f"  {change['key']}: new, {new}"
    if new is None:
        return f"  {change['key']}: gone, was {old}"
    return f"  {change['key']}: {old} -> {new}"
