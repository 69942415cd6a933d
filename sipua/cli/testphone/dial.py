"""`sipua call URI`: place one call, play a recording into it, record the answer, report the steps.

First it only listens, as people do when they are greeted; after `say_after_s` it speaks.

It uses the edge's signalling and media path, with a file in the place of the engine: what works
here works for a caller. It never registers: an edge that runs with the same account stays
registered. When the registrar asks for a password, the call answers with the account's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.engine_api.events import AudioDelta, AudioDone
from sipua.bridge.engine_api.settings import InjectedRole, Past
from sipua.bridge.events import BridgeEvent, PeerSilent
from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.playout.dtmf_queue import MAX_QUEUED, DtmfQueue
from sipua.bridge.playout.pacer import Pacer
from sipua.bridge.turns.state import TurnState
from sipua.calls.parts.call_media import media_plan
from sipua.capture.call_capture import CallCapture, CaptureThread
from sipua.capture.sip_messages import sip_datagram
from sipua.cli.testphone import sound as dial_sound
from sipua.cli.testphone.report import INTERRUPTED, Report, packets
from sipua.cli.testphone.sound import SoundError
from sipua.codecs.tones import sine
from sipua.config import Config
from sipua.edge.placing import placing
from sipua.edge.placing.placing import RequestError, check_account, check_uri
from sipua.edge.wiring import call as wiring_call
from sipua.edge.wiring import wiring
from sipua.log import logs
from sipua.process import main_loop
from sipua.process.exits import Exit
from sipua.process.main_loop import SIGNALLING_GRACE_S
from sipua.rtp.events import Dtmf
from sipua.rtp.hostport import join
from sipua.rtp.ports import NoPortsLeft, PortPool, ReservedPort
from sipua.sip.errors import CannotListenError, PortTakenError, SignallingHangsError
from sipua.sip.messages import (
    CallConfirmed,
    CallEnded,
    CallProgress,
    Hangup,
    MediaReady,
    PlaceCall,
    SignallingFault,
    SignallingLost,
    SipEvent,
    SipMessage,
    new_call_id,
)
from sipua.sip.pj.agent import SipAgent
from sipua.sip.settings import SipSettings
from sipua.sip.state import LONGEST_TRANSACTION_S
from sipua.sip.wire.addresses import host_of, server_of

TONE_MS = 1000
WAITING_S = 3.0
"""After this time without an answer, the timeline names the host that it waits for."""
MAX_PCAP_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class DialRequest:
    uri: str
    account: str = ""
    wav: Path | None = None
    tone_hz: float = 440.0
    dtmf: str = ""
    say_after_s: float = 4.0
    seconds: float = 10.0
    record: Path | None = None
    pcap: Path | None = None
    as_json: bool = False
    show_sip: bool = False


@dataclass(slots=True)
class RecordedConversation:
    """The conversation without an engine: plays one recording and keeps the sound that it gets."""

    sound: bytes
    on_event: Callable[[ConversationEvent], None]
    session_id: str = "recording"
    heard: list[bytes] = field(default_factory=list)

    async def connect(self, timeout_s: float) -> None:
        """Nothing to connect to."""

    def append(self, audio: bytes) -> None:
        self.heard.append(audio)

    def speak(self, instructions: str | None = None) -> None:
        self.on_event(AudioDelta("recording", 0, self.sound))
        self.on_event(AudioDone("recording"))

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        """There is no model that should know what was heard."""

    def tool_result(self, call_id: str, output: str, *, respond: bool = True) -> None:
        """There are no tool calls."""

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> None:
        """There is no model."""

    def digit(self, key: str, duration_ms: int) -> None:
        """There is no agent that wants it."""

    def marked(self, name: str, *, played: bool) -> None:
        """There are no marks."""

    def past(self) -> Sequence[Past]:
        """There is no model that should know."""
        return ()

    def cancel(self) -> None:
        """There is no response to cancel."""

    async def close(self) -> None:
        """Nothing to close."""

    def counters(self) -> dict[str, int]:
        return {}


def run(config: Config, request: DialRequest) -> int:
    """The exit code: 0 when the call was answered and ended without a failure."""
    try:
        check_uri(request.uri)
        check_account(config, request.account)
        check_keys(request.dtmf)
        for path in filter(None, (request.record, request.pcap)):
            dial_sound.check_writable(path)
        sound = _sound(request)
        config = placing.towards(config, request.uri)
    except (RequestError, SoundError) as error:
        print(f"sipua: {error}", file=sys.stderr)
        return Exit.USAGE
    return main_loop.run(Dial(config, request, sound).run())


class Dial:
    def __init__(self, config: Config, request: DialRequest, sound: bytes) -> None:
        self._config = config
        self._request = request
        self._call_id = new_call_id()
        self._report = Report(self._call_id, request.uri, request.account)
        self._began = time.monotonic()
        self._timeline: list[dict[str, object]] = []
        self._ended = asyncio.Event()
        self._capture: CallCapture | None = None
        self._failure: Exception | None = None
        self._lost = False
        self._log = logs.bind_call(self._call_id)
        self._faults = FaultOwner("call.failed", self._log, self._hang_up)
        self._conversation = RecordedConversation(sound, on_event=lambda _: None)
        rtp = config.rtp
        self._ports = PortPool(wiring.rtp_hosts(config), rtp.port_min, rtp.port_max)
        gate = wiring.admission(config, max_calls=0)  # it takes no calls
        self._settings = sip_settings(config, request)
        on_sip = self._faults.guarded("signalling", self._on_sip)
        self._sip = SipAgent(self._settings, gate, self._ports, on_sip)

    async def run(self) -> Exit:
        # On Ctrl-C the far side gets a BYE.
        main_loop.on_interrupt(lambda: self._hang_up(INTERRUPTED))
        try:
            stats = await self._call()
        except (PortTakenError, CannotListenError, NoPortsLeft) as error:
            sys.stderr.write(f"sipua: {error}\n")
            return Exit.NETWORK
        except SignallingHangsError as error:
            self._end_without_signalling(str(error))
            return Exit.SIGNALLING
        code = self._finish(stats)
        if self._failure is not None:
            raise self._failure
        return Exit.SIGNALLING if self._lost else code

    async def _call(self) -> dict[str, object]:
        """Make the call; its statistics. All that was taken is given back, in reverse order."""
        stats: dict[str, object] = {}
        async with AsyncExitStack() as held:
            pacer = Pacer()
            held.callback(pacer.close)
            held.push_async_callback(self._end_capture)
            await self._sip.start()
            held.push_async_callback(self._sip.stop, SIGNALLING_GRACE_S)
            first_hop = placing.first_hop(self._settings, self._request.account, self._request.uri)
            local = await placing.reserve(self._ports, self._sip, first_hop)
            held.callback(self._release, local)
            self._bridge = CallBridge(
                local=local,
                pacer=pacer,
                # A test phone records the echo of its own voice, too.
                settings=wiring_call.media_settings(self._config, echoes=False),
                make_conversation=self._make_conversation,
                faults=self._faults,
            )
            self._bridge.on_event = self._on_bridge
            held.push_async_callback(self._bridge.close)
            self._begin_capture(local)
            self._place(local)
            await self._ended.wait()
            stats |= self._bridge.stats()
        if self._capture is not None:
            stats["capture"] = self._capture.stats()
        return stats

    def _place(self, local: ReservedPort) -> None:
        if self._report.cause:
            self._ended.set()  # Ctrl-C came before there was a call
            return
        self._add_step("invite", uri=self._request.uri, rtp_port=local.port)
        self._sip.send(PlaceCall(self._call_id, self._request.uri, local, self._request.account))
        self._call_later(self._config.calls.ring_timeout_s, self._give_up)
        self._call_later(WAITING_S, self._note_waiting)

    def _release(self, local: ReservedPort) -> None:
        self._ports.release(local, time.monotonic())

    def _call_later(self, delay_s: float, act: Callable[[], None]) -> None:
        self._faults.call_later(delay_s, "timer", act)

    def _begin_capture(self, reserved: ReservedPort) -> None:
        path = self._request.pcap
        if path is None:
            return
        local = wiring.rtp_address(self._config, reserved, host_of(self._request.uri))
        capture = self._capture = CallCapture(path, MAX_PCAP_BYTES, local)
        CaptureThread().begin(capture)
        self._bridge.leg.tap = capture.tap

    async def _end_capture(self) -> None:
        if self._capture is not None:
            await self._capture.close(linger_s=0)

    def _make_conversation(
        self, on_event: Callable[[ConversationEvent], None], _turns: TurnState
    ) -> RecordedConversation:
        self._conversation.on_event = on_event
        return self._conversation

    # --- events of the call ---------------------------------------------------------------

    def _on_sip(self, event: SipEvent) -> None:
        """An exception here ends the call and the command."""
        try:
            self._handle(event)
        except Exception as error:  # noqa: BLE001 (raised again by `run`)
            self._failure = error
            self._hang_up(f"internal error: {type(error).__name__}")

    def _handle(self, event: SipEvent) -> None:
        match event:
            case CallProgress():
                self._report.rang = True
                self._add_step("progress", status=event.status, reason=event.reason)
            case MediaReady():
                self._bridge.open_media(media_plan(event.media))
                self._report.codec = event.media.codec
                self._add_step(
                    "media",
                    codec=event.media.codec,
                    remote=join(*event.media.remote),
                    direction=event.media.direction,
                )
            case CallConfirmed():
                self._report.answered = True
                self._add_step("answered")
                self._bridge.start()
                self._call_later(self._request.say_after_s, self._speak)
                self._call_later(self._request.seconds, self._hang_up)
            case CallEnded():
                self._ended.set()
                self._report.ended_by = event.by
                self._report.status, self._report.reason = event.status, event.reason
                self._add_step("ended", by=event.by, status=event.status, reason=event.reason)
            case SignallingLost():
                self._end_without_signalling(event.cause)
            case SignallingFault():
                self._add_step("fault", where=event.where, error=event.error)
            case SipMessage():
                self._capture_sip(event)
                self._log.debug(
                    "sip.message", direction=event.direction, peer=event.peer, text=event.text
                )
            case _:
                """Registrations and refusals do not concern a single call."""

    def _capture_sip(self, message: SipMessage) -> None:
        if self._capture is not None:
            datagram = sip_datagram(message, self._sip.local_address)
            if datagram is not None:
                self._capture.add(time.monotonic(), *datagram)

    def _on_bridge(self, event: BridgeEvent) -> None:
        if isinstance(event, Dtmf):
            self._report.digits += event.digit
            self._add_step(
                "digit", digit=event.digit, duration_ms=event.duration_ms, inband=event.inband
            )
        elif isinstance(event, PeerSilent):
            self._hang_up(str(event))

    def _speak(self) -> None:
        if not self._ended.is_set():
            if self._request.dtmf:
                self._add_step("pressing", keys=self._request.dtmf)
                self._bridge.send_dtmf(self._request.dtmf)
            self._add_step("speaking")
            self._conversation.speak()

    def _hang_up(self, cause: str = "") -> None:
        self._report.cause = self._report.cause or cause
        self._sip.send(Hangup(self._call_id))
        self._call_later(LONGEST_TRANSACTION_S, self._ended.set)

    def _end_without_signalling(self, cause: str) -> None:
        sys.stderr.write(f"sipua: SIP signalling is lost: {cause}\n")
        self._lost = True
        main_loop.leave_soon()
        self._ended.set()

    def _note_waiting(self) -> None:
        if not (self._report.rang or self._report.answered or self._ended.is_set()):
            self._add_step(
                "waiting",
                answer_from=join(*server_of(self._request.uri)),
                at_most_s=self._config.calls.ring_timeout_s,
            )

    def _give_up(self) -> None:
        if not self._report.answered:
            self._hang_up(f"no answer within {self._config.calls.ring_timeout_s:g} s")

    def _add_step(self, step: str, **details: object) -> None:
        at_ms = round((time.monotonic() - self._began) * 1000, 1)
        self._timeline.append({"at_ms": at_ms, "event": step, **details})
        if not self._request.as_json:
            shown = "  ".join(f"{name}={value}" for name, value in details.items())
            print(f"{at_ms:10.1f} ms  {step:<10}{shown}".rstrip(), flush=True)

    def _finish(self, stats: dict[str, object]) -> Exit:
        report = self._report
        heard = np.frombuffer(b"".join(self._conversation.heard), np.int16)
        report.heard_s = round(len(heard) / dial_sound.RATE_HZ, 3)
        report.heard_dbfs = dial_sound.level_dbfs(heard)
        report.received_packets, report.sent_packets = packets(stats)
        if self._capture is not None:
            report.capture = self._capture.summary
        if self._request.record is not None:
            dial_sound.save(self._request.record, heard)
            report.recording = str(self._request.record)
        if self._request.as_json:
            story = {**report.as_dict(), "media": stats, "timeline": self._timeline}
            print(json.dumps(story, default=str))
        else:
            print(f"\n{report.as_text()}", end="")
        if report.cause == INTERRUPTED:
            return Exit.INTERRUPTED
        return Exit.OK if report.good else Exit.SIP


def check_keys(keys: str) -> None:
    try:
        DtmfQueue().press(keys)
    except ValueError as error:
        raise RequestError(f"--dtmf: {error}") from None
    if len(keys) > MAX_QUEUED:
        raise RequestError(f"--dtmf: {len(keys)} keys are too many; at most {MAX_QUEUED} at once")


def sip_settings(config: Config, request: DialRequest) -> SipSettings:
    told = request.show_sip or request.pcap is not None
    return placing.sip_settings(config, request.account, log_messages=told)


def _sound(request: DialRequest) -> bytes:
    if request.wav is None:
        return sine(request.tone_hz, TONE_MS, dial_sound.RATE_HZ).tobytes()
    return dial_sound.load(request.wav)
