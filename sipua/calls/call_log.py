"""The log lines of a call's bridge events, for finding one bad call."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from sipua.bridge.events import BridgeEvent, Interrupted, SourceMoved
from sipua.log.throttle import Throttle
from sipua.rtp.events import Dtmf, LossReported, PacketsRefused
from sipua.rtp.hostport import join

QUALITY_INTERVAL_S = 30.0
"""Between two lines about one call's quality; reports come every five seconds."""


class CallLog:
    def __init__(self, log: FilteringBoundLogger, refusals: Throttle, *, mask_dtmf: bool) -> None:
        self._log = log
        self._refusals = refusals
        self._mask_dtmf = mask_dtmf
        self._quality = Throttle(QUALITY_INTERVAL_S)

    def on_event(self, event: BridgeEvent, now: float) -> None:
        match event:
            case Interrupted():
                self._log.info("call.interrupted", item_id=event.item_id, played_ms=event.played_ms)
            case SourceMoved():
                self._log.info("call.source", address=join(*event.address), rank=event.rank)
            case Dtmf():
                # Card numbers and PINs are typed: the keys are masked by default.
                self._log.info(
                    "call.dtmf",
                    digit="?" if self._mask_dtmf else event.digit,
                    duration_ms=event.duration_ms,
                    inband=event.inband,
                )
            case LossReported():
                self._warn_of_loss(event, now)
            case PacketsRefused():
                self._warn_of_refusals(event, now)

    def _warn_of_loss(self, event: LossReported, now: float) -> None:
        if self._quality.ask("loss", now) is None:
            return
        self._log.warning(
            "call.quality",
            remote_fraction_lost=round(event.fraction_lost, 3),
            remote_lost=event.lost,
            remote_jitter_ms=round(event.jitter_ms, 1),
            round_trip_ms=event.round_trip_ms and round(event.round_trip_ms, 1),
            fix="the caller hears gaps: packets get lost between this host and the peer",
        )

    def _warn_of_refusals(self, event: PacketsRefused, now: float) -> None:
        kept_back = self._refusals.ask("refused", now)
        if kept_back is not None:
            self._log.warning("rtp.refused", datagrams=event.counts, lines_kept_back=kept_back)
