"""The command line: the commands, their handlers, and the exit codes.

Nothing heavy is imported before a command has been chosen, so that `sipua --help` is instant.
A new command is one function that adds its parser (see command_parser), listed in `COMMANDS`, and
one handler that takes the parsed arguments and returns an exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipua.cli import calls, campaign, dnc, hooks, outbound, queue, reload, trunks, watch
from sipua.cli.config import route
from sipua.cli.records import audit, cdr, forget, recording
from sipua.cli.records import record as record_command
from sipua.cli.testphone import command as dial_command
from sipua.process.command_parser import CONFIG_HELP, add_command, config_path
from sipua.process.exits import Exit

if TYPE_CHECKING:
    from sipua.config import ConfigError
    from sipua.process.command_parser import Commands

DESCRIPTION = "A phone edge for voice AI: answers SIP calls and connects each to a speech model."

EXAMPLES = """\
examples:
  sipua serve                        the demo: a local agent answers on 127.0.0.1:5060
  sipua serve -c edge.toml           with a configuration of your own
  sipua config check edge.toml       every problem of a file, in one run
  SIPUA_SIP__PORT=5070 sipua serve   every key can come from the environment
"""

MORE = """\
SIPUA_CONFIG names the configuration file when none is given.
docs/configuration.md (or `sipua config docs`) explains every key; docs/troubleshooting.md helps
when a call does not work.
"""


def run(argv: Sequence[str]) -> int:
    """Parse the arguments and run the command; its exit code."""
    parser = build_parser()
    # `sipua bench` has a parser of its own for its arguments; this one would claim their options.
    own, behind = (argv[:1], argv[1:]) if argv[:1] == ["bench"] else (argv, [])
    args = parser.parse_args(own)
    args.words = behind
    if args.handler is None:
        parser.print_help(sys.stderr)
        return Exit.USAGE
    try:
        code = _handle(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes again at exit and would report the same error: let it write to /dev/null.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return code


def _handle(args: argparse.Namespace) -> int:
    from sipua.config import ConfigError  # see the module's docstring

    handler: Callable[[argparse.Namespace], int] = args.handler
    try:
        return handler(args)
    except ConfigError as error:
        _show_config_error(error, as_json=getattr(args, "json", False))
        return Exit.CONFIG
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - the last handler: it shows the error and ends with a code of its own
        _show_crash(error, debug=args.debug or bool(os.environ.get("SIPUA_DEBUG")))
        return Exit.INTERNAL


def build_parser() -> argparse.ArgumentParser:
    codes = "".join(f"  {code:3d}  {code.meaning}\n" for code in Exit)
    parser = argparse.ArgumentParser(
        prog="sipua",
        description=DESCRIPTION,
        epilog=f"{EXAMPLES}\nexit codes:\n{codes}\n{MORE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show versions and exit")
    parser.set_defaults(handler=None, debug=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return parser


# --- serve ------------------------------------------------------------------------------------


def _add_serve(commands: Commands) -> None:
    parser = add_command(commands, "serve", _serve, "run the edge until Ctrl-C or SIGTERM")
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help=CONFIG_HELP)
    parser.add_argument("--json", action="store_true", help="log JSON lines, also on a terminal")
    parser.epilog = (
        "SIGTERM or Ctrl-C: unregister, refuse new calls, give running calls\n"
        "calls.drain_s to end, then hang up. A second signal ends the process at once,\n"
        "with exit code 143 or 130. SIGHUP: read the configuration again; see `sipua reload`."
    )


def _serve(args: argparse.Namespace) -> int:
    loaded = _start(args)
    config = loaded.config
    from sipua.config import read
    from sipua.edge.workers.fork_server import ForkServer
    from sipua.log import logs  # after the check: a wrong file is reported at once

    with ForkServer() as forks:
        forks.begin()  # it imports what workers need while we import the rest
        from sipua.edge import app
        from sipua.edge.reload.source import Source

        path = config_path(args.config)
        source = Source(loaded.source, lambda: read(path, os.environ))
        banner = logs.for_a_person(_log_format(args, config))
        return app.run(config, show_banner=banner, forks=forks, source=source)


def _start(args: argparse.Namespace) -> Any:
    """Read the configuration, set up logging, and print the warnings."""
    from sipua.config import read
    from sipua.log import logs

    loaded = read(config_path(args.config), os.environ)
    log = loaded.config.log
    logs.configure("debug" if args.debug else log.level, _log_format(args, loaded.config))
    for warning in loaded.warnings:
        logs.get().warning(
            "config.warning",
            key=warning.key or warning.origin.name,
            problem=warning.what,
            fix=warning.fix,
            where=str(warning.origin),
        )
    return loaded


def _log_format(args: argparse.Namespace, config: Any) -> Any:
    return "json" if args.json else config.log.format


# --- agent ------------------------------------------------------------------------------------

AGENT_PORT = 8765


def _add_agent(commands: Commands) -> None:
    parser = add_command(
        commands, "agent", _agent, "run the local agent by itself, as a Realtime server"
    )
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help=CONFIG_HELP)
    parser.add_argument("--host", help="address to listen on (default: agent.host, 127.0.0.1)")
    parser.add_argument(
        "--port", type=_port, help=f"port to listen on (default: agent.port, or {AGENT_PORT})"
    )
    parser.add_argument(
        "--mode",
        choices=("parrot", "tone", "silence"),
        help="answer with what was heard, a tone, or nothing (default: agent.mode, parrot)",
    )
    parser.add_argument(
        "--scenario", type=Path, metavar="FILE", help="play this scenario (docs/rehearsal.md)"
    )
    parser.add_argument(
        "--fault",
        type=_fault,
        metavar="KIND[:AFTER_S]",
        help="rehearse a failure: drop, cut, freeze, stall, silence, 429, burst or garbage",
    )
    parser.add_argument("--json", action="store_true", help="JSON lines, also on a terminal")
    parser.epilog = (
        "Every client of the OpenAI Realtime protocol can talk to it. For an edge:\n"
        f"  SIPUA_ENGINE__URL=ws://127.0.0.1:{AGENT_PORT}/v1/realtime sipua serve"
    )


def _agent(args: argparse.Namespace) -> int:
    import dataclasses

    config = _start(args).config
    from sipua.bridge.agent.server import server
    from sipua.edge.wiring import wiring  # as in serve

    scenario = str(args.scenario.absolute()) if args.scenario else ""
    settings = wiring.agent_settings(config, scenario=scenario, fault=args.fault or "")
    given = {name: getattr(args, name) for name in ("host", "port", "mode")}
    given["port"] = given["port"] if args.port is not None else settings.port or AGENT_PORT
    chosen = {name: value for name, value in given.items() if value is not None}
    return server.run(dataclasses.replace(settings, **chosen), as_json=args.json)


def _fault(text: str) -> str:
    from sipua.bridge.agent.scenario import faults  # as in serve

    try:
        faults.parse(text)
    except faults.FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


# --- doctor -----------------------------------------------------------------------------------


def _add_doctor(commands: Commands) -> None:
    parser = add_command(
        commands,
        "doctor",
        _doctor,
        "examine this machine and installation: versions, limits, known bugs",
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="look up the host names of its trunks and registrars, and see whether its call "
        "records and webhooks can be written and its collector takes traces",
    )


def _doctor(args: argparse.Namespace) -> int:
    from sipua.doctor import doctor

    if args.config is None:
        return doctor.run(json=args.json)
    from sipua.cli.doctor import addresses, files, names
    from sipua.config import load

    config = load(args.config, os.environ)
    more = [*names.examine(config), *addresses.examine(config), *files.examine(config)]
    return doctor.run(json=args.json, more=more)


# --- config -----------------------------------------------------------------------------------


def _add_config(commands: Commands) -> None:
    parser = add_command(
        commands, "config", _config_without_command, "check, show and explain the configuration"
    )
    below = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in (
        ("check", "name every problem of a configuration; exit code 3 if there is an error"),
        ("show", "print the configuration in force and where each value came from"),
    ):
        command = add_command(below, name, _config, summary)
        command.add_argument("file", type=Path, nargs="?", metavar="FILE", help=CONFIG_HELP)
        command.add_argument("--json", action="store_true", help="JSON instead of text")
        command.set_defaults(config_command=name)
    route.add(below)
    docs = add_command(below, "docs", _config, "print the reference of all keys, in Markdown")
    docs.set_defaults(config_command="docs")
    parser.set_defaults(config_parser=parser)


def _config_without_command(args: argparse.Namespace) -> int:
    args.config_parser.print_help(sys.stderr)
    return Exit.USAGE


def _config(args: argparse.Namespace) -> int:
    from sipua.cli.config import documents as command

    if args.config_command == "docs":
        return command.docs(sys.stdout)
    act = command.check if args.config_command == "check" else command.show
    return act(config_path(args.file), os.environ, sys.stdout, as_json=args.json)


# --- bench ------------------------------------------------------------------------------------


def _add_bench(commands: Commands) -> None:
    parser = commands.add_parser(
        "bench",
        help="measure: replay a capture, load the edge, compare results",
        add_help=False,
        allow_abbrev=False,
    )
    parser.set_defaults(handler=_bench)


def _bench(args: argparse.Namespace) -> int:
    from sipua.bench import command  # its arguments too: `sipua serve` needs none

    return command.run(args.words)


COMMANDS: tuple[Callable[[Commands], None], ...] = (
    _add_serve,
    _add_agent,
    dial_command.add,
    outbound.add,
    calls.add,
    campaign.add,
    dnc.add,
    trunks.add,
    queue.add,
    watch.add_top,
    watch.add_events,
    watch.add_drain,
    reload.add,
    _add_doctor,
    _add_config,
    record_command.add,
    recording.add,
    forget.add,
    cdr.add,
    audit.add,
    hooks.add,
    _add_bench,
)


# --- errors and exit codes ---------------------------------------------------------------------


class _Version(argparse.Action):
    """Looks the versions up only when asked: that takes longer than --help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib import metadata

        versions = []
        for name in ("sipua", "pjsua2-python"):
            try:
                versions.append(f"{name} {metadata.version(name)}")
            except metadata.PackageNotFoundError:
                versions.append(f"{name} is not installed")
        python = ".".join(map(str, sys.version_info[:3]))
        sys.stdout.write(f"{versions[0]} ({versions[1]}, Python {python})\n")
        parser.exit()


def _show_config_error(error: ConfigError, *, as_json: bool) -> None:
    if as_json:
        from sipua.log import logs

        logs.configure("info", "json")
        for problem in error.problems:
            fields = {"config": error.source, **problem.as_dict()}
            logs.get().log(40 if problem.severity == "error" else 30, "config.problem", **fields)
        return
    sys.stderr.write(f"sipua: {error}\n")


def _show_crash(error: Exception, *, debug: bool) -> None:
    from sipua.log.secret_masking import mask_text

    if debug:
        import traceback

        sys.stderr.write(mask_text("".join(traceback.format_exception(error))))
    words = mask_text(f"{type(error).__name__}: {error}".splitlines()[0])
    hint = "" if debug else "; run it again with --debug to see where"
    sys.stderr.write(f"sipua: internal error: {words}{hint}\n")
