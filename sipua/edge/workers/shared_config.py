"""The configuration that the workers have, and another one that they try.

    try_out ──▶ each makes its parts, beside those in use ──▶ use_tried: calls begin with it
                     └─ one cannot, is late, or dies ───────▶ give_up

A worker that starts meanwhile waits for the outcome, and begins with what is in use then. One that
dies of it cannot say so: what it was asked to try and has not answered is refused, because the next
worker would die of it, too. One that dies before it was asked is waited for no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sipua.config import Config
from sipua.edge.workers import process
from sipua.worker.link import config_copy
from sipua.worker.link.channel import Descriptor
from sipua.worker.link.messages import ConfigTried, NewConfig, ToWorker, UseConfig

WITHIN_S = 30.0
"""The user's tools may import much."""


class UnfitConfigError(Exception):
    """Not every worker can work with it; nothing has changed."""

    def __init__(self, error: str, fix: str) -> None:
        super().__init__(error)
        self.fix = fix


@dataclass(slots=True)
class _Trial:
    generation: int
    data: bytes
    agent_url: str
    outcome: asyncio.Future[None]
    waiting: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    fit: int = 0

    def fail(self, error: str, fix: str) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(UnfitConfigError(error, fix))

    def look(self) -> None:
        if self.waiting or self.outcome.done():
            return
        if self.fit:
            self.outcome.set_result(None)
        else:
            self.fail("no worker is there that could try it", "see `worker.died` in the log")


class SharedConfig:
    """On the edge's loop."""

    def __init__(
        self, config: Config, send: Callable[[int, ToWorker, Sequence[Descriptor]], None]
    ) -> None:
        self.generation = 1
        """Of the one in use."""
        self._newest = 1
        """Also counts those that were given up: a worker may still make one, and tell of it."""
        self.data = _for_workers(config)
        self.agent_url = ""
        """Of the embedded local agent; empty: there is none."""
        self._send = send
        self._begun: set[int] = set()
        """The workers that have a configuration."""
        self._ready: set[int] = set()
        self._trial: _Trial | None = None
        self._decided = asyncio.Event()
        self._decided.set()

    # --- the edge changes it ----------------------------------------------------------------

    async def try_out(self, config: Config, agent_url: str) -> None:
        """Have all workers make the parts of it. Raises UnfitConfigError, and then, as after any
        other end of this, `give_up` is to follow.
        """
        self._decided.clear()
        outcome = asyncio.get_running_loop().create_future()
        data = _for_workers(config)
        self._newest += 1
        trial = _Trial(self._newest, data, agent_url, outcome, set(self._begun))
        self._trial = trial
        trial.look()
        for worker in sorted(self._begun & self._ready):
            self._ask(worker, trial)
        try:
            async with asyncio.timeout(WITHIN_S):
                await outcome
        except TimeoutError:
            late = ", ".join(map(str, sorted(trial.waiting)))
            words = f"no answer of worker {late} within {WITHIN_S:g} s"
            raise UnfitConfigError(words, "does `tools.python` import for so long?") from None

    def use_tried(self) -> None:
        """Calls that begin from now on have it."""
        trial = self._trial
        assert trial is not None
        self.generation, self.data, self.agent_url = trial.generation, trial.data, trial.agent_url
        self.give_up()

    def give_up(self) -> None:
        self._trial = None
        for worker in self._begun:
            self._send(worker, UseConfig(self.generation), ())
        self._decided.set()

    def _ask(self, worker: int, trial: _Trial) -> None:
        try:
            copy = process.in_memory(trial.data)
        except OSError as error:
            trial.fail(f"it cannot be passed on: {error.strerror}", "raise the limit of open files")
        else:
            trial.asked.add(worker)
            self._send(worker, NewConfig(trial.generation, trial.agent_url), [copy])

    # --- the life of a worker -----------------------------------------------------------------

    async def decided(self) -> None:
        """Until it is known with which one a worker begins."""
        await self._decided.wait()

    def begun(self, worker: int) -> None:
        """It was told the one in use."""
        self._begun.add(worker)

    def ready(self, worker: int) -> None:
        self._ready.add(worker)
        if self._trial is not None and worker in self._trial.waiting:
            self._ask(worker, self._trial)

    def answered(self, worker: int, message: ConfigTried) -> None:
        trial = self._trial
        if trial is None or trial.generation != message.generation or worker not in trial.waiting:
            return
        trial.waiting.discard(worker)
        if message.error:
            trial.fail(f"worker {worker}: {message.error}", message.fix)
        trial.fit += 1
        trial.look()

    def gone(self, worker: int, cause: str) -> None:
        self._begun.discard(worker)
        self._ready.discard(worker)
        if (trial := self._trial) is None:
            return
        if worker in trial.waiting & trial.asked:
            fix = "does `tools.python` end the process, or hold it up? If not, reload again"
            trial.fail(f"worker {worker} has died while it tried it: {cause}", fix)
        trial.waiting.discard(worker)
        trial.look()


def _for_workers(config: Config) -> bytes:
    """The tools of users run in workers: the tokens of the API are none of their business."""
    api = config.api.model_copy(update={"tokens": ()})
    return config_copy.to_bytes(config.model_copy(update={"api": api}))
