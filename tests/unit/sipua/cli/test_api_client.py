"""What an edge answers is printed, and never obeyed by the terminal."""

import argparse
import io
import json
from email.message import Message
from typing import NoReturn
from urllib.error import HTTPError

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


def test_faults_of_a_configuration_are_told_by_their_keys() -> None:
    problem = {
        "type": "urn:sipua:problem:unfit-configuration",
        "title": "The configuration is unfit",
        "detail": "edge.toml: 2 errors",
        "errors": [
            {"pointer": "/accounts/0/registrar", "detail": "is missing"},
            {"pointer": "/engines/a~1b/type", "detail": "is odd"},
        ],
    }
    body = io.BytesIO(json.dumps(problem).encode())
    words, code, places = api_client._words(HTTPError("http://x", 422, "", Message(), body))
    assert words == "The configuration is unfit: edge.toml: 2 errors"
    assert code == Exit.UNFIT
    assert places == ["accounts[0].registrar: is missing", "engines.a/b.type: is odd"]
