"""Commands from outside, done to one call. Whether each is possible now, `moments` says.

Each is told as `call.steered` with its outcome and with the holder of the token who wanted it: what
the agent's own tools do is done by the same methods of the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Protocol, TypeAlias

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.playout.sound_files import SoundError
from sipua.bridge.playout.sounds import RATE_HZ
from sipua.calls.legs.outcome import TransferOutcome
from sipua.calls.legs.targets import Asked, Wanted
from sipua.calls.steer import goodbye
from sipua.calls.steer.commands import (
    Command,
    Done,
    HangUp,
    Hold,
    Inject,
    JoinQueue,
    Mute,
    Park,
    Play,
    PressKeys,
    Record,
    RunDocuments,
    Say,
    SetMetadata,
    Supervise,
    SuperviseEnd,
    SuperviseMode,
    Transfer,
    Unpark,
    Whisper,
    name_of,
)
from sipua.calls.steer.hold import OurHold
from sipua.calls.steer.metadata import metadata_fault
from sipua.calls.steer.moments import Moment, refusal
from sipua.calls.steer.sound_files import SoundFiles
from sipua.codecs.pcm import Pcm
from sipua.events import call_events
from sipua.events.ending import By, Reason
from sipua.events.event import Event
from sipua.recording.call_recording import CallRecording
from sipua.recording.state import NotNowError

ASKER: Final = "operator"
SAY: Final = (
    "Say the following to the caller now, word for word, and nothing else before or after it:\n\n"
)
WHISPERED: Final = (
    "A supervisor who listens to this call tells you the following. The caller does not hear it: "
    "act on it, and do not mention it.\n\n"
)
LONGEST_SOUND_S: Final = 120
NOT_AVAILABLE: Final = 480
OVER: Final = Done("no_call", "the call has ended meanwhile")


class SteeredCall(Protocol):
    """What steering needs of a call."""

    bridge: CallBridge
    confirmed: asyncio.Event
    hold: OurHold
    recording: CallRecording | None

    @property
    def over(self) -> bool: ...

    @property
    def on_hold(self) -> bool: ...

    @property
    def engine_missed(self) -> bool: ...

    @property
    def in_menu(self) -> bool: ...

    @property
    def in_documents(self) -> bool: ...

    @property
    def transfer_under_way(self) -> bool: ...

    @property
    def put_through(self) -> bool: ...

    def tell(self, event: Event) -> None: ...

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]: ...

    async def transfer(self, target: Wanted, by: By) -> TransferOutcome: ...

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None: ...

    def set_metadata(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """Add these, take those without a value away; returns all."""


ByPeople: TypeAlias = Supervise | SuperviseMode | SuperviseEnd | Park | Unpark


class Supervises(Protocol):
    """The supervisors of a call, and those who fetch it when it is parked."""

    def do(self, command: ByPeople, by: str) -> Done: ...


class Steering:
    """One call's."""

    def __init__(
        self,
        call: SteeredCall,
        hold_sound: Pcm,
        files: SoundFiles,
        supervision: Supervises,
        lead: Callable[[JoinQueue | RunDocuments], TransferOutcome],
    ) -> None:
        """`lead`: gives the call to a queue, or to documents."""
        self._call = call
        self._supervision = supervision
        self._lead = lead
        self._hold_sound = hold_sound
        self._files = files

    def take(self, command: Command, by: str, answer: Callable[[Done], None]) -> None:
        """Do it; `answer` is called once, unless the call ends before."""
        if self._call.over:  # its record is being written: nothing may begin any more
            answer(OVER)
            return

        async def work() -> None:
            answer(await self.do(command, by))

        self._call.start(work(), f"steering: {name_of(command)}")

    async def do(self, command: Command, by: str) -> Done:
        """The outcome; it is told as well."""
        done = refusal(command, self._moment())
        if done is None and isinstance(command, Record):
            done = self._record(command, by)
        elif done is None and isinstance(command, ByPeople):
            done = self._supervision.do(command, by)
        elif done is None and isinstance(command, Whisper):
            as_order = Inject("system", WHISPERED + command.text, command.respond)
            done = await self._do(as_order)
        elif done is None:
            done = await self._do(command)
        self._call.tell(_told(command, by, done))
        if isinstance(command, HangUp) and done.ok:
            self._hang_up(command, by)
        return done

    async def _do(self, command: Command) -> Done:
        bridge = self._call.bridge
        match command:
            case HangUp():
                return Done("accepted")
            case Transfer() | JoinQueue() | RunDocuments():
                return await self._pass_on(command)
            case Hold():
                return await self._hold(command)
            case Play():
                return await self._play(command)
            case SetMetadata():
                return self._metadata(command)
            case PressKeys():
                bridge.send_dtmf(command.digits)
                return Done("accepted")
            case Mute(side="agent"):
                bridge.mute_agent(command.on)
            case Mute():
                bridge.listen(not command.on, ASKER)
            case Say():
                if command.interrupt:
                    bridge.interrupt("operator")
                bridge.speak(SAY + command.text)
                return Done("accepted")
            case Inject():
                bridge.inject(command.role, command.text, respond=command.respond)
        return Done("done")

    def _moment(self) -> Moment:
        call = self._call
        return Moment(
            confirmed=call.confirmed.is_set(),
            on_hold=call.on_hold,
            held_by_us=call.hold.on,
            hold_under_way=call.hold.under_way,
            transfer_under_way=call.transfer_under_way,
            put_through=call.put_through,
            agent_muted=call.bridge.agent_muted,
            engine_gone=call.engine_missed or call.in_menu,
            documents=call.in_documents,
            injects=call.bridge.capabilities.inject,
        )

    def _hang_up(self, command: HangUp, by: str) -> None:
        detail = ": ".join(filter(None, (by, command.detail))) or "by an operator"
        if command.after_speech and self._call.confirmed.is_set():
            ending = goodbye.after_speech(self._call, Reason.OPERATOR_HANGUP, detail)
            self._call.start(ending, "hang-up after speech")
        else:
            self._call.hang_up(Reason.OPERATOR_HANGUP, detail, NOT_AVAILABLE)

    async def _pass_on(self, command: Transfer | JoinQueue | RunDocuments) -> Done:
        if isinstance(command, Transfer):
            return await self._transfer(command)
        outcome = self._lead(command)
        if outcome.ok:
            return Done("accepted")
        return Done("invalid" if outcome.cause == "invalid" else "wrong_state", outcome.reason)

    async def _transfer(self, command: Transfer) -> Done:
        wanted = Asked(command.target, command.name, command.mode)
        if command.wait:
            outcome = await self._call.transfer(wanted, "operator")
            return OVER if self._call.over and not outcome.ok else _transferred(outcome)

        async def work() -> None:
            await self._call.transfer(wanted, "operator")

        self._call.start(work(), "transfer")
        return Done("accepted")

    async def _hold(self, command: Hold) -> Done:
        outcome = await self._call.hold.set(command.on)
        if self._call.over:
            return OVER
        if outcome.ok:
            self._call.bridge.fill(self._hold_sound if command.on else None, ASKER)
            return Done("done")
        if not outcome.status:
            return Done("timeout", outcome.reason)
        values: dict[str, str | int] = {"status": outcome.status, "reason": outcome.reason}
        return Done("refused", f"{outcome.status} {outcome.reason}", values)

    async def _play(self, command: Play) -> Done:
        try:
            pcm = await self._files.load(command.sound)
        except SoundError as error:
            return Done("invalid", str(error))
        if len(pcm) > LONGEST_SOUND_S * RATE_HZ:
            return Done("invalid", f"{command.sound} is longer than {LONGEST_SOUND_S} s")
        if (done := refusal(command, self._moment())) is not None:  # reading it took a while
            return done
        bridge = self._call.bridge
        if command.interrupt:
            bridge.interrupt("operator")
        return Done("accepted", values={"item": bridge.play("played", pcm)})

    def _record(self, command: Record, by: str) -> Done:
        recording = self._call.recording
        if recording is None:
            return Done("unsupported", "recordings are off for this call: `recording.when`")
        if command.act == "start":
            try:
                begun = recording.start(by)
            except NotNowError as error:
                return Done("wrong_state", str(error))
            asked = "the caller is asked first; recording.started or .blocked tells the rest"
            return Done("done") if begun else Done("accepted", asked)
        if command.act == "stop":
            changed = recording.stop()
        elif command.act == "pause":
            changed = recording.pause(ASKER)
        else:
            changed = recording.resume(ASKER, for_all=True)
        now = recording.state.now
        return Done("done", "" if changed else f"the recording is {now}", {"state": now})

    def _metadata(self, command: SetMetadata) -> Done:
        values = self._call.set_metadata(command.values)
        if fault := metadata_fault(values):
            return Done("invalid", fault)
        return Done("done", values=dict(values))


def _transferred(outcome: TransferOutcome) -> Done:
    if outcome.ok:
        return Done("done", values={"status": outcome.status, "reason": outcome.reason})
    status: Any = {408: "timeout", 416: "invalid"}.get(outcome.status, "refused")
    values: dict[str, str | int] = {"status": outcome.status, "reason": outcome.reason}
    return Done(status, f"{outcome.status} {outcome.reason}", values)


def _told(command: Command, by: str, done: Done) -> Event:
    """Who wanted what. Not the words, keys and values: they may be private."""
    event = call_events.Steered(act=name_of(command), by=by, status=done.status)
    match command:
        case HangUp() | Transfer() | Play() | Supervise():
            event.about = getattr(command, "target", None) or getattr(command, "sound", None)
        case Hold():
            event.on = command.on
        case Record():
            event.about = command.act
        case JoinQueue():
            event.about = command.queue
        case Mute():
            event.about, event.on = command.side, command.on
        case PressKeys():
            event.size = len(command.digits)
        case SuperviseMode():
            event.about = command.mode
        case Park():
            event.about = command.slot
        case Say() | Whisper():
            event.size = len(command.text)
        case Inject():
            event.about, event.size = command.role, len(command.text)
        case SetMetadata():
            event.about, event.size = ", ".join(sorted(command.values)), len(command.values)
    event.detail = done.detail or getattr(command, "detail", "")
    return event
