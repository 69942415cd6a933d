"""A `<Record>`, done to a call: what the caller says, until a key, silence or its length ends it.

    AnswerScreen ─▶ Listening ─▶ SoundFile ─▶ its place ─▶ the walk goes on: `action`
                                                  └──────▶ `recordingStatusCallback`

No agent takes part, and none is made up: the caller is heard beside the conversation, as it is by
what finds out who has answered. So the record of the call, its metrics and its tools know of no
engine that is not there.

The call may end in the middle of it: that is how most people end a message. Then what was said is
kept all the same, its agent is told, and asked for its `action`, whose document leads nothing any
more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from structlog.typing import FilteringBoundLogger

from sipua.bridge.call.call_bridge import CallBridge
from sipua.calls.facts import CallFacts
from sipua.codecs.pcm import Pcm
from sipua.record import transcript_redaction
from sipua.record.settings import Numbers
from sipua.recording.writer import RecordingThread
from sipua.twilio import request
from sipua.twilio.recordings import store
from sipua.twilio.recordings.listening import Listening
from sipua.twilio.recordings.sound_file import TOO_SLOW, SoundFile
from sipua.twilio.recordings.store import About
from sipua.twilio.steps import RecordCaller, Recorded
from sipua.twilio.telling import Telling
from sipua.twilio.walk import NOT_PLAYED

WRITTEN_WITHIN_S: Final = 4.0
"""The end of a file; the call waits so long, silent, and then goes on without it."""
_LET_GO_S: Final = 2.0
"""A call that ends, or has another document by now, waits no longer; it is written beside it."""

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    directory: Path
    url: str
    """What the URL of each recording begins with: `https://…/Recordings/`."""
    account_sid: str
    auth_token: str
    numbers: Numbers


class RecordedCall(Protocol):
    """What is needed of a call."""

    bridge: CallBridge
    log: FilteringBoundLogger

    @property
    def over(self) -> bool: ...

    @property
    def on_hold(self) -> bool: ...

    @property
    def put_through(self) -> bool: ...

    def facts(self) -> CallFacts: ...


class Recorder:
    """One worker's."""

    def __init__(self, settings: RecorderSettings, telling: Telling) -> None:
        self.settings = settings
        self.telling = telling
        self.thread = RecordingThread()
        self._work: set[asyncio.Task[Any]] = set()

    def of(self, call: RecordedCall) -> CallRecorder:
        return CallRecorder(self, call)

    def start(self, work: Coroutine[Any, Any, Outcome], name: str) -> asyncio.Task[Outcome]:
        """What goes on when its call is over."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def close(self) -> None:
        """Behind the last call."""
        if self._work:
            await asyncio.wait(self._work, timeout=WRITTEN_WITHIN_S)


class CallRecorder:
    """One call's."""

    def __init__(self, recorder: Recorder, call: RecordedCall) -> None:
        self._recorder = recorder
        self._call = call

    async def record(self, order: RecordCaller, over: asyncio.Event) -> Recorded:
        """`over`: set when it is to end, also by itself."""
        one = _Recording(self._recorder, self._call, order, over)
        try:
            await one.listen()
            return await asyncio.shield(one.finished())
        except asyncio.CancelledError:
            await one.left()
            raise


class _Recording:
    def __init__(
        self, recorder: Recorder, call: RecordedCall, order: RecordCaller, over: asyncio.Event
    ) -> None:
        record, facts, settings = order.record, call.facts(), recorder.settings
        self._recorder = recorder
        self._call = call
        self._order = order
        self._over = over
        self._listening = Listening(
            timeout_s=record.timeout_s, max_length_s=record.max_length_s, trim=record.trim
        )
        self._about = About(
            sid=store.new_sid(),
            call_id=facts.call_id,
            began=datetime.now(UTC),
            direction=facts.direction,
            from_=transcript_redaction.number(facts.from_uri, settings.numbers),
            to=transcript_redaction.number(facts.to_uri, settings.numbers),
        )
        self._written = asyncio.Event()
        self._file = SoundFile(
            store.part_of(settings.directory, self._about),
            self._about,
            _on_loop(self._written.set),
            call.log,
        )
        self._finishing: asyncio.Task[Recorded] | None = None

    async def listen(self) -> None:
        """Until it is over."""
        self._recorder.thread.begin(self._file)
        # Also a phone that sends nothing is silent for so long.
        stop = self._call.bridge.screen.listen(self._hear, steady_since=time.monotonic())
        try:
            await self._over.wait()
        finally:
            stop()

    def finished(self) -> asyncio.Task[Recorded]:
        """Its end goes on, whatever becomes of the call."""
        if self._finishing is None:
            self._finishing = self._recorder.start(self._finish(), "recording")
        return self._finishing

    async def left(self) -> None:
        """The call is over, or goes on with another document."""
        work = self.finished()
        if self._call.over and self._order.after is not None:
            self._recorder.start(self._tell_hung_up(work), "recording: hung up")
        await asyncio.wait([work], timeout=_LET_GO_S)

    def _hear(self, pcm: Pcm) -> None:
        call = self._call
        if call.on_hold or call.put_through or call.bridge.screen.muted:
            return
        for piece in self._listening.feed(pcm):
            if not self._file.add(piece):
                self._over.set()
        if self._listening.ended:
            self._over.set()

    async def _finish(self) -> Recorded:
        self._file.end(self._listening.samples)
        self._recorder.thread.hurry()
        log, failed = self._call.log, TOO_SLOW
        try:
            async with asyncio.timeout(WRITTEN_WITHIN_S):
                await self._written.wait()
            failed = self._file.failed
        except TimeoutError:
            self._file.end(0)
        if failed:
            text = f"Record: {failed}: look at the disk of `twilio.recordings`"
            log.warning("twilio.remark", code=NOT_PLAYED, text=text)
            return Recorded()
        if not self._listening.samples:
            return Recorded()
        about, settings = self._about, self._recorder.settings
        recorded = Recorded(about.sid, settings.url + about.sid, max(1, round(about.seconds)))
        log.info("twilio.recorded", sid=about.sid, seconds=about.seconds)
        self._tell_status(recorded)
        return recorded

    def _tell_status(self, recorded: Recorded) -> None:
        callback, settings = self._order.record.status_callback, self._recorder.settings
        if callback is None:
            return
        told = request.of_recording(
            self._call.facts(),
            settings.account_sid,
            sid=recorded.sid,
            url=recorded.url,
            duration_s=recorded.duration_s,
            began=self._about.began,
        )
        asked = request.written(
            callback.url,
            callback.method,
            told,
            auth_token=settings.auth_token,
            token=request.idempotency_token(recorded.sid, 0),
        )
        self._recorder.telling.tell(asked, self._call.log)

    async def _tell_hung_up(self, work: asyncio.Task[Recorded]) -> None:
        recorded, after, settings = await work, self._order.after, self._recorder.settings
        if not recorded.sid or after is None:
            return
        of_call = request.of_call(self._call.facts(), settings.account_sid, "completed")
        asked = request.written(
            after.url,
            after.method,
            {**of_call, **recorded.results("hangup")},
            auth_token=settings.auth_token,
            token=request.idempotency_token(recorded.sid, 1),
        )
        self._recorder.telling.tell(asked, self._call.log)


def _on_loop(done: Callable[[], None]) -> Callable[[], None]:
    """For another thread. It knows no more than it needs: what it knows lives as long as a file."""
    loop = asyncio.get_running_loop()

    def over() -> None:
        loop.call_soon_threadsafe(done)

    return over
