"""The configurations of a worker: the one that calls begin with, and those of older calls.

    NewConfig ──▶ made, on a thread ──▶ ready ──UseConfig──▶ in use ──the next one──▶ old
                      │                   │                               │ its last call is over
                      └─ ConfigTried      └────────── not that one ───────┴────────▶ stopped

Running calls are not to notice: what takes long is made beside the loop, and an old one is stopped
with its last call. Its spare connections are closed at once, as they are for calls that begin.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

from sipua.bridge.fault_owner import FaultOwner, described, nothing
from sipua.bridge.playout.pacer import Pacer
from sipua.capture.call_capture import CallCaptures
from sipua.config import Config
from sipua.config.change.values import secrets
from sipua.edge.wiring import wiring
from sipua.events.teller import Publish
from sipua.log import logs
from sipua.log.secret_masking import register_secret
from sipua.worker.call.engines import EngineTried
from sipua.worker.call.parts import CallParts, PartsError, make_parts
from sipua.worker.link import config_copy
from sipua.worker.link.channel import NO_DESCRIPTORS
from sipua.worker.link.messages import ConfigTried, NewConfig, ToEdge

_REPORT = "please report the line config.failed of the worker's log"


@dataclass(slots=True, eq=False)
class Generation:
    number: int
    parts: CallParts
    captures: CallCaptures | None
    calls: int = 0
    starts: bool = True
    """It is looked at again when it has started: until then it cannot be stopped."""


class Generations:
    def __init__(
        self, send: Callable[[ToEdge], None], engine_tried: EngineTried, publish: Publish
    ) -> None:
        self._send = send
        self._engine_tried = engine_tried
        self._publish = publish
        self._pacer = Pacer()
        self._faults = FaultOwner("config.failed", logs.get(), nothing)
        self._all: dict[int, Generation] = {}
        self._current: Generation | None = None
        self._wanted = 0
        """The one that is being made or is ready; 0: none."""
        self._no_more = False
        self._work: set[asyncio.Task[Any]] = set()
        self._trying: asyncio.Task[Any] | None = None

    def __len__(self) -> int:
        return len(self._all)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Behind the last call."""
        if self._trying is not None:
            self._trying.cancel()
        for generation in list(self._all.values()):
            self._stop(generation)
        if self._work:
            await asyncio.wait(self._work)
        self._pacer.close()

    @property
    def current(self) -> Generation:
        assert self._current is not None
        return self._current

    async def begin(self, number: int, config: Config, agent_url: str) -> None:
        """With the first one: there are no calls that it could delay. Raises PartsError."""
        self._current = await self._started(number, self._made(config, agent_url))
        self._current.parts.spares.start()

    def pacer_late(self) -> tuple[float, ...]:
        """See `Pacer.lateness`."""
        return self._pacer.lateness()

    def spares(self) -> int:
        """Connections that wait for a call."""
        return self.current.parts.spares.waiting

    def hold(self, held: ExitStack) -> Generation:
        """The one for a call that begins, which has it until `held` is closed."""
        generation = self.current
        generation.calls += 1
        held.callback(self._over, generation)
        return generation

    def make(self, message: NewConfig, descriptors: list[int]) -> None:
        self._wanted = message.generation
        work = self._try(message, descriptors)
        self._trying = self._start(work, f"configuration {message.generation}")

    def use(self, number: int) -> None:
        self._wanted = 0
        new, old = self._all.get(number), self.current
        if new is None:
            raise LookupError(f"there is no configuration {number}")
        if new is not old:
            self._current = new
            if not self._no_more:
                new.parts.spares.start()
            self._start(old.parts.spares.close(), "old spare connections")
        for generation in list(self._all.values()):
            self._stop_unused(generation)

    async def no_more_calls(self) -> None:
        """What is kept for new calls is given back."""
        self._no_more = True
        await self.current.parts.spares.close()

    def _over(self, generation: Generation) -> None:
        generation.calls -= 1
        self._stop_unused(generation)

    # --- one that is made -------------------------------------------------------------------

    async def _try(self, message: NewConfig, descriptors: list[int]) -> None:
        number = message.generation
        try:
            data = config_copy.read(_only(descriptors))
            made = await asyncio.to_thread(self._read_and_made, data, message.agent_url)
            generation = await self._started(number, made)
        except PartsError as error:
            words = str(error).encode(errors="backslashreplace").decode()  # a path may be no text
            self._send(ConfigTried(number, f"{error.event}: {words}", error.fix))
        except Exception as error:  # noqa: BLE001 (whatever it is, the old one stays in use)
            logs.get().error("config.failed", **described(error))
            self._send(ConfigTried(number, type(error).__name__, _REPORT))
        else:
            self._send(ConfigTried(number))
            self._stop_unused(generation)  # it may have been given up meanwhile

    def _read_and_made(self, data: bytes, agent_url: str) -> tuple[CallParts, CallCaptures | None]:
        config = config_copy.from_bytes(data)
        for secret in secrets(config):
            register_secret(secret)
        return self._made(config, agent_url)

    def _made(self, config: Config, agent_url: str) -> tuple[CallParts, CallCaptures | None]:
        parts = make_parts(
            config,
            agent_url,
            self._pacer,
            self._send,
            self._engine_tried,
            publish=self._publish,
        )
        settings = wiring.captures(config)
        return parts, CallCaptures(settings) if settings else None

    async def _started(
        self, number: int, made: tuple[CallParts, CallCaptures | None]
    ) -> Generation:
        generation = self._all[number] = Generation(number, *made)
        try:
            await generation.parts.start()
        except BaseException:
            del self._all[number]
            await generation.parts.stop()
            raise
        generation.starts = False
        return generation

    # --- one that is over -------------------------------------------------------------------

    def _stop_unused(self, generation: Generation) -> None:
        used = generation is self._current or generation.number == self._wanted
        if not used and not generation.calls and not generation.starts:
            self._stop(generation)

    def _stop(self, generation: Generation) -> None:
        if self._all.pop(generation.number, None) is not None:
            self._start(generation.parts.stop(), f"end of configuration {generation.number}")

    def _start(self, work: Coroutine[Any, Any, object], where: str) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = self._faults.harmless("config.failed").task(work, where)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task


def _only(descriptors: list[int]) -> int:
    if not descriptors:
        raise OSError(NO_DESCRIPTORS)
    return descriptors[0]
