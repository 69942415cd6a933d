"""docs/asterisk.md does what it says (25 s).

The configuration of Asterisk is taken out of the page; only the transport (and a context that
dials and records) is the bed's. The edge runs configs/asterisk-extension.toml with what its
comments say to change, and the commands of the page are run as they are printed. The model is
the local one: that is set by the environment.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.media import audio
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import GREETING, heard
from support.ports import PortBlock

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "asterisk.md").read_text()
LOCAL = {"SIPUA_ENGINE__TYPE": "local"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands(heading: str) -> list[str]:
    """The indented lines of a section, without what stands behind them as their output."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^    (\S.*)$", section, re.MULTILINE)
    return [line.partition("   #")[0].rstrip() for line in lines]


@pytest.fixture
def documented(asterisk_factory: Callable[[], Asterisk]) -> Asterisk:
    pjsip, extensions = blocks("ini")[:2]  # behind them: the same over IPv6
    asterisk = asterisk_factory()
    bind = f"bind=127.0.0.1:{asterisk.port}"
    home = asterisk.layout.home
    (home / "pjsip.conf").write_text(
        f"[global]\ntype=global\ndebug=yes\n[udp]\ntype=transport\nprotocol=udp\n{bind}\n{pjsip}"
    )
    recorder = (home / "extensions.conf").read_text()
    tell = (
        "[tell]\n"
        "exten => 700,1,Dial(Local/700@internal)\n"
        " same => n,NoOp(DIALSTATUS is ${DIALSTATUS})\n"
    )
    (home / "extensions.conf").write_text(extensions + recorder + tell)
    asterisk.restart()
    return asterisk


@pytest.fixture
def edge_file(tmp_path: Path, documented: Asterisk) -> Path:
    """Section 2 of the page, as a person does it."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    copy, password, check, serve = commands("2. Configure the edge")
    subprocess.run(["bash", "-ec", f"{copy}\n{password}"], cwd=tmp_path, check=True)
    file = tmp_path / "edge.toml"
    text = file.read_text()
    for key, value in {
        "registrar": f"sip:127.0.0.1:{documented.port};transport=udp",
        "user": "agent",
    }.items():
        text, count = re.subn(
            rf'^{key} = ".*"( +# change)', rf'{key} = "{value}"\1', text, flags=re.MULTILINE
        )
        assert count == 1, f"{key} is to be changed, and the example says so"
    text, count = re.subn(
        r"^password = .*# change, .*\n# (password_file = ).*",
        rf'\1"{tmp_path}/agent.password"',
        text,
        flags=re.MULTILINE,
    )
    assert count == 1
    file.write_text(text)
    checked = subprocess.run(
        ["bash", "-c", check], cwd=tmp_path, env=LOCAL, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert serve == ".venv/bin/sipua serve --config edge.toml"
    return file


def test_who_follows_the_page_can_dial_700(
    documented: Asterisk, edge_file: Path, edge_factory: Callable[..., Edge]
) -> None:
    edge = edge_factory(file=edge_file, env=LOCAL)
    edge.wait_event("registration.ok")
    documented.cli("core reload")
    (shown,) = (line for line in commands("3. Check that it works") if "pjsip" in line)
    inner = re.fullmatch("asterisk -rx '(.*)'", shown)
    assert inner is not None
    assert re.search(r"agent/sip:agent@\S+ +\S+ +Avail", documented.cli(inner[1]))

    documented.cli("channel originate Local/700@internal extension 60245@sipua")
    recording = documented.wait_recording(30)
    received = audio.read_wav(recording.received, rate_hz=8000)
    # Asterisk joins the two calls after the answer: the first frames are not recorded.
    greeting = GREETING[8 * 200 :]
    assert heard(greeting, received) < heard(audio.speech(SPEECH), received)
    ended = edge.wait_event("call.ended")
    told = [event["event"] for event in edge.events(call_id=ended["call_id"])]
    promised = re.findall(r"`(call\.\w+)`", PAGE.partition("Dial 700.")[2].partition("\n\n")[0])
    assert promised
    assert [name for name in told if name in promised] == promised


def test_without_a_model_the_dialplan_goes_on(
    documented: Asterisk, edge_file: Path, edge_factory: Callable[..., Edge]
) -> None:
    with PortBlock() as nobody:
        url = f"ws://127.0.0.1:{nobody.port()}"
        edge = edge_factory(file=edge_file, env=LOCAL | {"SIPUA_ENGINE__URL": url})
        edge.wait_event("registration.ok")
        documented.cli("channel originate Local/700@tell extension 6081@sipua")
        ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("edge", 503)
    documented.wait_idle()
    (status,) = set(re.findall(r"DIALSTATUS is (\w+)", documented.log))
    assert f"`DIALSTATUS={status}`" in PAGE
