"""Traces of real calls: what a collector gets is read with OpenTelemetry's own types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.calls.edge import Edge
from support.calls.hook_server import HookServer, answer, later
from support.calls.otlp_receiver import Seen, trees, within
from support.calls.rehearsed_call import GREETING_MS, SAID, SAID_MS
from support.engine.scenarios import scenario
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]


def received(server: HookServer, count: int = 1) -> list[Seen]:
    return wait_until(
        lambda: found if len(found := trees(server.requests)) >= count else [], 15, "the trace"
    )


def told(edge: Edge, name: str, **fields: Any) -> list[dict[str, Any]]:
    return [event for event in edge.events(name=name) if fields.items() <= event.items()]


def config(url: str, **traces: Any) -> dict[str, Any]:
    return {"traces": {"enabled": True, "endpoint": url, **traces}}


@pytest.mark.sound
def test_a_call_with_a_tool_an_interruption_and_an_outage(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd], tmp_path: Path
) -> None:
    plan = scenario(
        tmp_path,
        """
        [[steps]]
        on = "greeting"

        [[steps]]
        on = "speech"
        scope = "server"
        call = [{ name = "find_order", arguments = { order = "17" } }]

        [[steps]]
        on = "tool_result"
        scope = "server"
        tone_ms = 8000

        [[steps]]
        on = "speech"
        scope = "server"
        close = 1011
        after_ms = 300
        tone_ms = 4000

        [[steps]]
        on = "any"
        tone_ms = 1000
        """,
    )
    tool = {
        "name": "find_order",
        "description": "Looks up an order.",
        "parameters": {"type": "object"},
    }
    caller = np.concatenate(
        [audio.silence(GREETING_MS + 500), SAID, audio.silence(3500), SAID, audio.silence(3000)]
    )
    with HookServer([answer(200)]) as collector, HookServer([later(0.5, answer(200))]) as crm:
        edge = edge_factory(
            {
                **config(collector.url),
                "agent": {"scenario": plan, "journal": tmp_path / "journal.jsonl"},
                "engine": {"turn_detection": {"silence_duration_ms": 300}},
                "tools": {"webhooks": [{**tool, "url": f"{crm.url}/find"}]},
            }
        )
        media = far_end(1, caller)
        call_ms = GREETING_MS + 2 * SAID_MS + 8000
        sipp.run("uac_call", edge.address, media=media, pause_ms=round(call_ms))
        media.finish()
        (root,) = received(collector)
    for span in sorted(root.all(), key=lambda s: s.start_s):
        print(
            f"{span.start_s - root.start_s:8.3f} {span.end_s - span.start_s:8.3f} {span.name:20} {span.attributes} {span.message}",
            [(h.name, round(h.at_s - root.start_s, 3), h.attributes) for h in span.happenings],
        )
    within(root)
    assert 0
