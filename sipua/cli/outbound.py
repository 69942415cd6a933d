"""`sipua outbound` on the command line. The code that places the call is imported when it runs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sipua.process.command_parser import CONFIG_HELP, add_command, config_path

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands


def add(commands: Commands) -> None:
    parser = add_command(
        commands, "outbound", _outbound, "place one call, with the agent on our side"
    )
    parser.add_argument("uri", metavar="URI", help="URI to call: sip:user@host:port")
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help=CONFIG_HELP)
    parser.add_argument("--account", default="", help="account or trunk of the file to call from")
    parser.add_argument(
        "--route", default="", help="route that names the agent (default: the first that fits)"
    )
    parser.add_argument("--json", action="store_true", help="log JSON lines, also on a terminal")
    parser.epilog = (
        "calls.first_word sets who speaks first, calls.ring_timeout_s how long it rings. The exit\n"
        "code is 0 when the call was answered and the agent talked, 5 without an engine, 6 when\n"
        "the call was busy, declined or not answered."
    )


def _outbound(args: argparse.Namespace) -> int:
    from sipua.config import load
    from sipua.edge.workers.fork_server import ForkServer
    from sipua.log import logs

    config = load(config_path(args.config), os.environ)
    logs.configure(
        "debug" if args.debug else config.log.level, "json" if args.json else config.log.format
    )
    with ForkServer() as forks:
        forks.begin()  # it imports what a worker needs while we import the rest
        from sipua.edge import outbound

        request = outbound.OutboundRequest(uri=args.uri, account=args.account, route=args.route)
        return outbound.run(config, request, forks)
