"""Queues with real peers: SIPp calls and is called, its far end hears."""

from __future__ import annotations

import json
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
from support.peers.pbx import GREETING, heard
from support.peers.sipp import Sipp, SippRun
from support.process import wait_until

pytestmark = pytest.mark.sound

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]

QUIET = np.zeros(1600, np.int16)
HOLD_DBFS, SPEECH_DBFS = -60, -25


def sound(home: Path, name: str, pcm: audio.Pcm) -> str:
    path = home / f"{name}.wav"
    audio.write_wav(path, pcm, rate_hz=8000)
    return str(path)


def config(queue: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "api": api_config(),
        "routes": [{"name": "front", "called": ["agent"], "queue": "support"}],
        "queues": [{"name": "support", **queue}],
        **more,
    }


def rows(home: Path, count: int) -> dict[str, dict[str, Any]]:
    """The rows of calls, by their ids."""

    def written() -> list[str]:
        files = [file for folder in home.rglob("cdr") for file in folder.rglob("*.jsonl")]
        lines = [line for file in files for line in file.read_text().splitlines(keepends=True)]
        return lines if len(lines) >= count and lines[-1].endswith("\n") else []

    return {row["id"]: row for row in map(json.loads, wait_until(written, 20, "rows"))}


def of(edge: Edge, name: str, call_id: str) -> list[Any]:
    return edge.events(name=name, call_id=call_id)


def test_three_callers_and_one_slot(
    edge_factory: Edges,
    sipp: Sipp,
    far_end: FarEnds,
    tmp_path: Path,
    capsys: Any,
) -> None:
    """Who waits hears music, the place and then the agent; first come, first served."""
    said = sound(tmp_path, "said", audio.speech("pbx")[:8000])
    edge = edge_factory(
        config(
            {
                "max_calls": 1,
                "announcement": said,
                "position_text": "You are number {position}.",
                "announce_every_s": 60,
            }
        )
    )
    api = Api(edge)
    media = [far_end(1, QUIET) for _ in range(3)]
    runs: list[SippRun] = []
    for number, length_ms in enumerate((3000, 6500, 10_000)):
        runs.append(sipp.start("uac_call", edge.address, media=media[number], pause_ms=length_ms))
        edge.wait_event("queue.joined", count=number + 1)
        edge.wait_event("queue.position" if number else "call.confirmed", count=number or 1)
    first, second, third = (event["call_id"] for event in edge.events(name="queue.joined"))
    (queue,) = api.get("/v1/queues", right="readonly")["queues"]
    assert [one["call_id"] for one in queue["waiting"]] == [second, third]
    assert (queue["serving"], queue["servers"]) == (1, 1)
    token = tmp_path / "token"
    token.write_text(TOKENS["readonly"])
    assert cli.run(["queue", "support", "--url", api.url, "--token-file", str(token)]) == 0
    shown = capsys.readouterr().out
    assert f"1. {second}" in shown
    assert f"2. {third}" in shown
    for run in runs:
        run.wait()
    edge.wait_event("call.ended", count=3)

    served = [event["call_id"] for event in edge.events(name="queue.left")]
    assert served == [first, second, third]
    assert {event["reason"] for event in edge.events(name="queue.left")} == {"served"}
    assert of(edge, "queue.position", first) == [], "its turn came at once"
    names = [event["event"] for event in edge.events(call_id=first)]
    assert names.index("engine.in_use") < names.index("call.answered"), "as without a queue"
    assert [event["position"] for event in of(edge, "queue.position", third)] == [2, 1]
    assert len(edge.events(name="engine.in_use")) == 3
    for number, one in enumerate(media[1:], 1):
        (stream,) = one.finish()
        pcm = stream.pcm()
        began_ms = heard(GREETING, pcm)
        waited = pcm[: int(began_ms * 8)]
        said_ms = heard(audio.speech("pbx")[:8000], waited[:24_000])
        spoken = waited[int(said_ms * 8) + 8000 :][:16_000]
        assert audio.level_dbfs(spoken) > SPEECH_DBFS, "and behind it the place, by espeak-ng"
        assert audio.level_dbfs(waited[-8000 * number :]) > HOLD_DBFS, "music"
        assert (stream.lost, len(set(stream.ssrc))) == (0, 1)
    found = rows(tmp_path, 3)
    (wait,) = found[third]["queues"]
    assert (wait["name"], wait["reason"]) == ("support", "served")
    assert wait["waited_ms"] > of(edge, "queue.left", second)[0]["waited_ms"] > 500
    assert found[first]["queues"][0]["waited_ms"] < 500
    assert edge.events(name="call.failed") == []


def test_ways_out_of_a_queue(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    """By a key, after too long, and not even into it: while another caller has the agent."""
    bye = sound(tmp_path, "bye", audio.speech("short"))
    queue = {
        "max_calls": 1,
        "max_callers": 1,
        "max_wait_s": 1.5,
        "keys": {"9": {"hang_up": True}},
        "on_timeout": {"prompt": bye},
    }
    edge = edge_factory(config(queue))
    talks = sipp.start("uac_call_ended_by_peer", edge.address)
    edge.wait_event("queue.left")
    media = far_end(1, QUIET)
    too_long = sipp.start("uac_call_ended_by_peer", edge.address, media=media)
    edge.wait_event("queue.position")
    busy = sipp.run("uac_rejected", edge.address, STATUS="486")
    assert busy.ok
    too_long.wait()
    sipp.run("uac_key_and_bye", edge.address, BODY="Signal=9", AFTER="400")
    left = [(event["reason"], event.get("key")) for event in edge.events(name="queue.left")]
    assert left == [("served", None), ("full", None), ("timeout", None), ("key", "9")]
    (stream,) = media.finish()
    heard(audio.speech("short"), stream.pcm())
    edge.wait_event("call.ended", count=3)
    ends = [event["end"] for event in edge.events(name="call.ended")]
    assert [(end["reason"], end["detail"]) for end in ends] == [
        ("queue", "queue support: full"),
        ("queue", "queue support: timeout"),
        ("queue", "queue support: key 9"),
    ]
    assert edge.stop() == 0
    talks.wait(check=False)


def test_ring_all_and_one_answers(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    """The one who is busy is left out, the one who still rings gets CANCEL."""
    # Short ones, over and over: both sides speak before they are joined.
    of_caller, of_member = audio.speech("caller")[:8000], audio.speech("pbx")[:8000]
    pause = audio.silence(500)
    target_media = far_end(1, np.concatenate([of_member, pause]), repeat=True)
    caller = far_end(1, np.concatenate([of_caller, pause]), repeat=True)
    busy = sipp.start("uas_reject", STATUS="486 Busy Here")
    rings = sipp.start("uas_ring")
    answers = sipp.start("uas_ring_and_hang_up", media=target_media, AFTER="700", pause_ms=4500)
    members = [
        {"name": name, "target": f"sip:{name}@{run.address}"}
        for name, run in (("busy", busy), ("rings", rings), ("answers", answers))
    ]
    edge = edge_factory(
        config({"members": members, "ring_s": 15}, tools={"transfer": {"settle_s": 1}})
    )
    run = sipp.start("uac_call_ended_by_peer", edge.address, media=caller)
    (connected,) = [edge.wait_event("queue.connected")]
    assert (connected["member"], connected["failed"]) == ("answers", {"busy": "busy"})
    assert rings.wait(check=False).ok, "CANCEL, and 487"
    states = {
        one["name"]: one["state"] for one in Api(edge).get("/v1/queues")["queues"][0]["members"]
    }
    assert states == {"busy": "resting", "rings": "free", "answers": "talking"}
    assert answers.wait(check=False).ok, str(answers.result())
    assert run.wait(check=False).ok, "the member hangs up, and so do we"
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("target", "target_hangup")
    (to_caller,), (to_member,) = caller.finish(), target_media.finish()
    assert audio.find(of_member, to_caller.pcm()).score > 0.9
    assert audio.find(of_caller, to_member.pcm()).score > 0.9
    for stream in (to_caller, to_member):
        assert (stream.lost, len(set(stream.ssrc))) == (0, 1)
    (row,) = rows(tmp_path, 1).values()
    (wait,) = row["queues"]
    assert (wait["reason"], wait["member"]) == ("served", "answers")
    assert not edge.events(name="engine.in_use"), "it has cost no session"
    assert edge.events(name="call.failed") == []


def test_the_agent_gives_the_caller_to_people_and_has_it_back(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    """By the HTTP interface, as by the tool; nobody is there, so another agent takes the call."""
    busy = sipp.start("uas_reject", STATUS="486 Busy Here")
    people = {
        "name": "people",
        "members": [{"name": "anna", "target": f"sip:anna@{busy.address}"}],
        "max_wait_s": 1.5,
        "on_timeout": {"agent": "sorry"},
    }
    edge = edge_factory(
        {
            "api": api_config(),
            "routes": [{"name": "front", "called": ["agent"]}, {"name": "sorry", "called": ["x"]}],
            "queues": [people],
            "tools": {"builtin": ["transfer"], "transfer": {"targets": {"people": "queue:people"}}},
        }
    )
    api = Api(edge)
    media = far_end(1, QUIET)
    run = sipp.start("uac_call_ended_by_peer", edge.address, media=media)
    edge.wait_event("call.confirmed")
    edge.wait_event("turn.agent", timeout_s=20)
    (call,) = api.get("/v1/calls?state=active")["calls"]
    assert api.ask("POST", f"/v1/calls/{call['id']}/queue", {"queue": "none"}).status == 404
    assert api.ask("POST", f"/v1/calls/{call['id']}/transfer", {"to": "people"}).status == 202
    missed = edge.wait_event("queue.missed")
    assert missed["failed"] == {"anna": "busy"}
    again = api.ask("POST", f"/v1/calls/{call['id']}/queue", {"queue": "people"})
    assert (again.status, again.kind) == (409, "wrong-state")
    left = edge.wait_event("queue.left")
    assert (left["reason"], left["to"]) == ("timeout", "agent sorry")
    edge.wait_event("engine.in_use", count=2)
    edge.wait_event("turn.agent", count=2, timeout_s=20)
    assert api.ask("POST", f"/v1/calls/{call['id']}/hangup").status == 202
    run.wait()
    media.finish()
    edge.wait_event("call.ended")
    assert edge.events(name="call.failed") == []
