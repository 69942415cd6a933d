"""`sipua hooks ls`, `dead`, `redeliver`, `enable` and `test`. Their code is imported only when they
run.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipua.process.command_parser import CONFIG_HELP, add_command, config_path
from sipua.process.exits import Exit
from sipua.process.terminal_text import json_text

if TYPE_CHECKING:
    from sipua.config import Config
    from sipua.outputs.hooks.reading import EndpointState
    from sipua.process.command_parser import Commands


def add(commands: Commands) -> None:
    parser = add_command(
        commands, "hooks", _without_command, "look at webhooks, and send dead letters again"
    )
    parser.set_defaults(hooks_parser=parser)
    below = parser.add_subparsers(title="commands", metavar="COMMAND")
    listed = add_command(below, "ls", _ls, "list webhooks: what waits, what is dead, why")
    dead = add_command(below, "dead", _dead, "list dead letters: events that were given up")
    dead.add_argument("webhook", nargs="?", default="", metavar="NAME", help="of this webhook")
    redeliver = add_command(below, "redeliver", _redeliver, "send dead letters again")
    redeliver.add_argument("webhook", metavar="NAME", help="name of the webhook")
    redeliver.add_argument("ids", nargs="*", metavar="ID", help="ids of events, from `dead`")
    redeliver.add_argument(
        "--all",
        action="store_true",
        help="all of it, and try now what waits",
    )
    enable = add_command(below, "enable", _enable, "send to a webhook that has answered 410")
    enable.add_argument("webhook", metavar="NAME", help="name of the webhook")
    test = add_command(below, "test", _test, "send a webhook the event `webhook.test`, now")
    test.add_argument("webhook", metavar="NAME", help="name of the webhook")
    test.add_argument("-c", "--config", type=Path, metavar="FILE", help=CONFIG_HELP)
    for command in (listed, dead, redeliver, enable):
        command.add_argument("-c", "--config", type=Path, metavar="FILE", help=CONFIG_HELP)
        command.add_argument(
            "--directory", type=Path, metavar="DIR", help="instead of webhook_spool.directory"
        )
    for command in (listed, dead, redeliver, enable, test):
        command.add_argument("--json", action="store_true", help="JSON instead of text")


def _without_command(args: argparse.Namespace) -> int:
    args.hooks_parser.print_help(sys.stderr)
    return Exit.USAGE


def _ls(args: argparse.Namespace) -> int:
    from sipua.outputs.hooks import reading

    config = _config(args)
    enabled = {one.name: one.enabled for one in config.webhooks} if config else {}
    found = _of_spool(lambda: reading.endpoints(_directory(args, config), enabled))
    if found is None:
        return Exit.UNFIT
    if args.json:
        return _json(found)
    if not found:
        return _say("there are no webhooks; nothing waits, and there are no dead letters")
    now = time.time()
    for one in found:
        state = _state(one, enabled)
        parts = [f"{one.webhook:20}", f"{state:8}", f"{one.waiting:7} wait", f"{one.dead:6} dead"]
        if one.oldest_s is not None:
            parts.append(f"oldest {_span(now - one.oldest_s)}")
        if one.next_s is not None and one.next_s > now:
            parts.append(f"next in {_span(one.next_s - now)}")
        if one.disabled is not None:
            parts.append(f"since {_time(one.disabled.since_s)}: {one.disabled.cause}")
        elif one.cause:
            parts.append(one.cause)
        _say("  ".join(parts))
    return Exit.OK


def _state(one: EndpointState, enabled: Mapping[str, bool]) -> str:
    """`enabled`: the webhooks of the configuration; empty: it is not known."""
    if enabled and not enabled.get(one.webhook):
        return "off" if one.webhook in enabled else "removed"
    return "disabled" if one.disabled else "failing" if one.cause else "ok"


def _dead(args: argparse.Namespace) -> int:
    from sipua.outputs.hooks import reading

    found = _of_spool(lambda: reading.dead(_directory(args), args.webhook))
    if found is None:
        return Exit.UNFIT
    if args.json:
        return _json(found)
    if not found:
        return _say("no dead letters")
    for one in found:
        _say(
            f"{one.webhook:12}  {one.id:16}  {_time(one.at_s)}  {one.type:20}  "
            f"{one.call_id or '-':12}  {one.attempts:2} attempts  {one.cause}"
        )
    return Exit.OK


def _redeliver(args: argparse.Namespace) -> int:
    from sipua.outputs.hooks import reading

    if bool(args.ids) == args.all:
        sys.stderr.write("sipua: which? ids of `sipua hooks dead`, or --all\n")
        return Exit.USAGE
    ids = None if args.all else set(args.ids)
    count = _of_spool(lambda: reading.redeliver(_directory(args), args.webhook, ids))
    if count is None:
        return Exit.UNFIT
    if args.json:
        _json({"webhook": args.webhook, "redelivered": count})
    else:
        _say(
            f"{count} wait again; an edge that runs sends them at once, another one when it starts"
        )
    return Exit.OK if count else Exit.UNFIT


def _enable(args: argparse.Namespace) -> int:
    from sipua.outputs.hooks import reading

    enabled = _of_spool(lambda: reading.enable(_directory(args), args.webhook))
    if enabled is None:
        return Exit.UNFIT
    if args.json:
        _json({"webhook": args.webhook, "enabled": enabled})
    else:
        _say("enabled" if enabled else f"{args.webhook} was not disabled")
    return Exit.OK if enabled else Exit.UNFIT


def _test(args: argparse.Namespace) -> int:
    import asyncio

    from sipua.config import load
    from sipua.edge.wiring import hooks, wiring
    from sipua.outputs.hooks import trial

    config = load(config_path(args.config), os.environ)
    section = next((one for one in config.webhooks if one.name == args.webhook), None)
    if section is None:
        known = ", ".join(one.name for one in config.webhooks) or "none"
        sys.stderr.write(f"sipua: there is no webhook {args.webhook!r}; there are: {known}\n")
        return Exit.UNFIT
    tried = asyncio.run(trial.run(hooks.endpoint(section), wiring.node(config)))
    answer, took_ms = tried.answer, tried.took_ms
    if args.json:
        told = {"webhook": args.webhook, "ok": answer.ok, "status": answer.status or None}
        _json(told | {"cause": answer.cause, "took_ms": took_ms})
    else:
        _say(f"{f'answered {answer.status}' if answer.ok else answer.cause} ({took_ms} ms)")
    return Exit.OK if answer.ok else Exit.UNFIT


def _config(args: argparse.Namespace) -> Config | None:
    """None: a directory is named, and no configuration is needed."""
    if args.directory is not None:
        return None
    from sipua.config import load

    return load(config_path(args.config), os.environ)


def _directory(args: argparse.Namespace, config: Config | None = None) -> Path:
    config = config or _config(args)
    if config is None:
        return Path(args.directory)
    from sipua.edge.wiring import hooks

    return hooks.hook_directory(config)


def _of_spool(ask: Any) -> Any:
    """None: it cannot be read, which is said."""
    from sipua.outputs.hooks.spool import SpoolError

    try:
        return ask()
    except SpoolError as error:
        sys.stderr.write(f"sipua: {error}\n")
        return None


def _json(value: object) -> int:
    import msgspec

    sys.stdout.write(json_text(msgspec.to_builtins(value), indent=2))
    return Exit.OK


def _say(text: str) -> int:
    sys.stdout.write(text + "\n")
    return Exit.OK


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).astimezone().isoformat(" ", "seconds")


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
