"""The recording of one call: begun, paused, stopped; its consent asked for; its file finished."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from structlog.typing import FilteringBoundLogger

from sipua.bridge.call.media_path import MediaPath
from sipua.bridge.events import BridgeEvent
from sipua.bridge.fault_owner import nothing
from sipua.codecs.g711 import Law
from sipua.codecs.pcm import Pcm
from sipua.events import recording_events
from sipua.events.event import Event
from sipua.events.teller import rfc3339
from sipua.recording.consent import ConsentQuestion, Verdict
from sipua.recording.files import finishing, metadata
from sipua.recording.files.metadata import Metadata, Pause
from sipua.recording.files.settings import PART, RecordingSettings, When
from sipua.recording.recording_file import RecordingFile
from sipua.recording.state import RecordingState
from sipua.recording.taps import RecordedTransport, both_taps
from sipua.recording.writer import RecordingThread
from sipua.rtp.events import Address, RtpEvent
from sipua.rtp.session.transport import Tap

CONFIGURED: Final = "configuration"
_NOTICE: Final = "recording-notice"
_CLOSED_WITHIN_S: Final = 4.0
_FINISHED_WITHIN_S: Final = 5.0
"""A call's end does not wait longer; what is finished later is told behind it."""
_LONGEST_NOTICE_S: Final = 120.0


class RecordedLeg(Protocol):
    tap: Tap | None


class RecordedBridge(Protocol):
    @property
    def leg(self) -> RecordedLeg: ...

    def play(self, name: str, pcm: Pcm) -> str: ...


class RecordedCall(Protocol):
    """What a recording needs of its call."""

    log: FilteringBoundLogger
    confirmed: asyncio.Event

    def tell(self, event: Event) -> None: ...

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]: ...

    def subscribe(self, listener: Callable[[BridgeEvent, float], None]) -> Callable[[], None]: ...


class CallRecording:
    """The loop calls all methods."""

    def __init__(
        self,
        settings: RecordingSettings,
        thread: RecordingThread,
        when: When,
        metadata: Metadata,
        *,
        day: str,
        notice: Pcm | None,
    ) -> None:
        """`metadata`: what is known of the call. `notice`: what is said before anything is kept."""
        self.state = RecordingState(when, consent_needed=settings.consent != "none")
        self._settings = settings
        self._thread = thread
        self._about = metadata
        self._folder = settings.directory / day
        self._notice = notice
        self._automatic = when == "always"
        self._laws: dict[int, Law] = {}
        self._law = Law.PCMU
        self._file: RecordingFile | None = None
        self._began_s = 0.0
        self._begun_by = ""  # before the call was confirmed
        self._files = 0
        self._saved: list[dict[str, object]] = []
        self._finishing: set[asyncio.Task[None]] = set()
        self._call: RecordedCall | None = None
        self._bridge: RecordedBridge | None = None
        self._tell: Callable[[Event], None] = nothing
        self._loop = asyncio.get_running_loop()

    def path(self, path: MediaPath) -> MediaPath:
        """The call's, with our ear in it."""
        return replace(path, transport=partial(RecordedTransport, self._on_heard))

    # --- the call's life ------------------------------------------------------------------

    def attach(self, call: RecordedCall, bridge: RecordedBridge) -> None:
        """Before its media is opened."""
        self._call, self._bridge, self._tell = call, bridge, call.tell
        bridge.leg.tap = both_taps(self._on_datagram, bridge.leg.tap)
        if self._automatic:
            self.state.start()
            self._open(CONFIGURED)

    def on_media(self, codec: str, types: Mapping[int, str]) -> None:
        """Offer and answer, the first and later ones."""
        self._law = Law[codec]
        self._laws.update(
            {number: Law[name] for number, name in types.items() if name in Law.__members__}
        )

    def on_confirmed(self) -> None:
        """Before our first packet leaves."""
        if self._begun_by:
            self._begin_file(self._begun_by)

    async def close(self) -> None:
        """The call is over. On return the file is complete, if the disk and its length allow it."""
        if self.state.now == "asking":
            self._block("call_ended")
        self._end_file()
        if self._finishing:
            await asyncio.wait(self._finishing, timeout=_CLOSED_WITHIN_S + _FINISHED_WITHIN_S)
        self._call = self._bridge = None

    def stats(self) -> dict[str, Any]:
        """For `call.ended`."""
        return {"state": self.state.now, "files": list(self._saved)}

    @property
    def pauses_while_collecting(self) -> bool:
        return self._settings.pause_while_collecting

    # --- what others want done ------------------------------------------------------------

    def start(self, by: str) -> bool:
        """True: it is kept from now on; False: the caller is asked first. Raises NotNowError."""
        state = self.state.start()
        self._open(by)
        return state != "asking"

    def stop(self) -> bool:
        """False: nothing was recorded."""
        had_file = self.state.stop()
        self._end_file()
        return had_file

    def pause(self, asker: str) -> bool:
        """False: the sound was not kept anyway; it will not be before `resume` either."""
        if not self.state.pause(asker) or self._file is None:
            return False
        self._file.pause()
        self._about.pauses.append(Pause(self._at_ms(), asker))
        self._tell(recording_events.RecordingPaused(by=asker, at_ms=self._at_ms()))
        return True

    def resume(self, asker: str, *, for_all: bool = False) -> bool:
        """`for_all`: also for those who have not asked for it. False: it stays as it was."""
        resumed = self.state.resume_all() if for_all else self.state.resume(asker)
        if not resumed or self._file is None:
            return False
        self._file.go_on()
        if self._about.pauses:
            self._about.pauses[-1].until_ms = self._at_ms()
        self._tell(recording_events.RecordingResumed(by=asker, at_ms=self._at_ms()))
        return True

    # --- consent --------------------------------------------------------------------------

    def _open(self, by: str) -> None:
        call, bridge = self._call, self._bridge
        assert call is not None
        assert bridge is not None
        if self.state.now == "asking":
            assert self._notice is not None
            question = ConsentQuestion(bridge.play(_NOTICE, self._notice), self._settings)
            verdict: asyncio.Future[Verdict] = self._loop.create_future()

            def listen(event: BridgeEvent, _now: float) -> None:
                if not verdict.done() and (found := question.feed(event)) is not None:
                    verdict.set_result(found)

            unsubscribe = call.subscribe(listen)
            call.start(self._ask(by, question, verdict, unsubscribe), "consent")
        elif call.confirmed.is_set():
            self._begin_file(by)
        else:
            self._begun_by = by

    async def _ask(
        self,
        by: str,
        question: ConsentQuestion,
        verdict: asyncio.Future[Verdict],
        unsubscribe: Callable[[], None],
    ) -> None:
        assert self._call is not None
        try:
            await self._call.confirmed.wait()
            until_s = self._loop.time() + _LONGEST_NOTICE_S
            while not verdict.done() and not question.played and self._loop.time() < until_s:
                await asyncio.wait({verdict}, timeout=0.1)
            if not verdict.done() and question.played:
                await asyncio.wait({verdict}, timeout=self._settings.key_wait_s)
        finally:
            unsubscribe()
        if self.state.now != "asking":
            return  # it was stopped meanwhile
        if verdict.done() and verdict.result() == "agreed":
            self.state.answered(agreed=True)
            self._begin_file(by)
        else:
            missing = "no_key" if question.played else "not_heard"
            self._block(verdict.result() if verdict.done() else missing)

    def _block(self, reason: str) -> None:
        self.state.answered(agreed=False)
        self._tell(recording_events.RecordingBlocked(reason=reason))

    # --- files ----------------------------------------------------------------------------

    def _begin_file(self, by: str) -> None:
        if self._file is not None or self.state.now not in ("recording", "paused"):
            return
        assert self._call is not None
        self._files += 1
        number = "" if self._files == 1 else f".{self._files}"
        part = self._folder / f"{self._about.call_id}{number}{PART}"
        self._began_s = time.monotonic()
        self._about = Metadata(
            **{
                **{name: getattr(self._about, name) for name in _OF_THE_CALL},
                "began": rfc3339(datetime.now(UTC)),
                "by": by,
                "basis": self._settings.consent,
                "format": self._settings.format,
            }
        )
        self._file = RecordingFile(
            part,
            self._began_s,
            self._laws,
            law=self._law if self._settings.format == "wav-g711" else None,
            mask_digits=self._settings.mask_digits,
            complain=partial(self._complain, part),
            log=self._call.log,
        )
        # Beside it at once, so that a file whose end is never seen has it.
        self._thread.begin(self._file, partial(_write_beside, part, self._about))
        self._tell(
            recording_events.RecordingStarted(file=str(part), by=by, basis=self._settings.consent)
        )
        if self.state.now == "paused":
            self._file.pause()
            for asker in self.state.askers:
                self._about.pauses.append(Pause(0, asker))

    def _end_file(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        file.end(time.monotonic())
        self._thread.hurry()
        about = self._about
        task = self._loop.create_task(self._finish(file, about), name="recording")
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _finish(self, file: RecordingFile, about: Metadata) -> None:
        if not await asyncio.to_thread(file.closed.wait, _CLOSED_WITHIN_S):
            self._fail(file.path, "the disk does not answer", over=False)
            return
        about.seconds, about.missed_s, about.failed = file.seconds, file.missed_s, file.failed
        if file.dropped:
            about.failed = about.failed or f"{file.dropped} packets came too fast for the disk"
        try:
            done = await asyncio.to_thread(finishing.finish, file.path, about, self._settings)
        except (OSError, finishing.FinishError) as error:
            # What is left of it is finished by the keeper.
            self._fail(file.path, str(error), over=not file.path.exists())
            return
        saved = finishing.saved(done, about, sealed=bool(self._settings.recipients))
        self._saved.append({"path": saved.path, "bytes": saved.bytes, "seconds": saved.seconds})
        self._tell(saved)

    def _complain(self, part: Path, why: str) -> None:
        """On the thread of the files."""
        self._loop.call_soon_threadsafe(partial(self._fail, part, why, over=False))

    def _fail(self, path: Path, why: str, *, over: bool) -> None:
        self._tell(recording_events.RecordingFailed(path=str(path), error=why, over=over))

    def _at_ms(self) -> int:
        return round((time.monotonic() - self._began_s) * 1000)

    # --- each packet ----------------------------------------------------------------------

    def _on_heard(self, events: Sequence[RtpEvent]) -> None:
        if self._file is not None:
            self._file.heard(events)

    def _on_datagram(self, now: float, sent: bool, peer: Address, datagram: bytes) -> None:
        if sent and self._file is not None:
            self._file.tap(now, sent, peer, datagram)


def _write_beside(part: Path, about: Metadata) -> None:
    with suppress(OSError):  # the file itself will say so
        metadata.write(finishing.metadata_of(part), about)


_OF_THE_CALL: Final = ("call_id", "direction", "from_", "to", "origin", "route")
