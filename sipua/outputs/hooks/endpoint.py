"""One receiver: what waits for it, how it does, and what is told of that. On the side loop."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sipua.events import webhook_events
from sipua.events.event import Event
from sipua.log.throttle import Throttle
from sipua.outputs.hooks import patterns
from sipua.outputs.hooks.answer import Answer
from sipua.outputs.hooks.endpoint_queue import EndpointQueue, Fate, Job
from sipua.outputs.hooks.health import Health
from sipua.outputs.hooks.sender import Sender
from sipua.outputs.hooks.settings import EndpointSettings, HookSettings
from sipua.outputs.hooks.spool import Change, Disabled

_TELL_EVERY_S: Final = 60.0
_MOST_TOGETHER: Final = 100
_MOST_BYTES_TOGETHER: Final = 250_000
"""Of a batch; many receivers take a megabyte."""
GIVEN_UP: Final = "the receiver was disabled"


@dataclass(slots=True)
class _Untold:
    """What is told once a minute."""

    count: int = 0
    cause: str = ""

    def add(self, count: int, cause: str) -> None:
        self.count += count
        self.cause = cause


class Endpoint:
    """`changed` gets what is to be kept; `tell` events of the edge, from any thread."""

    def __init__(
        self,
        settings: EndpointSettings,
        every: HookSettings,
        *,
        changed: Callable[[Change], None],
        tell: Callable[[Event], None],
    ) -> None:
        self._settings = settings
        self._every = every
        self._changed = changed
        self._tell = tell
        self._health = Health()
        self._throttle = Throttle(_TELL_EVERY_S)
        self._untold_dead = _Untold()
        self._untold_dropped = _Untold()
        self.queue = self._empty_queue()
        self.sender = Sender(settings)
        self.dead_bytes = 0
        self.attempts: Counter[str] = Counter()
        """How they ended."""
        self.dropped_in_all = 0
        self.to_disable: Disabled | None = None
        """Not on disk yet."""

    def _empty_queue(self) -> EndpointQueue:
        return EndpointQueue(
            self._every.retry_s,
            parallel=self._settings.parallel,
            max_age_s=self._every.max_age_s,
            random=random.random,
            together=_MOST_TOGETHER if self._settings.batch else 1,
            together_bytes=_MOST_BYTES_TOGETHER,
        )

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def up(self) -> bool:
        return not (self._health.failing or self.queue.disabled)

    @property
    def fingerprint(self) -> str:
        return self._settings.fingerprint

    @property
    def batches(self) -> bool:
        """What has come meanwhile is sent together."""
        return self._settings.batch

    @property
    def most_bytes(self) -> int:
        return self._settings.most_bytes

    def wants(self, event_type: str) -> bool:
        return patterns.fits(event_type, self._settings.types)

    def has_room(self, size: int) -> bool:
        return self.queue.bytes + size <= self._settings.most_bytes

    def over(self, group: Sequence[Job], answer: Answer) -> None:
        """An attempt is over."""
        now = time.time()
        was_disabled = self.queue.disabled
        for job, fate in self.queue.over(group, answer, now):
            self.attempts[fate.value] += 1
            self._keep(job, fate, answer, now)
        self._tell_health(group[0], answer, now)
        if self.queue.disabled and not was_disabled:
            self._disable(answer.cause, now)

    def _keep(self, job: Job, fate: Fate, answer: Answer, now: float) -> None:
        match fate:
            case Fate.DELIVERED:
                self._changed(Change(self.name, job.number, done=True))
            case Fate.LATER:
                self._changed(
                    Change(
                        self.name,
                        job.number,
                        attempts=job.attempts,
                        due_s=job.due_s,
                        cause=answer.cause,
                    )
                )
            case Fate.DEAD:
                self._bury(job, answer.cause, now)

    def begin_anew(self) -> None:
        """What waited for it is gone from the disk."""
        self.queue = self._empty_queue()
        self.dead_bytes = 0
        self.to_disable = None

    def dropped(self, count: int, cause: str) -> None:
        """Events that it will never get."""
        self._untold_dropped.add(count, cause)
        self.dropped_in_all += count

    def tell_counts(self, *, at_once: bool = False) -> None:
        """Of events that were given up or dropped: once a minute, and `at_once` when it ends."""
        moment = time.monotonic()
        if (dead := self._due("dead", self._untold_dead, moment, at_once)) is not None:
            self._tell(
                webhook_events.WebhookDeadLetter(
                    webhook=self.name,
                    count=dead.count,
                    cause=dead.cause,
                    fix=f"they are kept for a while: `sipua hooks dead`, and when the receiver is "
                    f"mended `sipua hooks redeliver {self.name} --all`",
                )
            )
        if (dropped := self._due("dropped", self._untold_dropped, moment, at_once)) is not None:
            self._tell(
                webhook_events.WebhookDropped(
                    webhook=self.name,
                    count=dropped.count,
                    cause=dropped.cause,
                    fix="what the receiver does not take is kept up to a bound: mend it, or raise "
                    "`max_mb` of the webhook",
                )
            )

    def _due(self, key: str, untold: _Untold, moment: float, at_once: bool) -> _Untold | None:
        if not untold.count or not (at_once or self._throttle.ask(key, moment) is not None):
            return None
        told = replace(untold)
        untold.count = 0
        return told

    def _bury(self, job: Job, cause: str, now: float) -> None:
        self.dead_bytes += job.size
        self._untold_dead.add(1, cause or GIVEN_UP)
        self._changed(
            Change(
                self.name, job.number, attempts=job.attempts, dead_s=now, cause=cause or GIVEN_UP
            )
        )

    def _disable(self, cause: str, now: float) -> None:
        for job in self.queue.give_up_all():
            self._bury(job, "", now)
        self.to_disable = Disabled(self.name, now, cause, self.fingerprint)
        self._tell(
            webhook_events.WebhookDisabled(
                webhook=self.name,
                cause=cause,
                fix="the receiver says that it is gone for good: remove it from the configuration, "
                f"or `sipua hooks enable {self.name}`",
            )
        )

    def _tell_health(self, job: Job, answer: Answer, now: float) -> None:
        if answer.ok:
            down_s = self._health.worked(now)
            if down_s is not None:
                self._tell(
                    webhook_events.WebhookRecovered(
                        webhook=self.name, down_s=round(down_s, 1), waiting=self.queue.waiting
                    )
                )
        elif self._health.failed(now):
            self._tell(
                webhook_events.WebhookFailing(
                    webhook=self.name,
                    cause=answer.cause,
                    attempts=job.attempts,
                    waiting=self.queue.waiting,
                    fix="events wait on disk and are sent again by the schedule: "
                    f"`sipua hooks test {self.name}` shows its answer",
                )
            )
