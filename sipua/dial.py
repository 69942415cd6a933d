"""`sipua call URI`: place one call, say something into it, record what comes back, tell the story.

First it only listens, as people do when they are greeted; `say_after_s` later it speaks.

The same signalling and media path as the edge's, with a file in the place of the engine: what
works here works for a caller.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr
import uvloop

from sipua import doctor, logs, wiring
from sipua.bridge.call import BridgeEvent, CallBridge, PeerSilent
from sipua.bridge.engines.base import AudioDelta, AudioDone, Event
from sipua.bridge.pacer import Pacer
from sipua.codecs.tones import sine
from sipua.config import Config
from sipua.exits import Exit
from sipua.rtp.ports import NoPortsLeft, PortPool
from sipua.sip.agent import SipAgent
from sipua.sip.endpoint import CannotListenError, PortTakenError
from sipua.sip.messages import (
    CallConfirmed,
    CallEnded,
    CallProgress,
    EndedBy,
    Hangup,
    MediaReady,
    PlaceCall,
    SignallingFault,
    SipEvent,
    new_call_id,
)

RATE = 24_000
TONE_MS = 1000
SIGNALLING_GRACE_S = 3.0
_ENDED_WELL = (200, 487)


class WavError(Exception):
    """The file is not a sound that we can play."""


@dataclass(frozen=True, slots=True)
class DialRequest:
    uri: str
    account: str = ""
    wav: Path | None = None
    tone_hz: float = 440.0
    say_after_s: float = 4.0
    seconds: float = 10.0
    record: Path | None = None
    as_json: bool = False


@dataclass(slots=True)
class Tape:
    """In the engine's place: plays one recording into the call and keeps what it hears."""

    sound: bytes
    on_event: Callable[[Event], None]
    session_id: str = "tape"
    heard: list[bytes] = field(default_factory=list)

    async def connect(self, timeout_s: float) -> None:
        """Nothing to connect to."""

    def append(self, pcm: bytes) -> None:
        self.heard.append(pcm)

    def greet(self, instructions: str | None = None) -> None:
        self.on_event(AudioDelta("recording", 0, self.sound))
        self.on_event(AudioDone("recording"))

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        """A tape does not remember what it said."""

    def cancel(self) -> None:
        """Nothing of it is made up as it goes."""

    async def close(self) -> None:
        """Nothing to close."""

    def counters(self) -> dict[str, int]:
        return {}


def run(config: Config, request: DialRequest) -> int:
    """The process's exit code: 0 when the call was answered and ended as it should."""
    try:
        sound = _sound(request)
    except WavError as error:
        print(f"sipua: {error}", file=sys.stderr)
        return Exit.USAGE
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(Dial(config, request, sound).run())


class Dial:
    def __init__(self, config: Config, request: DialRequest, sound: bytes) -> None:
        self._config = config
        self._request = request
        self._call_id = new_call_id()
        self._began = time.monotonic()
        self._timeline: list[dict[str, object]] = []
        self._ended = asyncio.Event()
        self._outcome: CallEnded | None = None
        self._confirmed = False
        self._cause = ""
        self._log = logs.bind_call(self._call_id)
        self._tape = Tape(sound, on_event=lambda _: None)
        rtp = config.rtp
        self._ports = PortPool(rtp.host or config.sip.host, rtp.port_min, rtp.port_max)

    async def run(self) -> int:
        # Port 0: the edge itself may run on this machine and hold the configured one.
        config = self._config.model_copy(
            update={"sip": self._config.sip.model_copy(update={"port": 0})}
        )
        settings = wiring.sip_settings(config, max_calls=doctor.build_info().max_calls)
        gate = wiring.admission(config, max_calls=0)  # while we call, nobody calls us
        self._sip = SipAgent(settings, gate, self._ports, self._on_sip)
        pacer = Pacer()
        try:
            await self._sip.start()
            local = self._ports.reserve(time.monotonic())
        except (PortTakenError, CannotListenError, NoPortsLeft) as error:
            print(f"sipua: {error}", file=sys.stderr)
            pacer.close()
            return Exit.NETWORK
        self._bridge = CallBridge(
            local=local,
            pacer=pacer,
            settings=wiring.media_settings(config),
            make_session=self._make_tape,
        )
        self._bridge.on_event = self._on_bridge
        self._tell("invite", uri=self._request.uri, rtp_port=local.port)
        self._sip.send(PlaceCall(self._call_id, self._request.uri, local, self._request.account))
        loop = asyncio.get_running_loop()
        loop.call_later(self._config.calls.ring_timeout_s, self._give_up)
        await self._ended.wait()
        stats = self._bridge.stats()
        await self._bridge.close()
        pacer.close()
        self._ports.release(local, time.monotonic())
        await self._sip.stop(SIGNALLING_GRACE_S)
        return self._report(stats)

    def _make_tape(self, on_event: Callable[[Event], None]) -> Tape:
        self._tape.on_event = on_event
        return self._tape

    # --- the story ------------------------------------------------------------------------

    def _on_sip(self, event: SipEvent) -> None:
        match event:
            case CallProgress():
                self._tell("progress", status=event.status, reason=event.reason)
            case MediaReady():
                self._bridge.open_media(wiring.media_plan(event.media))
                host, port = event.media.remote
                self._tell(
                    "media",
                    codec=event.media.codec,
                    remote=f"{host}:{port}",
                    direction=event.media.direction,
                )
            case CallConfirmed():
                self._confirmed = True
                self._tell("answered")
                self._bridge.start()
                loop = asyncio.get_running_loop()
                loop.call_later(self._request.say_after_s, self._speak)
                loop.call_later(self._request.seconds, self._hang_up)
            case CallEnded():
                self._outcome = event
                self._tell("ended", by=event.by, status=event.status, reason=event.reason)
                self._ended.set()
            case SignallingFault():
                self._tell("fault", where=event.where, error=event.error)
            case _:
                """Registrations and refusals are the edge's business."""

    def _on_bridge(self, event: BridgeEvent) -> None:
        if isinstance(event, PeerSilent):
            self._cause = f"no RTP for {event.idle_s:.0f} s"
            self._hang_up()

    def _speak(self) -> None:
        if not self._ended.is_set():
            self._tell("speaking")
            self._tape.greet()

    def _hang_up(self) -> None:
        self._sip.send(Hangup(self._call_id))

    def _give_up(self) -> None:
        if not self._confirmed:
            self._cause = "no answer"
            self._hang_up()

    def _tell(self, what: str, **details: object) -> None:
        at_ms = round((time.monotonic() - self._began) * 1000, 1)
        self._timeline.append({"at_ms": at_ms, "event": what, **details})
        if not self._request.as_json:
            told = "  ".join(f"{name}={value}" for name, value in details.items())
            print(f"{at_ms:10.1f} ms  {what:<10}{told}")

    def _report(self, stats: dict[str, object]) -> int:
        heard = np.frombuffer(b"".join(self._tape.heard), np.int16)
        if self._request.record is not None:
            _write_wav(self._request.record, heard)
        result = {
            "call_id": self._call_id,
            "answered": self._confirmed,
            "cause": self._cause,
            "heard_s": round(len(heard) / RATE, 3),
            "heard_dbfs": _level_dbfs(heard),
            "recording": str(self._request.record) if self._request.record else None,
            "media": stats,
            "timeline": self._timeline,
        }
        if self._request.as_json:
            print(json.dumps(result, default=str))
        else:
            self._print_summary(result)
        ended_well = (
            self._confirmed
            and self._outcome is not None
            and (self._outcome.by is EndedBy.US or self._outcome.status in _ENDED_WELL)
            and not self._cause
        )
        return Exit.OK if ended_well else Exit.SIP

    def _print_summary(self, result: dict[str, object]) -> None:
        print()
        if not self._confirmed:
            status = self._outcome.status if self._outcome else 0
            reason = self._cause or (self._outcome.reason if self._outcome else "")
            print(f"  not answered: {status} {reason}")
            return
        print(f"  heard {result['heard_s']} s at {result['heard_dbfs']} dBFS", end="")
        print(f", written to {result['recording']}" if result["recording"] else "")
        if self._cause:
            print(f"  ended because: {self._cause}")


def _sound(request: DialRequest) -> bytes:
    if request.wav is None:
        return sine(request.tone_hz, TONE_MS, RATE).tobytes()
    try:
        with wave.open(str(request.wav), "rb") as source:
            if source.getsampwidth() != 2:
                raise WavError(f"{request.wav}: {source.getsampwidth() * 8} bit; use 16 bit PCM")
            channels, rate = source.getnchannels(), source.getframerate()
            samples = np.frombuffer(source.readframes(source.getnframes()), np.int16)
    except (OSError, EOFError, wave.Error) as error:
        raise WavError(f"{request.wav}: {error}; use a WAV file with 16 bit PCM") from None
    mono = samples.reshape(-1, channels)[:, 0]
    return np.ascontiguousarray(soxr.resample(mono, rate, RATE)).astype(np.int16).tobytes()


def _write_wav(path: Path, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


def _level_dbfs(samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float | None:
    if not len(samples):
        return None
    power = float(np.mean(np.square(samples.astype(np.float64))))
    return round(10 * math.log10(max(power, 1e-9) / 32768**2), 1)
