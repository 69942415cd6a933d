"""`sipua call` on the command line. The code that places the call is imported only when it runs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sipua.process.command_parser import CONFIG_HELP, add_command, config_path

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands


def add(commands: Commands) -> None:
    parser = add_command(commands, "call", _call, "place one test call and report what happened")
    parser.add_argument("uri", metavar="URI", help="URI to call: sip:user@host:port")
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help=CONFIG_HELP)
    parser.add_argument("--account", default="", help="account or trunk of the file to call from")
    parser.add_argument("--wav", type=Path, metavar="FILE", help="WAV file to send (16 bit PCM)")
    parser.add_argument(
        "--tone",
        type=_hertz,
        default=440.0,
        metavar="HZ",
        help="without --wav: send a second of this tone",
    )
    parser.add_argument(
        "--dtmf", default="", metavar="KEYS", help="digits to send first: 0-9 * # A-D"
    )
    parser.add_argument(
        "--after", type=_seconds, default=4.0, metavar="S", help="send after S seconds (default: 4)"
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=10.0,
        metavar="S",
        help="length of the call (default: 10)",
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write the received audio as a WAV file"
    )
    parser.add_argument(
        "--pcap", type=Path, metavar="FILE", help="write SIP and RTP of the call, for Wireshark"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.epilog = (
        "The command does not register, so an edge with the same account is not disturbed.\n"
        "--debug shows every SIP message. The exit code is 0 when the call was answered and ended\n"
        "normally, otherwise 6."
    )


def _call(args: argparse.Namespace) -> int:
    from sipua.cli.testphone import dial
    from sipua.config import load
    from sipua.log import logs

    # This call uses no model: a test of a line needs no key of one.
    environ = {**os.environ, "SIPUA_ENGINE__TYPE": "local"}
    config = load(config_path(args.config), environ)
    logs.configure("debug" if args.debug else "warning", config.log.format)
    request = dial.DialRequest(
        uri=args.uri,
        account=args.account,
        wav=args.wav,
        tone_hz=args.tone,
        dtmf=args.dtmf,
        say_after_s=args.after,
        seconds=args.seconds,
        record=args.record,
        pcap=args.pcap,
        as_json=args.json,
        show_sip=args.debug,
    )
    return dial.run(config, request)


def _seconds(text: str) -> float:
    return _number(text, 86400, "a time, 0 to 86400 seconds")


def _hertz(text: str) -> float:
    return _number(text, 3400, "a tone that a telephone carries, 0 to 3400 Hz")


def _number(text: str, most: float, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return number
