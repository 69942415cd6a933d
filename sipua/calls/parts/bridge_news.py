"""What a call's bridge tells, as events of the call: the part that people look for."""

from __future__ import annotations

from collections.abc import Callable

from sipua.bridge.events import (
    BridgeEvent,
    EngineGone,
    EngineInUse,
    EngineOutage,
    Interrupted,
    ModelSilent,
    SourceMoved,
)
from sipua.events import call_events, engine_events
from sipua.events.event import Event
from sipua.log.throttle import Throttle
from sipua.rtp.events import Dtmf, LossReported, PacketsRefused
from sipua.rtp.hostport import join

QUALITY_INTERVAL_S = 30.0
"""Between two events about one call's quality; reports come every five seconds."""


class BridgeNews:
    def __init__(
        self, tell: Callable[[Event], None], refusals: Throttle, *, mask_dtmf: bool
    ) -> None:
        self._tell = tell
        self._refusals = refusals
        self._mask_dtmf = mask_dtmf
        self._quality = Throttle(QUALITY_INTERVAL_S)

    def on_event(self, event: BridgeEvent, now: float) -> None:
        told = self._told(event, now)
        if told is not None:
            self._tell(told)

    def _told(self, event: BridgeEvent, now: float) -> Event | None:
        match event:
            case Interrupted():
                return call_events.Interrupted(
                    item_id=event.item_id, played_ms=event.played_ms, by=event.by
                )
            case SourceMoved():
                return call_events.SourceMoved(address=join(*event.address), rank=event.rank)
            case Dtmf():
                # Card numbers and PINs are typed: the keys are masked by default.
                return call_events.Dtmf(
                    digit="?" if self._mask_dtmf else event.digit,
                    duration_ms=event.duration_ms,
                    inband=event.inband,
                    way=event.way,
                )
            case EngineInUse():
                return engine_events.EngineInUse(
                    engine=event.engine,
                    why=event.why,
                    session_id=event.session_id,
                    gap_ms=event.gap_ms,
                    restored=event.restored,
                    caught_up_ms=event.caught_up_ms,
                    connect_ms=event.connect_ms,
                )
            case EngineOutage():
                return engine_events.EngineOutage(engine=event.engine, cause=event.cause)
            case EngineGone():
                return engine_events.EngineGone(engine=event.engine, cause=event.cause)
            case ModelSilent() if event.action != "waiting":
                return engine_events.EngineSilent(waited_ms=event.waited_ms, action=event.action)
            case LossReported() if self._quality.ask("loss", now) is not None:
                return call_events.Quality(
                    remote_fraction_lost=round(event.fraction_lost, 3),
                    remote_lost=event.lost,
                    remote_jitter_ms=round(event.jitter_ms, 1),
                    round_trip_ms=event.round_trip_ms and round(event.round_trip_ms, 1),
                )
            case PacketsRefused():
                kept_back = self._refusals.ask("refused", now)
                if kept_back is not None:
                    return call_events.SourceRefused(
                        datagrams=event.counts, lines_kept_back=kept_back
                    )
        return None
