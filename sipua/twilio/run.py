"""A walk through documents, carried out: one thing at a time, until the call is over.

    keys ──────────────────┐
    the end of what runs ──┼─▶ TwimlWalk ─▶ steps ─▶ Ports: what is done to the call
    the time ──────────────┘

What is awaited runs as a task. Whatever takes its place cancels it, and waits until it has let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias, assert_never

from sipua.twilio import steps
from sipua.twilio.fetch import FetchError
from sipua.twilio.steps import Awaited, Dialled, Last, QueueLeft, Recorded, Referred, Step
from sipua.twilio.twiml.parse import TwimlError
from sipua.twilio.twiml.verbs import Action, Dial, Document, Remark, Stream
from sipua.twilio.walk import TwimlWalk

_MOST_WAITING: Final = 32
"""Keys; who presses them faster than they are taken is no person."""

Told: TypeAlias = Callable[[float], Sequence[Step]]
"""An outcome for the walk, at a time."""


class NotPlayedError(Exception):
    """It cannot be heard; the text says why."""


class Ports(Protocol):
    """What is done to the call. The asynchronous ones return when it is over, and end it when they
    are cancelled."""

    @property
    def on_hold(self) -> bool: ...

    def remark(self, remark: Remark) -> None: ...

    async def answer(self) -> None:
        """Until both sides can hear each other."""

    async def document(self, fetch: steps.Fetch) -> Document:
        """Raises FetchError and TwimlError."""
        ...

    async def speak(self, speak: steps.Speak) -> None:
        """Raises NotPlayedError, as the next two."""

    async def play(self, url: str) -> None: ...

    async def send_keys(self, digits: str) -> None: ...

    async def stream(self, stream: Stream) -> None: ...

    async def dial(self, dial: Dial) -> Dialled: ...

    def leave_targets(self) -> None:
        """Of `dial`, which returns for it."""

    async def refer(self, uri: str) -> Referred: ...

    async def queue(self, name: str) -> QueueLeft: ...

    async def record(self, order: steps.RecordCaller) -> Recorded: ...

    def finish_recording(self, number: int) -> None:
        """Of `record`, which returns for it."""

    def reject(self, reason: Literal["rejected", "busy"]) -> None: ...

    def hang_up(self) -> None: ...

    def give_up(self, detail: str) -> None: ...


class TwimlRun:
    """On the loop of the call."""

    def __init__(self, walk: TwimlWalk, ports: Ports) -> None:
        self._walk = walk
        self._ports = ports
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[Told | asyncio.Task[Told]] = asyncio.Queue()
        self._work: asyncio.Task[Told] | None = None

    def key(self, digit: str) -> None:
        if self._news.qsize() < _MOST_WAITING:
            self._news.put_nowait(lambda now: self._walk.key(digit, now))

    async def run(self, first: Action | Document) -> None:
        """Until the documents are at their end; cancelled when the call ends before."""
        now = self._loop.time()
        try:
            if isinstance(first, Action):
                asked = self._walk.begin(first, now)
            else:
                asked = self._walk.begin_with(first, now)
            await self._do(asked)
            while not self._walk.over:
                await self._do(await self._next())
        finally:
            self._walk.hung_up()
            await self._stop()

    async def _next(self) -> Sequence[Step]:
        try:
            async with asyncio.timeout_at(self._walk.deadline):
                news = await self._news.get()
        except TimeoutError:
            now = self._loop.time()
            if self._ports.on_hold and self._walk.postpone(now):
                return ()
            return self._walk.expire(now)
        if not isinstance(news, asyncio.Task):
            return news(self._loop.time())
        if news is not self._work:
            return ()  # it was stopped when it had just ended
        self._work = None
        return news.result()(self._loop.time())

    async def _do(self, asked: Sequence[Step]) -> None:
        for step in asked:
            match step:
                case Remark():
                    self._ports.remark(step)
                case steps.Stop():
                    await self._stop()
                case steps.LeaveTargets():
                    self._ports.leave_targets()
                case steps.FinishRecording(number):
                    self._ports.finish_recording(number)
                case steps.RejectCall() | steps.HangUp() | steps.GiveUp():
                    self._end(step)
                case _:
                    self._begin(step)

    def _end(self, step: Last) -> None:
        match step:
            case steps.RejectCall(reason):
                self._ports.reject(reason)
            case steps.HangUp():
                self._ports.hang_up()
            case steps.GiveUp(detail):
                self._ports.give_up(detail)

    def _begin(self, step: Awaited) -> None:
        work = self._loop.create_task(self._carried_out(step), name=type(step).__name__)
        work.add_done_callback(self._ended)
        self._work = work

    def _ended(self, work: asyncio.Task[Told]) -> None:
        if not work.cancelled():
            self._news.put_nowait(work)

    async def _stop(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
            await asyncio.wait([work])
            if not work.cancelled():
                work.exception()  # it had just ended, and nobody wants to know how

    async def _carried_out(self, step: Awaited) -> Told:
        walk, ports = self._walk, self._ports
        match step:
            case steps.Answer():
                await ports.answer()
                return walk.picked_up
            case steps.Fetch():
                return await self._fetched(step)
            case steps.Speak():
                return await self._heard(ports.speak(step))
            case steps.PlaySound(url):
                return await self._heard(ports.play(url))
            case steps.SendKeys(digits):
                return await self._heard(ports.send_keys(digits))
            case steps.OpenStream(stream):
                await ports.stream(stream)
                return walk.stream_ended
            case steps.CallTargets(dial):
                dialled = await ports.dial(dial)
                return lambda now: walk.dialled(dialled, now)
            case steps.SendRefer(uri):
                referred = await ports.refer(uri)
                return lambda now: walk.referred(referred, now)
            case steps.JoinQueue(name):
                left = await ports.queue(name)
                return lambda now: walk.queue_left(left, now)
            case steps.RecordCaller():
                recorded = await ports.record(step)
                return lambda now: walk.recorded(recorded, now)
            case _:
                assert_never(step)

    async def _fetched(self, fetch: steps.Fetch) -> Told:
        walk, number = self._walk, fetch.number
        try:
            document = await self._ports.document(fetch)
        except (FetchError, TwimlError) as error:
            code, text = error.code, str(error)
            return lambda now: walk.fetch_failed(number, code, text, now)
        return lambda now: walk.fetched(number, document, now)

    async def _heard(self, sound: Coroutine[Any, Any, None]) -> Told:
        try:
            await sound
        except NotPlayedError as error:
            text = str(error)
            return lambda now: self._walk.not_played(text, now)
        return self._walk.played
