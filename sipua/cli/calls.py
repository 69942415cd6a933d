"""`sipua calls`: the calls of a running edge, looked at and steered over its API."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sipua.cli import api_client
from sipua.cli.api_client import ask, in_path, show
from sipua.cli.top import ladder
from sipua.process.command_parser import plain_command
from sipua.process.exits import Exit
from sipua.process.terminal_text import clean

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands

Body = Callable[[argparse.Namespace], Mapping[str, Any]]
_ID = "c-2hp5vgaq"
"""Of the examples."""
_WIDEST = 100
_MODES = ("listen", "whisper", "barge", "takeover")
_REFUSED = ("at", "status", "reason", "cause", "from", "to", "source", "sip_call_id")
_COLUMNS = ("id", "direction", "state", "age_s", "from", "to", "origin", "route", "engine")


def add(commands: Commands) -> None:
    parser = plain_command(commands, "calls", _without_command, "look at calls, and steer them")
    parser.set_defaults(calls_parser=parser)
    below = parser.add_subparsers(title="commands", metavar="COMMAND")
    listing = api_client.add(
        below,
        "ls",
        _list,
        "the calls that are up, the newest first",
        example="sipua calls ls --state ended --limit 20",
    )
    states = ("up", "placing", "ringing", "active", "ended")
    listing.add_argument("--state", choices=states, default="up", help="default: up")
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="default: 100")
    refused = api_client.add(
        below,
        "refused",
        _refused,
        "INVITEs that never became a call, the newest first, each with the rule",
        example="sipua calls refused --limit 20",
    )
    refused.add_argument("--limit", type=int, default=100, metavar="N", help="default: 100")
    summary = "one call, with all that was counted"
    one = _of_call(api_client.add(below, "show", _show, summary, example=f"sipua calls show {_ID}"))
    one.add_argument("--sip", action="store_true", help="its SIP messages, as a ladder")
    one.add_argument("--full", action="store_true", help="with --sip: and as whole texts")
    hang_up = _act(
        below,
        "hangup",
        "end a call",
        lambda args: {"detail": args.detail, "wait_s": 10, "after_speech": args.after_speech},
        arguments='--after-speech --detail "wrong number"',
    )
    hang_up.add_argument("--detail", default="", help="why, for the record")
    hang_up.add_argument("--after-speech", action="store_true", help="let it finish its sentence")
    transfer = _act(
        below,
        "transfer",
        "put the other side through to somebody else",
        lambda args: {"to": args.to, "wait": True} | ({"mode": args.mode} if args.mode else {}),
        arguments="reception --mode warm",
    )
    transfer.add_argument(
        "to",
        metavar="TARGET",
        help="a name of tools.transfer.targets or .destinations; or a number or SIP URI that the "
        "token may call",
    )
    modes = ("refer", "dial", "auto", "warm")
    transfer.add_argument("--mode", choices=modes, help="default: as configured")
    queue = _act(
        below,
        "queue",
        "have the caller wait in a queue; the agent leaves",
        lambda args: {"queue": args.queue},
        arguments="people",
    )
    queue.add_argument("queue", metavar="QUEUE", help="its name")
    dtmf = _act(below, "dtmf", "send keys", lambda args: {"digits": args.digits}, arguments="1234#")
    dtmf.add_argument("digits", metavar="KEYS", help="0-9 * # A-D")
    say = _act(
        below,
        "say",
        "have the engine say a text",
        lambda args: {"text": args.text, "interrupt": args.interrupt},
        arguments='"We close in ten minutes."',
    )
    say.add_argument("text", metavar="TEXT")
    play = _act(
        below,
        "play",
        "play a sound",
        lambda args: {"sound": args.sound, "interrupt": args.interrupt},
        arguments="closing.wav",
    )
    play.add_argument("sound", metavar="SOUND", help="a WAV file of calls.sounds, or sorry")
    for command in (say, play):
        command.add_argument("--interrupt", action="store_true", help="cut off what is being said")
    inject = _act(
        below,
        "inject",
        "tell the model something",
        lambda args: {"text": args.text, "respond": args.respond},
        arguments='"The caller is a member since 1998." --respond',
    )
    inject.add_argument("text", metavar="TEXT")
    inject.add_argument("--respond", action="store_true", help="the model answers at once")
    _act(below, "hold", "put the other side on hold", lambda _: {"on": True}, path="hold")
    _act(below, "resume", "take it back", lambda _: {"on": False}, path="hold")
    mute = _act(
        below,
        "mute",
        "let one side not be heard",
        lambda args: {"side": args.side, "on": not args.off},
        arguments="agent",
    )
    mute.add_argument("side", choices=("agent", "caller"), help="the one that is not heard")
    mute.add_argument("--off", action="store_true", help="it is heard again")
    record = _act(
        below,
        "record",
        "begin, pause, resume or end its recording",
        lambda args: {"act": args.act},
        arguments="pause",
        path="recording",
    )
    record.add_argument("act", choices=("start", "pause", "resume", "stop"))
    _add_supervisors(below)
    _act(below, "park", "have the caller wait until somebody fetches the call", lambda _: {})
    unpark = _act(
        below,
        "unpark",
        "have somebody fetch a parked call, or give it back to the agent",
        lambda args: {"to": args.to, "account": args.account},
        arguments="sip:anna@pbx.example.com",
    )
    unpark.add_argument("to", nargs="?", default="", metavar="PHONE", help="default: the agent")
    unpark.add_argument("--account", default="", help="account or trunk that it goes out by")
    metadata = _act(
        below,
        "metadata",
        "note something on the call, for its end and its record",
        lambda args: {"values": dict(args.values)},
        arguments="order=4711",
    )
    metadata.add_argument("values", type=_value, nargs="+", metavar="NAME=VALUE")


def _add_supervisors(below: Commands) -> None:
    supervise = _act(
        below,
        "supervise",
        "call a supervisor, who then hears the call",
        lambda args: {"to": args.to, "account": args.account, "mode": args.mode},
        arguments="sip:anna@pbx.example.com",
        path="supervisors",
    )
    supervise.add_argument(
        "to", metavar="PHONE", help="a number or SIP URI that the token may call"
    )
    supervise.add_argument("--account", default="", help="account or trunk that it goes out by")
    supervise.add_argument("--mode", choices=_MODES, default="listen", help="default: listen")
    supervisor = _act(
        below,
        "supervisor",
        "change what the supervisor does, or hang up on him",
        lambda args: {} if args.mode == "end" else {"mode": args.mode},
        arguments="whisper",
        path=lambda args: f"supervisors/{'end' if args.mode == 'end' else 'mode'}",
    )
    supervisor.add_argument("mode", choices=(*_MODES, "end"))
    whisper = _act(
        below,
        "whisper",
        "tell the model something as its supervisor",
        lambda args: {"text": args.text, "respond": args.respond},
        arguments='"Offer ten per cent."',
    )
    whisper.add_argument("text", metavar="TEXT")
    whisper.add_argument("--respond", action="store_true", help="the model speaks at once")


def _value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _act(
    below: Commands,
    name: str,
    summary: str,
    body: Body,
    *,
    arguments: str = "",
    path: str | Callable[[argparse.Namespace], str] = "",
) -> argparse.ArgumentParser:
    """`arguments`: of the example."""

    def order(args: argparse.Namespace) -> int:
        below_call = path(args) if callable(path) else path or name
        found = ask(args, "POST", f"/v1/calls/{in_path(args.id)}/{below_call}", body(args))
        return show(args, found, lambda: _outcome(found))

    example = f"sipua calls {name} {_ID} {arguments}".rstrip()
    return _of_call(api_client.add(below, name, order, summary, example=example))


def _of_call(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("id", metavar="CALL_ID")
    return parser


def _without_command(args: argparse.Namespace) -> int:
    args.calls_parser.print_help(sys.stderr)
    return Exit.USAGE


def _list(args: argparse.Namespace) -> int:
    found = ask(args, "GET", f"/v1/calls?state={args.state}&limit={args.limit}")
    return show(args, found, lambda: _table(found["calls"]))


def _show(args: argparse.Namespace) -> int:
    if args.sip or args.full:
        sip = ask(args, "GET", f"/v1/calls/{in_path(args.id)}/sip")
        return show(args, sip, lambda: "\n".join(_ladder(sip, whole=args.full)))
    found = ask(args, "GET", f"/v1/calls/{in_path(args.id)}?include=stats")
    return show(args, found, lambda: "\n".join(_lines(found, "")))


def _ladder(sip: Mapping[str, Any], *, whole: bool) -> Iterator[str]:
    columns = min(shutil.get_terminal_size().columns, _WIDEST)
    yield from ladder.ladder(sip["messages"], columns, sip["missed"])
    if whole:
        yield ""
        yield from ladder.texts(sip["messages"])


def _outcome(found: Mapping[str, Any]) -> str:
    if "end" in found:
        return f"{found['id']}: {found['status']}, {found['end']['reason']}"
    detail, slot = found.get("detail", ""), found.get("values", {}).get("slot", "")
    parked = f", in slot {clean(slot)}" if slot else ""
    return f"{found['call_id']}: {found['status']}{parked}" + (
        f": {clean(detail)}" if detail else ""
    )


def _refused(args: argparse.Namespace) -> int:
    found = ask(args, "GET", f"/v1/refusals?limit={args.limit}")
    return show(args, found, lambda: _table(found["refusals"], _REFUSED))


def _table(calls: list[Mapping[str, Any]], columns: tuple[str, ...] = _COLUMNS) -> str:
    if not calls:
        return "no calls"
    rows = [columns, *([_cell(call.get(name)) for name in columns] for call in calls)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(columns))]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value in (None, "", []) else clean(value)


def _lines(found: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for name, value in found.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{name}", *_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name:18} {_cell(value)}")
    return lines
