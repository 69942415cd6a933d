"""What an edge answers is printed, and never obeyed by the terminal."""

import argparse
from typing import NoReturn

import pytest

from sipua.cli import api_client
from sipua.process.exits import Exit


def test_an_error_has_no_escape_sequences(capsys: pytest.CaptureFixture[str]) -> None:
    def refused(_: argparse.Namespace) -> NoReturn:
        raise api_client.ClientError("603 \x1b]0;owned\x07\x9b2J", Exit.UNFIT)

    parser = argparse.ArgumentParser()
    api_client.add(parser.add_subparsers(), "x", refused, "x", example="x")
    args = parser.parse_args(["x"])
    handlers = [one for one in vars(args).values() if callable(one)]
    assert handlers[0](args) == Exit.UNFIT
    assert capsys.readouterr().err == "sipua: 603 \\x1b]0;owned\\x07\\x9b2J\n"
