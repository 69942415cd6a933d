"""docs/operations.md, "One bad call in five commands", as printed: from a caller's number and the
hour to the cause, for calls that real faults have spoilt.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.calls.rehearsed_call import ASKED_MS, CALLER
from support.commands import environment, shell
from support.engine.scenarios import scenario
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.sound]

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
SLOW = """
    [[steps]]
    on = "speech"
    stall_ms = 5000
    times = 0
"""
LOSS, MODEL, NO_RTP = "+4915112340001", "+4915112340002", "+4915112340003"


def printed() -> list[str]:
    section = PAGE.partition("## One bad call in five commands")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    lines = block.splitlines()
    assert len(lines) == 5
    return lines


def test_three_bad_calls_are_found_and_their_causes_named(
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    home = tmp_path / "edge"
    home.mkdir()
    edge = edge_factory(
        {
            "api": api_config(),
            "agent": {"scenario": scenario(tmp_path, SLOW)},
            "engine": {"turn_detection": {"silence_duration_ms": 300}},
            "record": {"enabled": True, "directory": str(home / "records")},
            "cdr": {"directory": str(home / "cdr")},
            "rtp": {"timeout_s": 3},
        }
    )
    about = f"{datetime.now().astimezone():%H:%M}"
    losing = far_end(1, audio.silence(20), repeat=True, lose_every=10)
    speaking = far_end(1, CALLER)
    calls = [
        sipp.start("uac_call", edge.address, media=losing, pause_ms=8000, FROM=LOSS),
        sipp.start(
            "uac_call",
            edge.address,
            media=speaking,
            pause_ms=round(ASKED_MS + 8000),
            FROM=MODEL,
        ),
        sipp.start("uac_call_ended_by_peer", edge.address, FROM=NO_RTP),
    ]
    for call in calls:
        call.wait()
    env = environment(tmp_path, Api(edge))
    folder = edge.file.parent
    listing, *others = printed()

    def found(number: str) -> str:
        line = listing.replace("1234", number).replace("15:00", about)
        done = shell(line, env, folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def told(number: str) -> tuple[str, list[str]]:
        wait_until(lambda: "c-" in found(number), 10, f"the row of {number}")
        _, line = found(number).splitlines()  # this call and no other
        match = re.search(r"\bc-[a-z0-9]+", line)
        assert match is not None
        said = []
        for command in others:
            done = shell(command, {**env, "ID": match[0]}, folder)
            if not command.startswith("sipua doctor"):  # it may find this machine unfit
                assert done.returncode == 0, done.stdout + done.stderr
                assert match[0] in done.stdout or "INVITE sip:" in done.stdout
            said.append(done.stdout)
        assert len(said) == 4
        return line, said

    line, (page, record, ladder, doctor) = told(LOSS)
    assert re.search(r"caller: hangup  ! loss (9|10|11)% in", line)
    assert "of the caller's packets got lost on their way to us" in page
    assert "look at: the network" in page
    assert re.search(r"talked ([89]|1[0-9])\.", record)
    assert "INVITE sip:" in ladder
    assert "pjsua2" in doctor

    line, (page, record, ladder, _) = told("0151/1234-0002")
    assert re.search(r"! answers [5-9]\.[0-9] s late", line)
    assert "answers came late" in page
    why = r"the model was slow \([45]\.[0-9] s of the slowest, in turn [0-9]\)"
    assert re.search(why, " ".join(page.split()))
    assert re.search(r"answer [5-9][0-9]{3} ms .*model [45][0-9]{3}", record)
    assert "200 OK (" in ladder

    line, (page, _, ladder, _) = told("0003")
    assert line.endswith("edge: media_timeout (network)  ! no RTP")
    assert "no RTP came from the other side, not one packet in 3" in " ".join(page.split())
    assert "rtp.public_address" in page
    assert "BYE sip:" in ladder
