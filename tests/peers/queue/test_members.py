"""Members of queues sign in and out: from their own phones, by the API, by the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.cli import main as cli
from support.calls.api import TOKENS, Api, api_config
from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp

pytestmark = pytest.mark.sound

QUIET = np.zeros(1600, np.int16)
TONES_HZ = (523.3, 784.0)


def states(api: Api) -> dict[str, tuple[str, str]]:
    (queue,) = api.get("/v1/queues", right="readonly")["queues"]
    return {one["name"]: (one["state"], one["reason"]) for one in queue["members"]}


def power(pcm: audio.Pcm, hz: float) -> float:
    wave = np.exp(-2j * np.pi * hz * np.arange(len(pcm)) / 8000)
    return float(abs(pcm.astype(np.float64) @ wave) / len(pcm))


def loudest(pcm: audio.Pcm) -> list[float]:
    """Which of both tones was heard, in order, each once."""
    heard: list[float] = []
    for at in range(0, len(pcm) - 800, 400):
        piece = pcm[at : at + 800]
        hz = max(TONES_HZ, key=lambda one: power(piece, one))
        if power(piece, hz) > 500 and heard[-1:] != [hz]:
            heard.append(hz)
    return heard


def test_a_member_signs_out_by_a_code_and_stays_so(
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
    capsys: Any,
) -> None:
    phones = sipp.start("uas_answer", calls=2, pause_ms=100)
    members = [{"name": name, "target": f"sip:{name}@{phones.address}"} for name in ("anna", "ben")]
    edge = edge_factory(
        {
            "api": api_config(),
            "trunks": [{"name": "office", "hosts": ["127.0.0.1"]}],
            "routes": [{"name": "front", "queue": "people"}],
            "queues": [{"name": "people", "members": members, "strategy": "in_order"}],
            "queue_members": {
                "sign_in_code": "*60",
                "sign_out_code": "*61",
                "pause_code": "*62",
                "accounts": ["office"],
                "file": str(tmp_path / "members.json"),
            },
        }
    )
    media = far_end(1, QUIET)
    dials = sipp.start(
        "uac_call_ended_by_peer", edge.address, media=media, service="*61", FROM="anna"
    )
    assert dials.wait(check=False).ok, str(dials.result())
    said = edge.wait_event("queue.member")
    assert (said["member"], said["state"], said["by"]) == ("anna", "signed_out", "dialled")
    end = edge.wait_event("call.ended", call_id=edge.events(name="call.incoming")[0]["call_id"])
    assert (end["end"]["reason"], end["end"]["detail"]) == ("queue", "queue member: signed out")
    (stream,) = media.finish()
    assert loudest(stream.pcm()) == [784.0, 523.3], "two tones, downwards"
    forbidden = sipp.run("uac_rejected", edge.address, service="*60", STATUS="403", FROM="eve")
    assert forbidden.ok, str(forbidden)
    assert edge.wait_event("call.rejected")["rule"] == "queues.members"

    api = Api(edge)
    path = "/v1/queues/people/members"
    assert api.ask("POST", f"{path}/cleo", {"presence": "paused"}).kind == "not-found"
    refused = api.ask("POST", f"{path}/ben", {"presence": "paused"}, right="readonly")
    assert refused.status == 403
    assert states(api) == {"anna": ("signed_out", ""), "ben": ("free", "")}
    caller = sipp.run("uac_call", edge.address, pause_ms=500)
    assert caller.ok, str(caller)
    assert edge.wait_event("queue.offered")["members"] == ["ben"], "though anna comes first"

    paused = api.ask("POST", f"{path}/ben", {"presence": "paused", "reason": "lunch"})
    assert paused.json["members"][1]["reason"] == "lunch"
    assert edge.wait_event("queue.member", count=2)["by"] == "admin"
    assert edge.stop() == 0
    edge.start()
    api = Api(edge, start=2)
    assert states(api) == {"anna": ("signed_out", ""), "ben": ("paused", "lunch")}

    token = tmp_path / "token"
    token.write_text(TOKENS["operator"])
    asked = ["--url", api.url, "--token-file", str(token)]
    assert cli.run(["queue", "people", "--sign-in", "anna", *asked]) == 0
    shown = capsys.readouterr().out
    assert "anna: free" in shown
    assert "ben: paused: lunch" in shown
    assert sipp.run("uac_call", edge.address, pause_ms=500).ok
    assert edge.wait_event("queue.offered", count=2)["members"] == ["anna"]
    assert edge.events(name="engine.in_use") == [], "nobody talked with an agent"
    assert edge.events(name="call.failed") == []
