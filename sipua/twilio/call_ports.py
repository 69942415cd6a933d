"""What documents ask for, done to a call: all but what needs an agent (a stream, a queue)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from structlog.typing import FilteringBoundLogger

from sipua.bridge.agent.speech.spoken_prompt import spoken_text
from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.events import AudioPlayed, BridgeEvent, Interrupted
from sipua.bridge.playout import sounds
from sipua.bridge.playout.sound_files import SoundError
from sipua.calls.legs.outcome import TransferOutcome
from sipua.calls.legs.targets import Asked, Destination, Wanted
from sipua.codecs.pcm import Pcm
from sipua.events.ending import By, Reason
from sipua.twilio import request, steps
from sipua.twilio.dialled import DialCall, Targets
from sipua.twilio.fetch import FetchError, WebClient
from sipua.twilio.request import WebRequest
from sipua.twilio.run import NotPlayedError
from sipua.twilio.sound_cache import SoundCache
from sipua.twilio.steps import Dialled, QueueLeft, RecordCaller, Recorded, Referred
from sipua.twilio.twiml.verbs import Dial, Document, Remark, Sip, Stream
from sipua.twilio.walk import NOT_PLAYED

BUSY: Final = 486
DECLINED: Final = 603
FORBIDDEN: Final = 403
ACCEPTED: Final = 202
_GRACE_S: Final = 10.0
"""The wait beyond a sound's length; not heard by then, it never is."""
_PAUSE_S: Final = 0.5
"""Of a `w` among keys."""
_KEY_S: Final = 0.2
"""Of a key with the pause behind it."""
_WORDS_PER_MINUTE: Final = 150
_VOICE: Final = re.compile(r"[a-z]{2,3}")
"""What is no such word could name a file to espeak-ng."""
NO_LANGUAGE: Final = 13_512
"""As the vendor numbers it."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose documents these are."""

    sid: str
    auth_token: str = ""
    """Empty: requests are not signed."""
    language: str = "en"
    """Of a `<Say>` that names none."""
    destination: Callable[[str], Destination | None] = lambda _: None
    """What a document means by this number, URI or name. None: it may not be called by documents;
    nobody may, unless the configuration says so."""


class DocumentCall(DialCall, Protocol):
    """What is needed of a call."""

    bridge: CallBridge
    confirmed: asyncio.Event
    log: FilteringBoundLogger

    @property
    def answered(self) -> bool: ...

    @property
    def on_hold(self) -> bool: ...

    def answer(self) -> None: ...

    def subscribe(self, listener: Callable[[BridgeEvent, float], None]) -> Callable[[], None]: ...

    async def transfer(self, target: Wanted, by: By = "agent") -> TransferOutcome: ...

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None: ...

    def without_engine(self, reason: Reason, detail: str) -> None: ...


class Agents(Protocol):
    """What talks with the other side, or lets it wait."""

    async def stream(self, stream: Stream) -> None: ...

    async def queue(self, name: str) -> QueueLeft: ...


class Recorder(Protocol):
    """What keeps what the caller says."""

    async def record(self, order: RecordCaller, over: asyncio.Event) -> Recorded:
        """`over`: set when it is to end."""
        ...


class CallPorts:
    """See `sipua.twilio.run.Ports` for what its methods promise."""

    def __init__(
        self,
        call: DocumentCall,
        agents: Agents,
        client: WebClient,
        account: Account,
        sounds_played: SoundCache,
        *,
        run: int = 1,
        recorder: Recorder | None = None,
    ) -> None:
        """`run`: how often documents have begun to lead the call."""
        self._call = call
        self._agents = agents
        self._client = client
        self._account = account
        self._run = run
        self._recorder = recorder
        self._recording_over = asyncio.Event()
        self._finished = 0
        """The recording that a key has ended."""
        self._sounds = sounds_played
        self._targets = Targets(call, account.destination, self.remark)

    @property
    def on_hold(self) -> bool:
        return self._call.on_hold

    @property
    def dialling(self) -> bool:
        return self._targets.active

    def remark(self, remark: Remark) -> None:
        self._call.log.warning("twilio.remark", code=remark.code, text=remark.text)

    async def answer(self) -> None:
        self._call.answer()
        await self._call.confirmed.wait()

    async def document(self, fetch: steps.Fetch) -> Document:
        status: request.CallStatus = "in-progress" if self._call.answered else "ringing"
        facts = self._call.facts()
        parameters = {**request.of_call(facts, self._account.sid, status), **fetch.results}
        document = await self._client.document(
            request.written(
                fetch.url,
                fetch.method,
                parameters,
                auth_token=self._account.auth_token,
                token=request.idempotency_token(f"{facts.call_id} {self._run}", fetch.number),
            )
        )
        verbs = ", ".join(type(verb).__name__ for verb in document.verbs[:10])
        self._call.log.info("twilio.document", number=fetch.number, verbs=verbs)
        return document

    async def speak(self, speak: steps.Speak) -> None:
        language = speak.language or self._account.language
        try:
            pcm = await self._spoken(speak.text, language)
        except SoundError as error:
            if language == self._account.language:
                raise NotPlayedError(f"Say: {error}") from None
            self.remark(Remark(NO_LANGUAGE, "Say: there is no voice of its language here"))
            try:
                pcm = await self._spoken(speak.text, self._account.language)
            except SoundError as again:
                raise NotPlayedError(f"Say: {again}") from None
        await self._heard("say", pcm)

    @staticmethod
    async def _spoken(text: str, language: str) -> Pcm:
        """Raises SoundError."""
        voice = language.partition("-")[0].lower()
        if not _VOICE.fullmatch(voice):
            raise SoundError("its language is none")
        return await asyncio.to_thread(spoken_text, text, voice, _WORDS_PER_MINUTE)

    async def play(self, url: str) -> None:
        try:
            data = await self._client.sound(self._get(url))
            pcm = await asyncio.to_thread(self._sounds.decoded, data, "Play")
        except FetchError as error:
            raise NotPlayedError(f"Play: {error}") from None
        except SoundError as error:
            raise NotPlayedError(str(error)) from None
        await self._heard("play", pcm)

    async def send_keys(self, digits: str) -> None:
        keys = ""
        for digit in f"{digits}w":
            if digit not in "wW":
                keys += digit
                continue
            if keys:
                self._call.bridge.send_dtmf(keys.upper())
            await asyncio.sleep(_KEY_S * len(keys) + _PAUSE_S)
            keys = ""

    async def stream(self, stream: Stream) -> None:
        await self._agents.stream(stream)

    async def queue(self, name: str) -> QueueLeft:
        return await self._agents.queue(name)

    async def dial(self, dial: Dial) -> Dialled:
        return await self._targets.run(dial)

    async def record(self, order: RecordCaller) -> Recorded:
        assert self._recorder is not None
        if self._finished != order.number:
            self._recording_over.clear()
        if order.record.play_beep:
            try:
                await self._heard("beep", sounds.beep())
            except NotPlayedError as error:
                self.remark(Remark(NOT_PLAYED, f"Record: {error}"))
        return await self._recorder.record(order, self._recording_over)

    def finish_recording(self, number: int) -> None:
        self._finished = number
        self._recording_over.set()

    def leave_targets(self) -> None:
        self._targets.leave()

    async def refer(self, uri: str) -> Referred:
        destination = self._targets.known(Sip(uri))
        if destination is None:
            return Referred(FORBIDDEN)
        outcome = await self._call.transfer(Asked(destination.targets[0], mode="refer"))
        if outcome.ok:
            await asyncio.Event().wait()  # until the call ends
        return Referred(ACCEPTED, outcome.status) if outcome.accepted else Referred(outcome.status)

    def reject(self, reason: Literal["rejected", "busy"]) -> None:
        status = BUSY if reason == "busy" else DECLINED
        self._call.hang_up(Reason.AGENT_HANGUP, f"TwiML: rejected ({reason})", status)

    def hang_up(self) -> None:
        self._call.hang_up(Reason.AGENT_HANGUP, "TwiML: the documents are at their end")

    def give_up(self, detail: str) -> None:
        self._call.without_engine(Reason.ENGINE_UNREACHABLE, f"TwiML: {detail}")

    def _get(self, url: str) -> WebRequest:
        return request.written(url, "GET", {}, auth_token=self._account.auth_token, token="")

    async def _heard(self, name: str, pcm: Pcm) -> None:
        """Until it has been heard to its end."""
        bridge = self._call.bridge
        over: set[str] = set()
        news = asyncio.Event()

        def listen(event: BridgeEvent, _now: float) -> None:
            if isinstance(event, AudioPlayed | Interrupted):
                over.add(event.item_id)
                news.set()

        unsubscribe = self._call.subscribe(listen)
        bridge.interruptible = False  # by voice
        try:
            item = bridge.play(f"twiml:{name}", pcm, interruptible=True)
            while item not in over:
                news.clear()
                try:
                    async with asyncio.timeout(len(pcm) / sounds.RATE_HZ + _GRACE_S):
                        await news.wait()
                except TimeoutError:
                    if not self._call.on_hold:  # it stands still meanwhile
                        raise NotPlayedError(f"{name}: it was not heard to its end") from None
        except (asyncio.CancelledError, NotPlayedError):
            bridge.interrupt("caller")
            raise
        finally:
            bridge.interruptible = True
            unsubscribe()
