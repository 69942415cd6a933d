"""A reload while callers wait: their order and their music go on, the new limits count."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.calls.steered_line import stretch
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp

pytestmark = pytest.mark.sound

QUIET = np.zeros(1600, np.int16)
OLD_HZ, NEW_HZ = 500, 1250
WINDOW_S = 1.0


def music(home: Path, hz: int) -> str:
    path = home / f"{hz}.wav"
    audio.write_wav(path, audio.tone(hz, 2000), rate_hz=8000)
    return str(path)


def heard(pcm: audio.Pcm) -> set[int]:
    """Which music was heard at any time, in pieces of a tenth of a second; 0: neither was."""
    found = set()
    for at in range(0, len(pcm) - 800, 800):
        piece = pcm[at : at + 800]
        spectrum = np.abs(np.fft.rfft(piece)) / len(piece)
        levels = {hz: spectrum[round(hz / 10)] for hz in (OLD_HZ, NEW_HZ)}
        loud = max(levels, key=lambda hz: levels[hz])
        found.add(loud if levels[loud] > 300 else 0)
    return found


def test_callers_wait_on_through_a_reload(
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    def config(hz: int, max_calls: int) -> dict[str, Any]:
        queue = {"name": "support", "max_calls": max_calls, "music": music(tmp_path, hz)}
        return {
            "api": api_config(),
            "agent": {"greeting": False},
            "routes": [{"name": "front", "called": ["agent"], "queue": "support"}],
            "queues": [queue],
        }

    def reload(hz: int, max_calls: int) -> None:
        edge.write(config(hz, max_calls))
        done = len(edge.events(name="config.reloaded"))
        os.kill(edge.process.pid, signal.SIGHUP)
        edge.wait_event("config.reloaded", count=done + 1)

    edge = edge_factory(config(OLD_HZ, 1))
    api = Api(edge)
    media = [far_end(1, QUIET) for _ in range(4)]
    runs = []

    def call() -> str:
        at = len(runs)
        runs.append(sipp.start("uac_call_ended_by_peer", edge.address, media=media[at]))
        call_id = str(edge.wait_event("queue.joined", count=at + 1)["call_id"])
        edge.wait_event("queue.position" if at else "call.confirmed", call_id=call_id)
        return call_id

    def waiting() -> list[str]:
        (queue,) = api.get("/v1/queues")["queues"]
        return [one["call_id"] for one in queue["waiting"]]

    def hang_up(call_id: str) -> None:
        assert api.ask("POST", f"/v1/calls/{call_id}/hangup").status == 202

    calls = [call() for _ in range(3)]
    reload(NEW_HZ, 1)
    assert waiting() == calls[1:]
    calls.append(call())
    assert waiting() == calls[1:]
    time.sleep(WINDOW_S)
    reload(NEW_HZ, 2)
    edge.wait_event("queue.left", count=2)
    assert waiting() == calls[2:], "one slot more, and the next one has it"
    for number, gone in enumerate((calls[0], calls[1]), 3):
        hang_up(gone)
        edge.wait_event("queue.left", count=number)
    left = edge.events(name="queue.left")
    assert [(one["call_id"], one["reason"]) for one in left] == [(one, "served") for one in calls]
    for number in (2, 3):
        edge.wait_event("engine.in_use", call_id=calls[number])
        hang_up(calls[number])
    for run in runs:
        assert run.wait(check=False).ok, str(run.result())
    for number, hz in ((2, OLD_HZ), (3, NEW_HZ)):
        (stream,) = media[number].finish()
        begun = edge.events(name="call.confirmed", call_id=calls[number])[0]["ts"]
        waited = stretch(stream, begun, left[number]["ts"])[4000:-800]
        assert len(waited) > 2400
        assert heard(waited) == {hz}, "what it began with, without a pause"
        assert (stream.lost, len(set(stream.ssrc))) == (0, 1)
    assert edge.events(name="call.failed") == []
