"""The commands that ask whether anything grows: `sipua bench soak` and `sipua bench life`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sipua.bench.outputs import add_outputs, add_workers, check_outputs, output, say, words
from sipua.process.command_parser import plain_command
from sipua.process.exits import Exit

if TYPE_CHECKING:
    from sipua.bench.results.result import Result
    from sipua.process.command_parser import Commands


# --- soak -------------------------------------------------------------------------------------


def add_soak(commands: Commands) -> None:
    parser = plain_command(
        commands, "soak", _soak, "thousands of short calls: what does the edge keep of them"
    )
    parser.add_argument(
        "--calls-total", type=int, default=10_000, metavar="N", help="default: 10000"
    )
    parser.add_argument(
        "--cps", type=float, default=20.0, metavar="R", help="new calls a second; default: 20"
    )
    parser.add_argument(
        "--call-s",
        type=float,
        default=3.0,
        metavar="S",
        help="mean length; each call has from half to one and a half of it; default: 3",
    )
    add_workers(parser)
    parser.add_argument(
        "--every", type=float, default=1.0, metavar="S", help="between two samples; default: 1"
    )
    add_outputs(parser)


def _soak(args: argparse.Namespace) -> int:
    from sipua.bench.soak import soak

    check_outputs(args)
    options = soak.Options(
        calls_total=args.calls_total,
        cps=args.cps,
        call_s=args.call_s,
        workers=args.workers,
        every_s=args.every,
    )
    result = soak.run(options, words(), say)
    return _written(args, result, failed=result.soak is not None and result.soak.failed)


# --- life -------------------------------------------------------------------------------------


def add_life(commands: Commands) -> None:
    parser = plain_command(
        commands,
        "life",
        _life,
        "hours of calls of all kinds, faults, strangers: does anything grow",
    )
    parser.add_argument("--minutes", type=float, default=120.0, metavar="M", help="default: 120")
    parser.add_argument("--calls", type=int, default=50, metavar="N", help="at once; default: 50")
    parser.add_argument(
        "--workers", type=int, default=2, metavar="N", help="workers of the edge; default: 2"
    )
    parser.add_argument(
        "--reload",
        type=float,
        default=60.0,
        metavar="S",
        help="between two reloads with a changed configuration; default: 60; 0: none",
    )
    parser.add_argument(
        "--fault",
        type=float,
        default=30.0,
        metavar="S",
        help="between two faults of an engine; default: 30; 0: none",
    )
    parser.add_argument(
        "--kill-worker",
        type=float,
        default=0.0,
        metavar="S",
        help="kill a worker with its calls so often; default: 0, never",
    )
    parser.add_argument(
        "--every", type=float, default=5.0, metavar="S", help="between two samples; default: 5"
    )
    parser.add_argument(
        "--brief",
        action="store_true",
        help="a call of each kind at least, and nothing is compared at rest: does it work here?",
    )
    parser.add_argument("--log", type=Path, metavar="OUT", help="keep the edge's log")
    add_outputs(parser)


def _life(args: argparse.Namespace) -> int:
    from sipua.bench.life import life

    check_outputs(args)
    options = life.Options(
        minutes=args.minutes,
        calls=args.calls,
        workers=args.workers,
        every_s=args.every,
        reload_s=args.reload,
        fault_s=args.fault,
        kill_s=args.kill_worker,
        log=args.log,
        brief=args.brief,
    )
    result = life.run(options, words(), say)
    return _written(args, result, failed=result.life is not None and result.life.failed)


def _written(args: argparse.Namespace, result: Result, *, failed: bool) -> int:
    def page() -> str:
        from sipua.bench.report import html

        return html.render(result, None)

    written = output(args, result, page)
    return Exit.UNFIT if failed else written
