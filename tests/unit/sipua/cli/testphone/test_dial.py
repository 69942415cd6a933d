"""`sipua call` before it calls: what it refuses, and that it leaves a running edge alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipua.cli import main as cli
from sipua.cli.testphone import dial
from sipua.cli.testphone.dial import DialRequest, RequestError
from sipua.config import Config, load
from sipua.process.exits import Exit
from support.media import audio

CONFIG = """
[sip]
host = "0.0.0.0"
port = 5070
[[accounts]]
name = "pbx"
registrar = "sip:192.0.2.10:5060"
user = "100"
password = "secret"
[[accounts]]
name = "other"
registrar = "sip:192.0.2.11:5060"
user = "200"
password = "secret"
[[trunks]]
name = "carrier"
hosts = ["192.0.2.20"]
proxy = "sip:192.0.2.20"
[[trunks]]
name = "incoming"
hosts = ["192.0.2.30"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "edge.toml"
    file.write_text(CONFIG)
    file.chmod(0o600)
    return file


@pytest.fixture
def config(file: Path) -> Config:
    return load(file, {})


@pytest.mark.parametrize(
    "uri",
    [
        "sip:600@127.0.0.1",
        "sip:600@pbx.example:5070;transport=tcp",
        "sip:127.0.0.1:5060",
        "sips:600@127.0.0.1",
    ],
)
def test_uris_that_can_be_called(uri: str) -> None:
    dial.check_uri(uri)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("600", "starts with sip:"),
        ("600@127.0.0.1", "starts with sip:"),
        ("sip:600@127.0.0.1:99999", "is not a port"),
        ("sip:600@", "has no host"),
        ("sips:600@127.0.0.1;transport=udp", "has no UDP"),
        ("sip:600@127.0.0.1;transport=sctp", "not supported"),
    ],
)
def test_others_are_told_how_to_write_it(uri: str, words: str) -> None:
    with pytest.raises(RequestError) as caught:
        dial.check_uri(uri)
    assert words in str(caught.value)
    assert "sip:USER@HOST:PORT" in str(caught.value)


@pytest.mark.parametrize("pressed", ["123E", "1 2", "+49", "1" * 65])
def test_keys_that_are_on_no_keypad(file: Path, pressed: str) -> None:
    arguments = ["sip:600@127.0.0.1", "--dtmf", pressed, "--config", str(file)]
    assert cli.run(["call", *arguments]) == Exit.USAGE


def test_keys_of_a_keypad() -> None:
    dial.check_keys("")
    dial.check_keys("0123456789*#ABCDabcd")


def test_accounts_and_trunks_are_called_from_by_name(config: Config) -> None:
    for name in ("", "pbx", "carrier"):
        dial.check_account(config, name)
    with pytest.raises(RequestError, match="'nobody'; there is: pbx, other, carrier"):
        dial.check_account(config, "nobody")
    with pytest.raises(RequestError, match="incoming has no `proxy`"):
        dial.check_account(config, "incoming")


def test_a_running_edge_keeps_its_port_and_its_registration(config: Config) -> None:
    settings = dial.sip_settings(config, DialRequest("sip:600@192.0.2.10", account="pbx"))
    assert settings.port == 0
    assert [(account.name, account.registers) for account in settings.accounts] == [("pbx", False)]


def test_sip_messages_are_shown_on_demand(config: Config) -> None:
    assert not dial.sip_settings(config, DialRequest("sip:1@192.0.2.1")).log_messages
    assert dial.sip_settings(config, DialRequest("sip:1@192.0.2.1", show_sip=True)).log_messages


BAD_CALLS = {
    "no URI": (["600"], "600: a SIP URI starts with sip:"),
    "no account": (["sip:600@127.0.0.1", "--account", "x"], "no account or trunk 'x'"),
    "no WAV": (["sip:600@127.0.0.1", "--wav", __file__], "it must be a WAV file of 16 bit PCM"),
    "no folder": (["sip:600@127.0.0.1", "--record", "/no/such/folder.wav"], "No such file"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_call_that_cannot_be_placed_is_a_wrong_command_line(
    file: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    arguments, words = BAD_CALLS[case]
    assert cli.run(["call", *arguments, "--config", str(file)]) == Exit.USAGE
    told = capsys.readouterr()
    assert told.err.startswith("sipua: ")
    assert words in told.err
    assert told.out == ""


def test_without_a_file_a_second_of_tone_is_said(tmp_path: Path) -> None:
    tone = dial._sound(DialRequest("sip:1@192.0.2.1", tone_hz=1000))
    assert len(tone) == 24000 * 2
    audio.write_wav(tmp_path / "said.wav", audio.tone(300, 500), rate_hz=8000)
    said = dial._sound(DialRequest("sip:1@192.0.2.1", wav=tmp_path / "said.wav"))
    assert len(said) == 12000 * 2


def test_no_key_of_a_model_is_needed(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    file.write_text(CONFIG + '[engine]\ntype = "openai_realtime"\n')
    assert cli.run(["call", "600", "--config", str(file)]) == Exit.USAGE
    assert "starts with sip:" in capsys.readouterr().err
