"""The command line of `sipua bench`. What measures is imported when it is asked for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sipua.bench.common.errors import BenchError
from sipua.bench.endurance import add_life, add_soak
from sipua.bench.outputs import add_outputs, add_tls, add_workers, check_outputs, output, say, words
from sipua.process.command_parser import config_path, plain_command
from sipua.process.exits import Exit
from sipua.rtp.pcap.writer import CaptureError

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands

EPILOG = """\
examples:
  sipua bench streams call.pcap
  sipua bench capture call.pcap --html report.html
  sipua bench capture call.pcap --calls 100 --json now.json
  sipua bench capture call.pcap --impair loss=3%,jitter=40ms,seed=7
  sipua bench load --calls 200 --step-up
  sipua bench load --calls 200 --workers 2 --pin
  sipua bench soak --calls-total 10000 --cps 20 --html soak.html
  sipua bench life --minutes 120 --calls 50 --html life.html
  sipua bench joint --joints 50
  sipua bench compare before.json now.json --fail-above 1.2
  sipua bench answering --calls 1000

docs/bench.md explains every figure.
"""


def run(words: Sequence[str]) -> int:
    """What stands behind `sipua bench`."""
    parser = argparse.ArgumentParser(
        prog="sipua bench",
        description="Measure: replay a capture, load the edge, compare results.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add in (
        _add_streams,
        _add_capture,
        _add_load,
        add_soak,
        add_life,
        _add_joint,
        _add_compare,
        _add_answering,
    ):
        add(commands)
    args = parser.parse_args(words)
    if not hasattr(args, "handler"):
        parser.print_help(sys.stderr)
        return Exit.USAGE
    handler: Callable[[argparse.Namespace], int] = args.handler
    try:
        return handler(args)
    except (BenchError, CaptureError) as error:
        print(f"sipua: {error}", file=sys.stderr)
        return Exit.USAGE


# --- streams ----------------------------------------------------------------------------------


def _add_streams(commands: Commands) -> None:
    parser = plain_command(commands, "streams", _streams, "list the RTP streams of a capture")
    parser.add_argument("file", type=Path, metavar="FILE", help="pcap or pcapng")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")


def _streams(args: argparse.Namespace) -> int:
    from sipua.bench.streams.command import run_streams

    return run_streams(args.file, args.json)


# --- capture ----------------------------------------------------------------------------------


def _add_capture(commands: Commands) -> None:
    parser = plain_command(
        commands, "capture", _capture, "play a recorded call into the edge and measure each stage"
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="pcap or pcapng")
    parser.add_argument(
        "--stream", type=int, metavar="N", help="number in `bench streams` (default: the longest)"
    )
    parser.add_argument(
        "--engine",
        default="local",
        metavar="local|URL",
        help="the local agent (default), or a Realtime websocket; its key is in the configuration",
    )
    parser.add_argument(
        "--calls", type=int, default=1, metavar="N", help="calls at once (default: 1)"
    )
    parser.add_argument(
        "--repeat", type=int, default=1, metavar="K", help="runs, one after the other (default: 1)"
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="X", help="faster or slower than recorded"
    )
    parser.add_argument(
        "--impair",
        metavar="SETTINGS",
        help="add network impairments: loss=3%%,burst=30%%,jitter=40ms,reorder=1%%,dup=1%%,"
        "drift=100ppm,seed=7",
    )
    parser.add_argument(
        "-c", "--config", type=Path, metavar="FILE", help="configuration of the edge"
    )
    parser.add_argument(
        "--no-probes",
        action="store_true",
        help="no time stamps inside the edge: its cost without probes",
    )
    parser.add_argument("--srtp", action="store_true", help="encrypt the calls' audio")
    add_tls(parser)
    add_outputs(parser)


def _capture(args: argparse.Namespace) -> int:
    from sipua.bench.replay import measure, replay
    from sipua.bench.replay.network import Impairment
    from sipua.bench.results import machine
    from sipua.config import read

    if not 0.1 <= args.speed <= 10:
        raise BenchError(f"--speed {args.speed:g}: from 0.1 to 10")
    if not 1 <= args.repeat <= 10_000:
        raise BenchError(f"--repeat {args.repeat}: from 1 to 10000")
    if args.engine != "local" and not args.engine.startswith(("ws://", "wss://")):
        raise BenchError(f"--engine {args.engine}: local, or a ws:// or wss:// address")
    if args.tls and args.engine != "local":
        raise BenchError("--tls is for the local engine; another one has it in its address")
    check_outputs(args)
    options = replay.Options(
        file=args.file,
        stream=args.stream,
        engine=args.engine,
        speed=args.speed,
        repeat=args.repeat,
        calls=args.calls,
        impairment=Impairment.parse(args.impair) if args.impair else None,
        probed=not args.no_probes,
        tls=args.tls,
        srtp=args.srtp,
    )
    load = machine.load_average()
    recording = replay.run(options, read(config_path(args.config), os.environ).config, say)
    traces = measure.traces(recording)
    result = measure.result(recording, traces, words(), load)

    def page() -> str:
        from sipua.bench.report import html, pictures

        return html.render(result, pictures.of_call(recording, traces))

    return output(args, result, page)


# --- load -------------------------------------------------------------------------------------


def _add_load(commands: Commands) -> None:
    parser = plain_command(
        commands, "load", _load, "many calls at once, SIP and media, through `sipua serve`"
    )
    parser.add_argument("--calls", type=int, default=100, metavar="N", help="default: 100")
    parser.add_argument(
        "--seconds",
        type=float,
        default=20.0,
        metavar="S",
        help="seconds of talk at each step; default: 20",
    )
    parser.add_argument(
        "--rate", type=float, default=20.0, metavar="R", help="new calls a second; default: 20"
    )
    parser.add_argument(
        "--step-up",
        action="store_true",
        help="add calls from N upwards until a limit is exceeded: how many this machine holds",
    )
    add_workers(parser)
    parser.add_argument(
        "--engine-type",
        default="local",
        choices=(
            *("local", "local_live", "local_gemini", "twilio_stream", "asterisk_websocket"),
            *("deepgram_agent", "elevenlabs_agent"),
        ),
        help="the protocol between edge and local agent; default: local (OpenAI Realtime)",
    )
    parser.add_argument(
        "--pin",
        action="store_true",
        help="keep callers and agent off the cores of the edge, as far as there are cores",
    )
    parser.add_argument(
        "--limit-uplink", type=float, default=20.0, metavar="MS", help="p99; default: 20"
    )
    parser.add_argument(
        "--limit-spacing", type=float, default=10.0, metavar="MS", help="p99; default: 10"
    )
    add_tls(parser)
    add_outputs(parser)


def _load(args: argparse.Namespace) -> int:
    from sipua.bench.load import load

    check_outputs(args)
    options = load.Options(
        calls=args.calls,
        seconds=args.seconds,
        rate=args.rate,
        step_up=args.step_up,
        limit_uplink_ms=args.limit_uplink,
        limit_spacing_ms=args.limit_spacing,
        workers=args.workers,
        engine_type=args.engine_type,
        pin=args.pin,
        tls=args.tls,
    )
    result = load.run(options, words(), say)

    def page() -> str:
        from sipua.bench.report import html

        return html.render(result, None)

    return output(args, result, page)


# --- compare ----------------------------------------------------------------------------------


def _add_joint(commands: Commands) -> None:
    parser = plain_command(commands, "joint", _joint, "what joining two legs of a call costs")
    parser.add_argument("--joints", type=int, default=50, metavar="N", help="default: 50")
    parser.add_argument("--seconds", type=float, default=15, help="of each half; default: 15")


def _joint(args: argparse.Namespace) -> int:
    from sipua.bench.joint.command import run_joint

    return run_joint(args.joints, args.seconds)


def _add_compare(commands: Commands) -> None:
    parser = plain_command(commands, "compare", _compare, "compare two results")
    parser.add_argument("before", type=Path, metavar="A.json")
    parser.add_argument("after", type=Path, metavar="B.json")
    parser.add_argument(
        "--fail-above",
        type=float,
        metavar="RATIO",
        help=f"exit code {int(Exit.UNFIT)} when a figure other than a maximum is worse by more",
    )


def _compare(args: argparse.Namespace) -> int:
    from sipua.bench.report import compare
    from sipua.bench.results import result

    if args.fail_above is not None and not args.fail_above >= 1:
        raise BenchError(f"--fail-above {args.fail_above:g}: 1 or more")
    before, after = result.load(args.before), result.load(args.after)
    found = compare.changes(before, after)
    for warning in compare.warnings(before, after):
        print(f"note: {warning}")
    print(compare.render(found, args.fail_above))
    failed = args.fail_above is not None and any(
        change.worse_than(args.fail_above) for change in found
    )
    return Exit.UNFIT if failed else Exit.OK


# --- answering --------------------------------------------------------------------------------


def _add_answering(commands: Commands) -> None:
    parser = plain_command(
        commands, "answering", _answering, "who answered, on a made or recorded corpus"
    )
    parser.add_argument("--calls", type=int, default=1000, metavar="N", help="default: 1000")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument(
        "--train", action="store_true", help="the half that the rule was fitted to, not the test"
    )
    parser.add_argument(
        "--recorded", type=Path, metavar="DIR", help="of recorded voices instead: docs/answering.md"
    )


def _answering(args: argparse.Namespace) -> int:
    from sipua.bench.answering.command import run_answering

    return run_answering(args.calls, args.seed, train=args.train, recorded=args.recorded)
