"""The command line of `sipua call`: what becomes of its options, and which are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sipua.cli import main as cli
from sipua.cli.testphone import dial
from sipua.cli.testphone.dial import DialRequest
from sipua.process.exits import Exit


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[DialRequest]:
    """The calls that would have been placed."""
    requests: list[DialRequest] = []

    def run(_: Any, request: DialRequest) -> int:
        requests.append(request)
        return Exit.SIP

    monkeypatch.setattr(dial, "run", run)
    monkeypatch.delenv("SIPUA_CONFIG", raising=False)
    return requests


def test_a_call_as_it_is_by_default(asked: list[DialRequest]) -> None:
    assert cli.run(["call", "sip:600@127.0.0.1"]) == Exit.SIP
    assert asked == [DialRequest("sip:600@127.0.0.1")]


def test_every_option_reaches_the_call(asked: list[DialRequest], tmp_path: Path) -> None:
    said, heard, packets = (tmp_path / name for name in ("said.wav", "heard.wav", "call.pcap"))
    options = f"--account pbx --wav {said} --tone 1000 --dtmf 12# --after 0.5 --seconds 3"
    files = f"--record {heard} --pcap {packets} --json --debug"
    cli.run(["call", "sip:1@192.0.2.1", *options.split(), *files.split()])
    assert asked == [
        DialRequest(
            uri="sip:1@192.0.2.1",
            account="pbx",
            wav=said,
            tone_hz=1000,
            dtmf="12#",
            say_after_s=0.5,
            seconds=3,
            record=heard,
            pcap=packets,
            as_json=True,
            show_sip=True,
        )
    ]


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--seconds", "0", "'0' is not a time, 0 to 86400 seconds"),
        ("--seconds", "soon", "'soon' is not a time"),
        ("--after", "-1", "'-1' is not a time"),
        ("--after", "nan", "'nan' is not a time"),
        ("--tone", "4000", "'4000' is not a tone that a telephone carries"),
    ],
)
def test_numbers_that_no_call_has(
    option: str,
    value: str,
    words: str,
    asked: list[DialRequest],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.run(["call", "sip:1@192.0.2.1", f"{option}={value}"])
    assert ended.value.code == Exit.USAGE
    assert words in capsys.readouterr().err
    assert asked == []
