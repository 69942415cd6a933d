"""A call that is up, looked at: what the API says of it, judged by what the peer sent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.sound]

Edges = Callable[..., Edge]
Ends = Callable[..., RtpFarEnd]


def test_first(edge_factory: Edges, sipp: Sipp, far_end: Ends) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    end = far_end(1, audio.silence(12_000))
    call = sipp.start("uac_call", edge.address, media=end, pause_ms=8000)
    (shown,) = wait_until(lambda: api.get("/v1/calls?state=active")["calls"], 20, "call")
    path = f"/v1/calls/{shown['id']}"
    for _ in range(4):
        time.sleep(1.5)
        began = time.monotonic()
        print(json.dumps(api.get(f"{path}/stats")), time.monotonic() - began)
    print(json.dumps(api.get(f"{path}/history")))
    assert call.wait().ok
    time.sleep(0.5)
    print(json.dumps(api.get(f"{path}/stats")))
    print(json.dumps(api.get(f"{path}/history")))
    for one in api.get(f"{path}/sip")["messages"]:
        print({**one, "text": len(one["text"])})
    print([line for line in edge.log.splitlines() if "failed" in line or "fault" in line])
    assert 0
