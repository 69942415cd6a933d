"""One call, told in order: INVITE, ring, engine, answer, talk, end, one line for the record.

    IncomingCall ─▶ 180 ─▶ engine connects and prepares its greeting ─▶ 200 ─▶ ACK ─▶ talk
                      └── no engine in time: the configured status, never a silent caller

Signalling events arrive as methods (`on_media`, `on_confirmed`, `on_ended`), on the loop, and
never wait; what takes time is the one task of the call, `run`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from sipua import wiring
from sipua.bridge.call import CallBridge
from sipua.bridge.events import BridgeEvent, EngineGone, Interrupted, PeerSilent, SourceMoved
from sipua.bridge.websocket_errors import EngineConnectError
from sipua.call_capture import CallCapture
from sipua.rtp.events import Dtmf, LossReported, PacketsRefused
from sipua.sip.messages import (
    Answer,
    CallEnded,
    EndedBy,
    Hangup,
    NegotiatedMedia,
    Ring,
    SipCommand,
)
from sipua.throttle import Throttle

QUALITY_INTERVAL_S = 30.0
"""Between two lines about one call's quality; reports come every five seconds."""


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """What the configuration says about every call."""

    answer_at_once: bool
    ring_timeout_s: float
    max_duration_s: float
    connect_timeout_s: float
    failure_status: int
    greeting: str
    mask_dtmf: bool = True


class Call:
    def __init__(
        self,
        call_id: str,
        bridge: CallBridge,
        policy: CallPolicy,
        send: Callable[[SipCommand], None],
        log: FilteringBoundLogger,
        *,
        refusals: Throttle | None = None,
        capture: CallCapture | None = None,
    ) -> None:
        """`refusals`: shared by all calls, because who floods one port floods them all."""
        self.call_id = call_id
        self._bridge = bridge
        self._policy = policy
        self._send = send
        self._log = log
        self._capture = capture
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._confirmed_at: float | None = None
        self._held = False
        self._cause = ""
        self._outcome: CallEnded | None = None
        self._quality = Throttle(QUALITY_INTERVAL_S)
        self._refusals = refusals or Throttle()
        self._ended = asyncio.Event()
        bridge.on_event = self._on_bridge
        bridge.tap = capture.tap if capture else None

    async def run(self) -> None:
        """From the first ring to the last packet; returns when everything is given back."""
        limit = self._loop.call_later(
            self._policy.max_duration_s, self.hang_up, "the longest call duration is over"
        )
        setting_up = asyncio.create_task(self._set_up(), name=f"set-up {self.call_id}")
        try:
            await self._ended.wait()
        finally:
            limit.cancel()
            setting_up.cancel()
            await asyncio.gather(setting_up, return_exceptions=True)
            await self._bridge.close()
            if self._capture is not None:
                await self._capture.close()
            self._record()

    async def _set_up(self) -> None:
        self._send(Ring(self.call_id))
        self._log.info("call.ringing")
        if self._policy.answer_at_once:
            self._answer()
        try:
            await self._connect_engine()
        except EngineConnectError as error:
            self.hang_up(f"engine: {error.kind}", self._policy.failure_status)
            return
        except Exception as error:  # noqa: BLE001 (the caller must not hang because of our bug)
            self._log.error("call.failed", error=f"{type(error).__name__}: {error}", exc_info=error)
            self.hang_up("internal error", 500)
            return
        if not self._policy.answer_at_once:
            self._answer()

    async def _connect_engine(self) -> None:
        within_s = min(self._policy.connect_timeout_s, self._policy.ring_timeout_s)
        await self._bridge.connect(within_s)
        if self._policy.greeting:
            self._bridge.speak(self._policy.greeting)

    def _answer(self) -> None:
        self._send(Answer(self.call_id))
        self._log.info("call.answered", setup_ms=self._ms_since(self._began))

    def hang_up(self, cause: str, status: int = 0) -> None:
        """End the call from our side. The first cause stays: later ones are its echo."""
        self._cause = self._cause or cause
        self._send(Hangup(self.call_id, status))

    # --- from signalling ------------------------------------------------------------------

    def on_media(self, media: NegotiatedMedia) -> None:
        plan = wiring.media_plan(media)
        held = plan.on_hold
        if held != self._held:
            self._held = held
            self._log.info("call.held" if held else "call.resumed", direction=media.direction)
        ssrc = self._bridge.open_media(plan)
        self._log.info(
            "call.media",
            codec=media.codec,
            remote=f"{media.remote[0]}:{media.remote[1]}",
            direction=media.direction,
            ssrc=f"{ssrc:08x}",
        )

    def on_confirmed(self) -> None:
        self._confirmed_at = self._loop.time()
        self._log.info("call.confirmed")
        self._bridge.start()

    def on_ended(self, event: CallEnded) -> None:
        self._outcome = event
        self._ended.set()

    # --- from the bridge ------------------------------------------------------------------

    def _on_bridge(self, event: BridgeEvent) -> None:
        match event:
            case Interrupted():
                self._log.info("call.interrupted", item_id=event.item_id, played_ms=event.played_ms)
            case SourceMoved():
                self._log.info(
                    "call.source", address=f"{event.address[0]}:{event.address[1]}", rank=event.rank
                )
            case Dtmf():
                # Card numbers and PINs are typed: what was pressed is nobody's business by default.
                self._log.info(
                    "call.dtmf",
                    digit="?" if self._policy.mask_dtmf else event.digit,
                    duration_ms=event.duration_ms,
                    inband=event.inband,
                )
            case PeerSilent():
                self.hang_up(f"no RTP from the peer for {event.idle_s:.0f} s")
            case EngineGone():
                self.hang_up(f"engine {event.engine}: {event.cause}")
            case LossReported():
                self._warn_of_loss(event)
            case PacketsRefused():
                self._warn_of_refusals(event)

    def _warn_of_loss(self, event: LossReported) -> None:
        if self._quality.ask("loss", self._loop.time()) is None:
            return
        self._log.warning(
            "call.quality",
            remote_fraction_lost=round(event.fraction_lost, 3),
            remote_lost=event.lost,
            remote_jitter_ms=round(event.jitter_ms, 1),
            round_trip_ms=event.round_trip_ms and round(event.round_trip_ms, 1),
            fix="the caller hears gaps: packets get lost between this host and the peer",
        )

    def _warn_of_refusals(self, event: PacketsRefused) -> None:
        kept_back = self._refusals.ask("refused", self._loop.time())
        if kept_back is not None:
            self._log.warning("rtp.refused", datagrams=event.counts, lines_kept_back=kept_back)

    # --- the record -----------------------------------------------------------------------

    def _record(self) -> None:
        outcome = self._outcome
        talked = 0.0 if self._confirmed_at is None else self._loop.time() - self._confirmed_at
        self._log.info(
            "call.ended",
            by=EndedBy.US if outcome is None else outcome.by,
            status=outcome.status if outcome else 0,
            reason=self._cause or (outcome.reason if outcome else "stopped"),
            duration_s=round(talked, 3),
            **self._bridge.stats(),
            **({"capture": self._capture.stats()} if self._capture else {}),
        )

    def _ms_since(self, moment: float) -> float:
        return round((self._loop.time() - moment) * 1000, 1)
