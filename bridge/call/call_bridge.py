"""One call's audio, from its socket to the engine and back.

    phone ──▶ RtpTransport ──▶ RtpSession ──▶ Uplink ──▶ append ──▶ Conversation
                   ▲            (latch,        (decode,                │
                   │             reorder)       conceal, resample)     │
                   └──────────────────── PlayoutSender ◀── AudioDelta ─┘
                                          │ ▲
                                          │ └─ SpeechStarted: BargeInPolicy says whether to flush
                                          └──▶ truncate at the millisecond that was played

Whose turn it is, one `TurnState` knows: the conversation tells it what the engine does, the bridge
what our own voice detection hears. All others only read it.

Everything here runs on the loop and never waits; only `connect` and `close` are coroutines.
The engine may connect, greet and fill the playout long before there is media: the first tick
after the ACK finds the greeting waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sipua.bridge.call.answer_screen import AnswerScreen
from sipua.bridge.call.digits import CallDigits
from sipua.bridge.call.leg import MediaLeg
from sipua.bridge.call.media import MediaPlan, MediaSettings
from sipua.bridge.call.media_path import MEDIA_PATH, MediaPath
from sipua.bridge.call.put_through import PutThrough
from sipua.bridge.call.rtp_news import news_of
from sipua.bridge.conversation.interface import ConversationEvent, MakeConversation
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    DropAudio,
    PlayoutMark,
    SpeechStarted,
    SpeechStopped,
)
from sipua.bridge.engine_api.protocol import SPEECH_AND_TOOLS
from sipua.bridge.engine_api.settings import InjectedRole
from sipua.bridge.events import (
    LOCAL,
    AudioBegan,
    AudioPlayed,
    BridgeEvent,
    EngineGone,
    EngineInUse,
    EngineOutage,
    Interrupted,
    InterruptedBy,
    MarkReached,
    PlayoutNews,
    ToolAnswered,
)
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.bridge.playout.filler import Filler
from sipua.bridge.playout.pacer import Pacer
from sipua.bridge.turns.barge_in import BargeInPolicy
from sipua.bridge.turns.state import TurnState
from sipua.codecs import vad
from sipua.codecs.echo import EchoGate
from sipua.codecs.pcm import Pcm
from sipua.codecs.vad import VadEvent
from sipua.rtp.events import Dtmf, Frame, RtpEvent
from sipua.rtp.ports import ReservedPort
from sipua.rtp.session.traffic import Traffic


class CallBridge:
    """Made when the call comes in, opened when its media is known, started at the ACK."""

    def __init__(
        self,
        *,
        local: ReservedPort,
        pacer: Pacer,
        settings: MediaSettings,
        make_conversation: MakeConversation,
        faults: FaultOwner | None = None,
        path: MediaPath = MEDIA_PATH,
    ) -> None:
        """`faults`: the call's. `path`: another one for a measurement."""
        self._faults = faults or FaultOwner()
        self.on_event: Callable[[BridgeEvent], None] = lambda _: None
        self.digits = CallDigits(settings.dtmf)
        self.leg = MediaLeg(  # to the side that the call began with
            local,
            pacer,
            settings,
            on_rtp=self._on_rtp,
            on_news=self._on_sent,
            on_tick=self._on_tick,
            on_frame=self._on_frame,
            fill=lambda pcm: self.fill(pcm, "joint"),
            faults=self._faults,
            path=path,
        )
        self._uplink = path.uplink(self.leg.laws)
        self._echo_hold = self._uplink.echo_hold
        self._gate = EchoGate() if settings.barge_in.echo == "auto" else None
        self._echo_hold.gate = self._gate
        self._filler = Filler(settings.sounds)
        self._sender = self.leg.line
        self._playout = self._sender.playout
        self.screen = AnswerScreen(self._uplink, self._sender)
        self.turns = TurnState(self._playout)
        """Whose turn it is: to read."""
        self._barge_in = BargeInPolicy(settings.barge_in, self.turns)
        self.through = PutThrough(self.leg)
        self._deaf = False  # what comes is not for the engine
        self.capabilities = SPEECH_AND_TOOLS
        """Of the engine in use, or of the last one."""
        self._engine_there = True
        self._on_hold = self._held_by_us = self.agent_muted = False
        self.interruptions = 0
        self._fed_before_ms = self._local_sounds = 0
        self._conversation = self.through.converse(make_conversation, self._from_engine, self.turns)

    # --- the call's life ------------------------------------------------------------------

    async def connect(self, timeout_s: float) -> str:
        """The engine, while the phone rings; its session. Raises EngineConnectError."""
        self._engine_there = False
        await self._conversation.connect(timeout_s)
        self._engine_there = True
        return self._conversation.session_id

    def before_answer(self) -> None:
        """The caller learns our port now: what has sent to it already is not the caller."""
        self.leg.before_answer()

    def open_media(self, plan: MediaPlan) -> int:
        """Each offer and answer; returns our SSRC."""
        self._uplink.detect_tones(self.digits.listens_for_tones(plan))
        if self._gate is not None:
            self._gate.set_law(plan.law)
        self._on_hold, self._held_by_us = plan.on_hold, plan.held_by_us
        ssrc = self.leg.open(plan)
        self._deaf = self._on_hold or self.through.aside
        self.through.update()
        return ssrc

    def start(self) -> None:
        """The ACK is in: from now on we speak."""
        if not self._engine_there:  # who was answered at once hears that we look for one
            self._filler.outage(time.monotonic())
        self._sender.start()

    async def close(self) -> None:
        """Silence first, then the engine; the owner of the sockets returns them to the pool."""
        self.through.close()
        self.leg.close()
        await self._conversation.close()
        self.on_event = nothing

    def traffic(self) -> Traffic:
        return self.leg.traffic()

    def stats(self) -> dict[str, object]:
        return {
            "first_audio_ms": self._sender.first_audio_ms(),
            "interruptions": self.interruptions,
            "rtp": self.leg.rtp.stats() if self.leg.rtp else {},
            "transport": self.leg.transport.stats() if self.leg.transport else {},
            "uplink": self._uplink.counters(),
            "echo": self._gate.counters() if self._gate else {},
            **self._sender.stats(),
            "engine": self._conversation.counters(),
        }

    # --- what others want done ------------------------------------------------------------

    def speak(self, instructions: str | None = None) -> None:
        self._conversation.speak(instructions)

    def tool_result(
        self, call_id: str, output: str, *, respond: bool = True, outcome: str = ""
    ) -> None:
        self._conversation.tool_result(call_id, output, respond=respond)
        self.on_event(ToolAnswered(call_id, outcome))

    def send_dtmf(self, digits: str) -> None:
        """Press keys; what is being said waits, and goes on after them. ValueError: no such key."""
        self._sender.press(digits)

    def play(self, name: str, pcm: Pcm, *, interruptible: bool = False) -> str:
        """A sound of ours at 8 kHz, behind what is being said; the id that events call it by."""
        self._local_sounds += 1
        item_id = f"{LOCAL}{name}:{self._local_sounds}"
        self._playout.push_local(item_id, pcm, interruptible=interruptible)
        self._sender.send_now_if_idle()
        return item_id

    def fill(self, pcm: Pcm | None, asker: str = "tool") -> None:
        """At 8 kHz, over and over whenever nothing else is heard; None ends what this one asked."""
        self._filler.ask(pcm, asker)

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> None:
        self._conversation.inject(role, text, respond=respond)

    def mute_agent(self, on: bool) -> None:
        """What the engine says is not heard. It is cut off, and each answer that it begins is, so
        that it knows: it cannot be given back later, when the talk has moved on."""
        self.agent_muted = on
        if on:
            self.interrupt("operator")

    # --- the agent steps aside ------------------------------------------------------------

    def set_aside(self, on: bool) -> None:
        """The agent hears nothing, and nothing of it is heard: the caller is put through. What it
        was saying is cut off."""
        self.through.aside = on
        self._deaf = self._on_hold or on
        if on:
            self.interrupt("transfer")

    def agent_left(self) -> None:
        self._engine_there = True  # nothing fills the time until there is another one
        self._filler.spoken()

    async def dismiss_agent(self) -> None:
        """The agent leaves the call, for good: its session ends, and it costs nothing more."""
        await self._conversation.close()

    @property
    def interruptible(self) -> bool:
        """Whether the caller may cut off what is being said; not while a goodbye is."""
        return self._barge_in.interruptible

    @interruptible.setter
    def interruptible(self, value: bool) -> None:
        self._barge_in.interruptible = value

    def listen(self, on: bool, asker: str = "tool") -> None:
        """The engine hears the caller while none has asked that it does not."""
        self._echo_hold.mute(not on, asker)

    @property
    def heard_ms(self) -> int:
        """The caller's audio that the session in use was given: the engine's own clock."""
        return self._uplink.fed_ms - self._fed_before_ms

    @property
    def speaking(self) -> bool:
        """Something is being said to the caller, or waits to be; fillers are not."""
        return self._playout.speaking

    # --- phone to engine ------------------------------------------------------------------

    def _on_rtp(self, events: Sequence[RtpEvent]) -> None:
        # On hold the peer plays music or nothing: the model must not take it for the caller.
        if not self._deaf:
            self._give(self._uplink.feed(events, time.monotonic()))
        elif self.through.joint is not None:
            self.through.joint.from_a(events)
        for event in events:  # nearly all are frames, and each packet's time is counted
            if type(event) is not Frame and (news := news_of(event, held_by_us=self._held_by_us)):
                self.told(news)

    def _give(self, audio: Sequence[bytes]) -> None:
        for piece in audio:
            self._conversation.append(piece)
        if self._uplink.digits:
            for digit in self._uplink.take_digits():
                self.told(digit)
        if self._echo_hold.voice:
            for voice in self._echo_hold.take_voice():
                self._on_voice(voice)

    def told(self, news: BridgeEvent) -> None:
        """Of the caller's side. A key may be told in two ways."""
        if self.digits.is_new(news, time.monotonic()):
            if isinstance(news, Dtmf) and self.capabilities.digits and not self._deaf:
                self._conversation.digit(news.digit, news.duration_ms)
            self.through.told(news)
            self.on_event(news)

    def _on_voice(self, voice: VadEvent) -> None:
        """Our own detection takes the place of events that the engine does not send."""
        event: SpeechStarted | SpeechStopped
        if isinstance(voice, vad.SpeechStarted):
            event = SpeechStarted(LOCAL + "caller", voice.audio_start_ms)
            self.turns.caller_began(local=True)
            self._caller_began(local=True)
        else:
            event = SpeechStopped(LOCAL + "caller", voice.audio_end_ms)
            self.turns.caller_ended(local=True)
        if not self.capabilities.speech_events:
            self.on_event(event)
            if isinstance(event, SpeechStopped) and not self.capabilities.takes_turns:
                self._conversation.speak()

    # --- engine to phone ------------------------------------------------------------------

    def _from_engine(self, event: ConversationEvent) -> None:
        try:
            self._on_conversation(event)
        except Exception as error:  # noqa: BLE001 (the call's fault, not the session's)
            self._faults.failed(f"on {type(event).__name__}", error)

    def _on_conversation(self, event: ConversationEvent) -> None:
        match event:
            case AudioDelta():
                self._hear(event)
                return
            case AudioDone():
                self._playout.end_item(event.item_id)
                self._sender.send_now_if_idle()
                return
            case PlayoutMark():
                self._playout.mark(event.name)
                self._sender.send_now_if_idle()
            case SpeechStarted():
                self._caller_began(local=False)
            case EngineInUse():
                self._engine_there = True
                self._playout.set_format(event.format)
                self._uplink.set_format(event.hears or event.format)
                can = self.capabilities = event.capabilities
                self._barge_in.engine_changed(
                    speech_events=can.speech_events, barge_in=can.barge_in
                )
                self._echo_hold.detect_voice(self._barge_in.own_detection)
                self._fed_before_ms = self._uplink.fed_ms - event.caught_up_ms
            case EngineOutage() | EngineGone():
                self._engine_there = False
                self._playout.end_all()
                self._sender.send_now_if_idle()
            case DropAudio():
                if not self.capabilities.barge_in or self._barge_in.permits(self._greeted_ms()):
                    self.interrupt("agent")
                self._sender.send_now_if_idle()
        self._filler.follow(event, time.monotonic())
        self.on_event(event)

    def _hear(self, delta: AudioDelta) -> None:
        began = not self._playout.knows(delta.item_id)
        if began:
            self._barge_in.item_began(delta.item_id)
        self._filler.spoken()
        self._playout.push(delta.item_id, delta.audio)
        if began:
            self.on_event(AudioBegan(delta.item_id))
        if not (self.agent_muted or self.through.aside):
            self._sender.send_now_if_idle()
        elif began:
            self.interrupt("transfer" if self.through.aside else "operator")

    # --- barge-in -------------------------------------------------------------------------

    def _caller_began(self, *, local: bool) -> None:
        if self._barge_in.caller_began(self._greeted_ms(), local=local):
            self.interrupt("caller")
        if self._barge_in.caller_speaks and self._engine_there:
            self._filler.spoken()

    def _greeted_ms(self) -> int:
        greeting = self._barge_in.greeting
        return self._playout.played_ms(greeting) if greeting is not None else 0

    def interrupt(self, by: InterruptedBy) -> None:
        """Nothing more of what was being said, and the engine learns how far it got."""
        for item in self._playout.flush():
            self.interruptions += 1
            self._barge_in.item_ended(item.item_id)
            if not item.item_id.startswith(LOCAL):
                self._conversation.truncate(item.item_id, item.played_ms)
            self.on_event(Interrupted(item.item_id, item.played_ms, item.dropped_ms, by))
        self._conversation.cancel()  # unless the engine stops by itself

    # --- the sender's ----------------------------------------------------------------------

    def _on_sent(self, news: PlayoutNews) -> None:
        if isinstance(news, MarkReached):
            self._conversation.marked(news.name, played=news.played)
            return
        if isinstance(news, AudioPlayed):
            self._barge_in.item_ended(news.item_id)
        self.on_event(news)

    def _on_tick(self, now: float) -> None:
        """Every 20 ms: silence in when the phone sends none, and what was to wait for its time."""
        assert self.leg.rtp is not None
        if self.capabilities.steady_input:
            self._uplink.begin(now)
        if silence := self._uplink.tick(now, holding=self.leg.rtp.holding):
            self._give(silence)
        if self._barge_in.waiting and self._barge_in.due(self._greeted_ms()):
            self.interrupt("caller")
        if self._filler.active:
            changed, sound = self._filler.tick(now, speaking=self.speaking)
            if changed:
                self._playout.fill(sound)

    def _on_frame(self, payload: bytes, skipped: int) -> None:
        if self._gate is not None:
            self._gate.skipped(skipped)
            self._gate.sent(payload)
