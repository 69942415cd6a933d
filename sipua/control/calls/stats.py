"""How a call is at this moment."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from sipua.calls.sample import Sample
from sipua.control.calls import models
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.view.calls import CallView
from sipua.control.view.quality import heard_mos, spoken_mos

WATCH_S: Final = 5.0
"""Who looks again within this finds the calls sampled each second."""
_AGAIN_S: Final = 1.0
_FRESH_S: Final = 1.5
_WAIT_S: Final = 0.6
_STEP_S: Final = 0.05


class Watching:
    """Has the workers sample their calls each second while somebody looks."""

    def __init__(self, link: EdgeLink, edge: EdgePort) -> None:
        self._link = link
        self._edge = edge
        self._asked_at = -WATCH_S

    async def now(self, call: CallView | None = None) -> None:
        """Somebody looks. `call`: at this one: wait a little for a sample of it that is not old.
        Raises ProblemError.
        """
        now = time.monotonic()
        if now - self._asked_at >= _AGAIN_S:
            self._asked_at = now
            await self._link.ask(lambda: self._edge.watch_calls(WATCH_S))
        if call is None:
            return
        for _ in range(round(_WAIT_S / _STEP_S)):
            if call.state == "ended" or _is_fresh(call.samples.latest):
                return
            await asyncio.sleep(_STEP_S)


def _is_fresh(sample: Sample | None) -> bool:
    return sample is not None and time.time() - sample.at_s < _FRESH_S


def stats_of(call: CallView) -> models.Stats:
    sample, media = call.samples.latest, call.media
    return models.Stats(
        at=None if sample is None else datetime.fromtimestamp(sample.at_s, UTC),
        talk="none" if sample is None or call.state == "ended" else sample.talk,
        held=call.held,
        muted=sorted(call.muted),
        codec=media.codec if media else None,
        remote=sample.remote if sample else None,
        received=_heard(call, sample) if sample else None,
        sent=_spoken(call, sample) if sample else None,
        round_trip_ms=sample.round_trip_ms if sample else None,
        leg_b=_second(sample) if sample else None,
        latency=models.Latency.model_validate(call.latency) if call.latency else None,
        engine=call.engine,
        engine_up=call.engine_up,
        interruptions=sample.interruptions if sample else 0,
        counters=call.stats or None,
    )


def _second(sample: Sample) -> models.SecondLeg | None:
    return None if sample.leg_b is None else models.SecondLeg(**asdict(sample.leg_b))


def _heard(call: CallView, sample: Sample) -> models.Heard:
    last = call.samples.last
    loss = last.loss_in if last else 0.0
    return models.Heard(
        ssrc=None if sample.ssrc is None else f"{sample.ssrc:08x}",
        packets=sample.packets_in,
        bytes=sample.bytes_in,
        lost=sample.lost_in,
        loss=loss,
        jitter_ms=sample.jitter_in_ms,
        hold_ms=sample.hold_ms,
        reordered=sample.reordered,
        late=sample.late,
        discarded=sample.discarded,
        mos=heard_mos(loss, sample) if sample.packets_in else None,
    )


def _spoken(call: CallView, sample: Sample) -> models.Spoken:
    return models.Spoken(
        ssrc=call.media.ssrc if call.media else None,
        packets=sample.packets_out,
        bytes=sample.bytes_out,
        lost=sample.lost_out,
        loss=sample.loss_out,
        jitter_ms=sample.jitter_out_ms,
        mos=spoken_mos(sample),
    )
