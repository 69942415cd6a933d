"""`sipua call` against Asterisk: what it hears, what it tells, how it exits (13 s).

The calls are up together, each a process of its own; the tests look at what came of them.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.calls.edge import toml
from support.media import audio
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import account, heard, heard_whole
from support.ports import PortBlock
from support.process import Child, wait_until

pytestmark = [pytest.mark.peer, pytest.mark.sound, pytest.mark.timeout(180)]

SAID = audio.DATA / "speech-caller.wav"
RING_S = 3
CALLS: dict[str, list[str]] = {
    "echo by account": ["600", "--account", "sipua", "--after", "0.5", "--seconds", "4.8"],
    "echo by trunk": ["600", "--account", "by-address", "--after", "0.5", "--seconds", "4.8"],
    "speech": ["601", "--account", "by-address", "--after", "9", "--seconds", "9"],
    "hung up by Asterisk": ["6081", "--account", "sipua"],
    "busy": ["605", "--account", "sipua"],
    "forbidden": ["609", "--account", "sipua"],
    "rings for ever": ["606", "--account", "sipua"],
    "wrong password": ["600", "--account", "wrong"],
    "for people": ["600", "--account", "sipua", "--after", "0.5", "--seconds", "1.5"],
    "busy, for people": ["605", "--account", "sipua"],
}
HEARD = {"echo by account", "echo by trunk", "speech"}
HUMAN = ("for people", "busy, for people")


@dataclass(frozen=True, slots=True)
class Outcome:
    exit_status: int
    output: str
    recording: Path

    @property
    def json(self) -> dict[str, Any]:
        story: dict[str, Any] = json.loads(self.output)  # one object and nothing beside it
        return story

    def event(self, name: str) -> dict[str, Any]:
        events: list[dict[str, Any]] = [e for e in self.json["timeline"] if e["event"] == name]
        assert len(events) == 1, self.json["timeline"]
        return events[0]

    def heard(self) -> audio.Pcm:
        return audio.read_wav(self.recording, rate_hz=8000)


class Dialling:
    """Starts `sipua call`s with one configuration."""

    def __init__(self, home: Path, asterisk: Asterisk) -> None:
        self._home = home
        self._asterisk = asterisk
        self.ports = PortBlock()
        first, last = self.ports.range(200)
        self._file = home / "call.toml"
        accounts = [
            account(asterisk),
            account(asterisk, "sipua-ulaw", name="wrong", password="not-it"),
        ]
        trunk = {
            "name": "by-address",
            "hosts": ["127.0.0.1"],
            "proxy": f"sip:127.0.0.1:{asterisk.port}",
            "user": "somebody",
        }
        config = toml(
            {
                "rtp": {"port_min": first, "port_max": last},
                "calls": {"ring_timeout_s": RING_S},
                "accounts": accounts,
                "trunks": [trunk],
            }
        )
        self._file.write_text(config)
        self._file.chmod(0o600)

    def start(self, name: str, extension: str, *options: str) -> Child:
        host = f"127.0.0.1:{self._asterisk.port}"
        uri = extension if "@" in extension else f"sip:{extension}@{host}"
        record = self._home / f"{name}.wav"
        return Child(
            [
                *(sys.executable, "-m", "sipua", "call", uri, "--config", self._file),
                *("--wav", SAID, "--record", record, *options),
            ],
            self._home / f"{name}.out",
            # What pjsip prints at its start must not hide in a buffer and come out behind the JSON.
            env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
        )

    def outcome(self, name: str, child: Child) -> Outcome:
        status = child.wait(60)
        return Outcome(status, child.log.read_text(), self._home / f"{name}.wav")


@pytest.fixture(scope="module")
def dialling(
    tmp_path_factory: pytest.TempPathFactory, shared_asterisk: Asterisk
) -> Iterator[Dialling]:
    dialling = Dialling(tmp_path_factory.mktemp("dialling"), shared_asterisk)
    yield dialling
    dialling.ports.close()


@pytest.fixture
def peer(shared_asterisk: Asterisk) -> Asterisk:
    """As the calls have left it; `asterisk` would begin with a clean one."""
    return shared_asterisk


@pytest.fixture(scope="module")
def calls(dialling: Dialling) -> dict[str, Outcome]:
    ended: dict[str, Outcome] = {}
    # Those whose sound is judged come first: starting the others takes all of a small machine.
    for group in (HEARD, CALLS.keys() - HEARD):
        started = {
            name: dialling.start(name, *CALLS[name], *([] if name in HUMAN else ["--json"]))
            for name in sorted(group)
        }
        ended |= {name: dialling.outcome(name, child) for name, child in started.items()}
    return ended


@pytest.mark.parametrize("way", ["account", "trunk"])
def test_an_echo_brings_back_what_was_said(calls: dict[str, Outcome], way: str) -> None:
    call = calls[f"echo by {way}"]
    assert call.exit_status == 0
    heard(audio.speech("caller"), call.heard())  # each sends when it gets the processor
    story = call.json
    assert (story["answered"], story["ended_by"], story["status"]) == (True, "us", 200)
    assert story["recording"] == str(call.recording)
    assert story["advice"] == ""
    assert story["heard_dbfs"] > -40
    moments = [event["at_ms"] for event in story["timeline"]]
    assert moments == sorted(moments)
    assert call.event("speaking")["at_ms"] - call.event("answered")["at_ms"] >= 499


def test_what_an_announcement_says_is_recorded(calls: dict[str, Outcome]) -> None:
    call = calls["speech"]
    assert call.exit_status == 0
    said = audio.speech(SPEECH)
    heard_whole(said[: len(said) // 160 * 160 - 160], call.heard())  # Asterisk keeps the last 2 ms
    assert call.json["ended_by"] == "peer"


def test_a_hang_up_by_the_other_side_is_a_good_end(calls: dict[str, Outcome]) -> None:
    call = calls["hung up by Asterisk"]
    assert (call.exit_status, call.json["ended_by"]) == (0, "peer")
    assert call.event("ended")["at_ms"] - call.event("answered")["at_ms"] > 900
    # Asterisk waited, and sent nothing.
    assert (call.json["received_packets"], call.json["heard_s"]) == (0, 0)
    assert "no RTP came" in call.json["advice"]


@pytest.mark.parametrize(
    ("name", "status", "advice"), [("busy", 486, "busy"), ("forbidden", 403, "refuses")]
)
def test_a_refusal_is_exit_code_6(
    calls: dict[str, Outcome], name: str, status: int, advice: str
) -> None:
    call = calls[name]
    assert call.exit_status == 6
    assert (call.event("ended")["status"], call.event("ended")["by"]) == (status, "peer")
    assert advice in call.json["advice"]
    assert not call.json["answered"]


def test_a_call_that_nobody_takes_is_cancelled(calls: dict[str, Outcome], peer: Asterisk) -> None:
    call = calls["rings for ever"]
    assert call.exit_status == 6
    assert call.event("progress")["status"] == 180
    assert call.json["cause"] == f"no answer within {RING_S} s"
    assert call.event("ended")["status"] == 487
    assert len(peer.sip_messages("CANCEL sip:606@", sent=False)) == 1


def test_a_wrong_password_is_tried_once(calls: dict[str, Outcome], peer: Asterisk) -> None:
    call = calls["wrong password"]
    assert (call.exit_status, call.event("ended")["status"]) == (6, 401)
    assert "--account" in call.json["advice"]
    invites = peer.sip_messages("INVITE sip:600@", sent=False)
    tried = [invite for invite in invites if 'username="sipua-ulaw"' in invite]
    assert len(tried) == 1
    assert "not-it" not in call.output


def test_it_never_registers(calls: dict[str, Outcome], peer: Asterisk) -> None:
    """With one contact per extension it would take the calls of an edge that runs."""
    assert calls["echo by account"].exit_status == 0
    assert peer.sip_messages("REGISTER", sent=False) == []


def test_people_get_a_story_to_read(calls: dict[str, Outcome]) -> None:
    call = calls["for people"]
    assert call.exit_status == 0
    lines = call.output.splitlines()
    events = [line.split()[2] for line in lines if " ms  " in line]
    assert events == ["invite", "media", "answered", "speaking", "ended"]
    assert any(line.startswith("  heard 1.") and "PCMU" in line for line in lines)
    assert f"  written to {call.recording}" in lines

    call = calls["busy, for people"]
    assert call.exit_status == 6
    assert "  not answered: 486 Busy Here\n  -> the far side is busy" in call.output


def test_an_unknown_host_is_told(dialling: Dialling) -> None:
    unknown = dialling.start("unknown", "sip:600@no-such-host.invalid", "--json")
    call = dialling.outcome("unknown", unknown)
    assert call.exit_status == 6
    assert "host name" in call.json["advice"]
    assert call.event("ended")["by"] == "network"


def test_ctrl_c_hangs_up(dialling: Dialling, peer: Asterisk) -> None:
    child = dialling.start("ctrl-c", "600", "--account", "sipua", "--seconds", "60", "--json")
    wait_until(lambda: [c.application for c in peer.channels()] == ["Echo"], 30, "the call")
    child.send(signal.SIGINT)
    call = dialling.outcome("ctrl-c", child)
    assert (call.exit_status, call.json["cause"]) == (130, "Ctrl-C")
    peer.wait_idle(3)
