"""One call's audio, from its socket to the engine and back.

    phone ──▶ RtpTransport ──▶ RtpSession ──▶ Uplink ──▶ append ──▶ engine
                   ▲            (latch,        (decode,                │
                   │             reorder)       conceal, 24 kHz)       │
                   └── send ◀── Cadence ◀────── Playout ◀── AudioDelta ┘
                                (when, by        │ ▲
                                 the Pacer)      │ └── SpeechStarted: flush what was not played,
                                                 └──▶ truncate at the millisecond that was

Everything here runs on the loop and never waits; only `connect` and `close` are coroutines.
The engine may connect, greet and fill the playout long before there is media: the first tick
after the ACK finds the greeting waiting.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sipua.bridge.cadence import Cadence, Departure
from sipua.bridge.conversation import Conversation, ConversationEvent
from sipua.bridge.downlink import Playout
from sipua.bridge.engines.base import AudioDelta, AudioDone, SpeechStarted
from sipua.bridge.events import (
    AudioBegan,
    BridgeEvent,
    EngineInUse,
    Interrupted,
    PeerSilent,
    SourceMoved,
    ToolAnswered,
)
from sipua.bridge.keypad import Keypad
from sipua.bridge.pacer import Handle, Pacer
from sipua.bridge.uplink import Uplink
from sipua.codecs.g711 import Law, encode
from sipua.rtp.dtmf import EventPacket
from sipua.rtp.events import (
    Address,
    Dtmf,
    LossReported,
    MediaTimeout,
    PacketsRefused,
    RtpEvent,
    SourceChanged,
)
from sipua.rtp.latch import Policy, SourceLatch
from sipua.rtp.ports import ReservedPort
from sipua.rtp.rtcp_session import RtcpSession
from sipua.rtp.session import RtpConfig, RtpSession
from sipua.rtp.transport import RtpTransport, Tap


@dataclass(frozen=True, slots=True)
class MediaPlan:
    """What offer and answer settled for this call's audio."""

    remote: Address | None
    signalling_ip: str | None
    law: Law
    payload_type: int
    law_by_type: Mapping[int, str]
    telephone_event_type: int | None
    sends: bool
    receives: bool
    rtcp_remote: Address | None = None
    """Where the peer wants reports; None: the port after its RTP's."""
    rtcp_muxed: bool = False
    telephone_event_send_type: int | None = None
    """The number that the peer wants them under, which may be another than ours."""

    @property
    def on_hold(self) -> bool:
        """Either side is not listening: what still comes is music, not the caller."""
        return not (self.sends and self.receives)


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """What the configuration says about the audio of every call."""

    ptime_ms: int
    hold_ms: float
    max_hold_ms: float
    timeout_s: float
    hold_timeout_s: float
    latch: Policy
    barge_in: bool = True
    """Whether a caller who speaks cuts off what is being said."""


class CallBridge:
    """Made when the call comes in, opened when its media is known, started at the ACK."""

    def __init__(
        self,
        *,
        local: ReservedPort,
        pacer: Pacer,
        settings: MediaSettings,
        make_conversation: Callable[[Callable[[ConversationEvent], None]], Conversation],
    ) -> None:
        self.on_event: Callable[[BridgeEvent], None] = lambda _: None
        self.tap: Tap | None = None
        """For a capture of this call; set before its media is opened."""
        self._local = local
        self._pacer = pacer
        self._settings = settings
        self._conversation = make_conversation(self._on_conversation)
        self._playout = Playout(Law.PCMU, frame_ms=settings.ptime_ms)
        self._frame_samples = settings.ptime_ms * 8
        self._laws: dict[int, Law] = {}
        self._uplink = Uplink(self._laws)
        self._keypad = Keypad()
        self._law = Law.PCMU
        self._by_event = False
        self._cadence: Cadence | None = None
        self._rtp: RtpSession | None = None
        self._transport: RtpTransport | None = None
        self._ticking: Handle | None = None
        self._started = False
        self._on_hold = False
        self._interruptions = 0
        self._fed_before_ms = 0
        self._coming = ""  # the item whose audio came last
        self._first_audio_at: float | None = None
        self._started_at = 0.0

    async def connect(self, timeout_s: float) -> str:
        """The engine, while the phone rings; its session. Raises EngineConnectError."""
        await self._conversation.connect(timeout_s)
        return self._conversation.session_id

    def speak(self, instructions: str | None = None) -> None:
        self._conversation.speak(instructions)

    def tool_result(
        self, call_id: str, output: str, *, respond: bool = True, outcome: str = ""
    ) -> None:
        """`outcome`: in a word, for the record."""
        self._conversation.tool_result(call_id, output, respond=respond)
        self.on_event(ToolAnswered(call_id, outcome))

    @property
    def heard_ms(self) -> int:
        """The caller's audio that the session in use was given: the engine's own clock."""
        return self._uplink.fed_ms - self._fed_before_ms

    def open_media(self, plan: MediaPlan) -> int:
        """The first offer and answer, and each later one; returns our SSRC."""
        self._on_hold = plan.on_hold
        self._playout.set_law(plan.law)
        self._law = plan.law
        self._by_event = plan.telephone_event_send_type is not None
        # Never both: a phone that sends events often lets the tone through as well.
        self._uplink.detect_tones(plan.telephone_event_type is None)
        self._laws.clear()
        self._laws.update({number: Law[name] for number, name in plan.law_by_type.items()})
        if self._rtp is None or self._transport is None:
            self._rtp = self._open(plan)
            self._transport = RtpTransport(self._local, self._rtp, self._on_rtp)
            self._transport.tap = self.tap
            self._transport.start()
        self._rtp.update(
            law_by_pt=plan.law_by_type,
            send_pt=plan.payload_type,
            telephone_event_pt=plan.telephone_event_type,
            telephone_event_send_pt=plan.telephone_event_send_type,
            remote=plan.remote,
            signalling_ip=plan.signalling_ip,
            sending=plan.sends,
            on_hold=plan.on_hold,
            now=time.monotonic(),
            rtcp_remote=plan.rtcp_remote,
            rtcp_muxed=plan.rtcp_muxed,
        )
        self._transport.reschedule()
        self._speak_when_ready()
        return self._rtp.ssrc

    def start(self) -> None:
        """The ACK is in: from now on we speak."""
        self._started = True
        self._started_at = time.monotonic()
        self._speak_when_ready()

    def send_dtmf(self, digits: str) -> None:
        """Press keys; what is being said waits, and goes on after them. ValueError: no such key."""
        self._keypad.press(digits)

    async def close(self) -> None:
        """Silence first, then the engine; the sockets go back to the pool by whoever lent them."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        if self._transport is not None:
            self._transport.close()
        await self._conversation.close()

    def stats(self) -> dict[str, object]:
        first_audio_ms = None
        if self._first_audio_at is not None:
            first_audio_ms = round((self._first_audio_at - self._started_at) * 1000, 1)
        return {
            "first_audio_ms": first_audio_ms,
            "interruptions": self._interruptions,
            "rtp": self._rtp.stats() if self._rtp else {},
            "transport": self._transport.stats() if self._transport else {},
            "uplink": self._uplink.counters(),
            "playout": self._playout.counters(),
            "keypad": self._keypad.counters(),
            "cadence": self._cadence.counters() if self._cadence else {},
            "engine": self._conversation.counters(),
        }

    # --- phone to engine ------------------------------------------------------------------

    def _on_rtp(self, events: Sequence[RtpEvent]) -> None:
        # On hold the peer plays music or nothing: the model must not take it for the caller.
        if not self._on_hold:
            for pcm in self._uplink.feed(events, time.monotonic()):
                self._conversation.append(pcm)
            self._tell_digits()
        for event in events:
            if isinstance(event, Dtmf):
                self.on_event(event)
            elif isinstance(event, SourceChanged):
                self.on_event(SourceMoved(event.address, event.rank))
            elif isinstance(event, MediaTimeout):
                self.on_event(PeerSilent(event.idle_s))
            elif isinstance(event, LossReported | PacketsRefused):
                self.on_event(event)

    def _tell_digits(self) -> None:
        for digit in self._uplink.take_digits():
            self.on_event(digit)

    # --- engine to phone ------------------------------------------------------------------

    def _on_conversation(self, event: ConversationEvent) -> None:
        if isinstance(event, AudioDelta):
            self._hear(event)
            return
        if isinstance(event, AudioDone):
            self._playout.end_item(event.item_id)
            self._speak_at_once()
            return
        if isinstance(event, SpeechStarted) and self._settings.barge_in:
            self._interrupt()
        elif isinstance(event, EngineInUse):
            self._fed_before_ms = self._uplink.fed_ms
        self.on_event(event)

    def _hear(self, delta: AudioDelta) -> None:
        self._playout.push(delta.item_id, delta.audio)
        self._speak_at_once()
        if delta.item_id != self._coming:
            self._coming = delta.item_id
            self.on_event(AudioBegan(delta.item_id))

    def _interrupt(self) -> None:
        """Barge-in: nothing more of what was being said, and the engine learns how far it got."""
        for item in self._playout.flush():
            self._interruptions += 1
            self._conversation.truncate(item.item_id, item.played_ms)
            self.on_event(Interrupted(item.item_id, item.played_ms, item.dropped_ms))
        self._conversation.cancel()  # unless the engine stops by itself

    def _speak_when_ready(self) -> None:
        """Both must have happened, in either order: the ACK, and an agreement on media."""
        if self._started and self._rtp is not None and self._cadence is None:
            now = time.monotonic()
            self._cadence = Cadence(self._playout, now, frame_ms=self._settings.ptime_ms)
            self._ticking = self._pacer.add(self._tick, self._tick(now))

    def _speak_at_once(self) -> None:
        """Audio came; if nothing was being said, its first packet does not wait for a tick."""
        if self._cadence is None or self._ticking is None or self._on_hold or self._keypad.active:
            return
        departure = self._cadence.wake(time.monotonic())
        if departure is not None:
            self._depart(departure)
        self._ticking.reschedule(self._cadence.due)

    def _tick(self, now: float) -> float:
        """Every 20 ms: one frame out, and silence in when the phone sends none."""
        cadence, rtp = self._cadence, self._rtp
        assert cadence is not None
        assert rtp is not None
        for pcm in self._uplink.tick(now, holding=rtp.holding):
            self._conversation.append(pcm)
        self._tell_digits()
        if self._on_hold:
            # What the agent was saying waits in the playout until the caller listens again.
            rtp.skip(cadence.pass_by(now) * self._frame_samples)
            return cadence.due
        if self._keypad.active:
            self._press(cadence.pass_by(now))
            return cadence.due
        departure = cadence.tick(now)
        if departure is not None:
            self._depart(departure)
        return cadence.due

    def _press(self, frames: int) -> None:
        """Frames whose time went by belong to the keypad."""
        rtp, transport, samples = self._rtp, self._transport, self._frame_samples
        if not frames:
            return
        assert rtp is not None
        assert transport is not None
        sent = self._keypad.advance(frames * samples, samples, by_event=self._by_event)
        if isinstance(sent, EventPacket):
            transport.send_event(sent)
            rtp.skip(frames * samples)
            return
        if frames > 1:
            rtp.skip((frames - 1) * samples)
        transport.send(encode(self._law, sent), samples)

    def _depart(self, departure: Departure) -> None:
        assert self._rtp is not None
        assert self._transport is not None
        if departure.skipped:
            self._rtp.skip(departure.skipped * self._frame_samples)
        left = self._transport.send(departure.payload, self._frame_samples, departure.marker)
        if left and self._first_audio_at is None and departure.marker:
            self._first_audio_at = time.monotonic()

    # --- set-up ---------------------------------------------------------------------------

    def _open(self, plan: MediaPlan) -> RtpSession:
        """What never changes in a call; the rest is `update`'s, the first time and later."""
        settings = self._settings
        ssrc, now = secrets.randbits(32), time.monotonic()
        return RtpSession(
            ssrc=ssrc,
            law_by_pt=plan.law_by_type,
            send_pt=plan.payload_type,
            telephone_event_pt=plan.telephone_event_type,
            latch=SourceLatch(settings.latch),
            config=RtpConfig(
                ptime_ms=settings.ptime_ms,
                hold_ms=settings.hold_ms,
                max_hold_ms=settings.max_hold_ms,
                timeout_s=settings.timeout_s,
                hold_timeout_s=settings.hold_timeout_s,
            ),
            now=now,
            # The only look at the wall clock: peers set our reports beside others by it.
            rtcp=RtcpSession(ssrc=ssrc, wall_s=time.time(), now=now),
        )
