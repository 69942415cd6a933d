from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.calls.steered_edge import SteeredEdge
from support.calls.steered_line import Line
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp


@pytest.fixture
def steered_edge(tmp_path: Path) -> Iterator[Callable[..., SteeredEdge]]:
    started: list[SteeredEdge] = []

    def start(config: dict[str, Any] | None = None) -> SteeredEdge:
        started.append(SteeredEdge(tmp_path / f"edge-{len(started)}", config))
        return started[-1]

    yield start
    for edge in started:
        edge.close()


@pytest.fixture
def line(
    steered_edge: Callable[..., SteeredEdge], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> Callable[..., Line]:
    """A call that is up."""

    def begin(
        scenario: str,
        *,
        config: dict[str, Any] | None = None,
        caller: audio.Pcm | None = None,
        **values: Any,
    ) -> Line:
        edge = steered_edge(config or {"agent": {"greeting": False}})
        media = far_end(1, audio.silence(20) if caller is None else caller, repeat=True)
        run = sipp.start(scenario, edge.address, media=media, **values)
        return Line(edge, run, media, str(edge.wait_event("call.confirmed")["call_id"]))

    return begin
