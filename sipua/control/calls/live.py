"""A call that is up, looked at: how it is, how it was so far, what was said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sipua.control.calls import models
from sipua.control.calls.calls import found
from sipua.control.calls.stats import Watching, stats_of
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind
from sipua.control.http.tokens import Right
from sipua.control.link.state import State
from sipua.control.view.calls import CallView
from sipua.control.view.quality import Point


class LiveResource:
    def __init__(self, state: State, watch: Watching) -> None:
        self._state = state
        self._watch = watch

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/calls/{id}/stats",
                "show_call_stats",
                "How one call is at this moment.",
                self._stats,
                Right.READONLY,
                {200: models.Stats},
                problems=(Kind.NO_CALL,),
            ),
            Endpoint(
                "GET",
                "/v1/calls/{id}/history",
                "show_call_history",
                "How one call was heard, and who spoke when.",
                self._history,
                Right.READONLY,
                {200: models.History},
                problems=(Kind.NO_CALL,),
            ),
            Endpoint(
                "GET",
                "/v1/calls/{id}/transcript",
                "show_call_transcript",
                "What was said so far.",
                self._transcript,
                Right.OPERATOR,
                {200: models.Transcript},
                problems=(Kind.NO_CALL,),
            ),
        )

    async def _stats(self, asked: Asked) -> Answer:
        call = found(self._state, asked.path["id"])
        await self._watch.now(call)
        return Answer(stats_of(call))

    async def _history(self, asked: Asked) -> Answer:
        return Answer(history_of(found(self._state, asked.path["id"])))

    async def _transcript(self, asked: Asked) -> Answer:
        call = found(self._state, asked.path["id"])
        lines = [models.Line.model_validate(words) for words in call.words]
        return Answer(models.Transcript(lines=lines))


def history_of(call: CallView) -> models.History:
    zero = call.confirmed_at or call.created_at
    return models.History(
        zero=zero,
        points=[_shown(call, point, zero) for point in call.samples.points()],
        spans=[models.Span.model_validate(span) for span in call.spans],
    )


def _shown(call: CallView, point: Point, zero: datetime) -> models.Point:
    at_s = call.samples.began_s + point.at_s - zero.timestamp()
    return models.Point(
        at_ms=round(at_s * 1000),
        packets_in=point.packets_in,
        loss_in=point.loss_in,
        jitter_in_ms=point.jitter_in_ms,
        hold_ms=point.hold_ms,
        mos_in=point.mos_in,
        loss_out=point.loss_out,
        jitter_out_ms=point.jitter_out_ms,
        mos_out=point.mos_out,
        round_trip_ms=point.round_trip_ms,
    )
