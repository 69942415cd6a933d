"""The session that is to follow an old one: made in the background, used in a quiet moment.

It is told the past when it is made. If the conversation goes on before it is used, it is let go,
and another one made: engines take the past at a session's begin only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sipua.bridge.backoff import BackOff
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.conversation.sessions import PooledSession, SessionPool
from sipua.bridge.engine_api.errors import EngineConnectError

MARGIN_S = 5.0
"""That is left of the time which the engine has named, for the next session to be made in."""


class Rotation:
    """When a session is to be replaced because sessions do not live for ever."""

    __slots__ = ("_backoff", "_due", "_latest", "_policy", "_random")

    def __init__(self, policy: DialoguePolicy, random: Callable[[], float]) -> None:
        self._policy = policy
        self._random = random
        self._backoff = BackOff(2.0, 10.0, random)
        self._due = self._latest = float("inf")

    def began(self, now: float, *, by_age: bool = True) -> None:
        """A session is in use whose life began now, or then. `by_age`: it is replaced when it gets
        old. An agent of its own is not: the next session would know nothing, and greet again.
        """
        self._backoff.reset()
        self.ended()
        if by_age and self._policy.rotate_after_s > 0:
            # Calls that began together should not all connect anew at the same moment.
            self._due = now + self._policy.rotate_after_s * (1 - 0.05 * self._random())
            self._latest = now + self._policy.rotate_latest_s

    def ends(self, now: float, within_s: float) -> None:
        """The engine has said that it will end the session so soon."""
        self._due = min(self._due, now)
        self._latest = min(self._latest, now + max(0.0, within_s - MARGIN_S))

    def ended(self) -> None:
        self._due = self._latest = float("inf")

    @property
    def due(self) -> float:
        return self._due

    def failed(self, now: float) -> None:
        """The next session could not be made, or the conversation went on without it."""
        self._due = now + self._backoff.next_s()

    def urgent(self, now: float) -> bool:
        """No more waiting for a quiet moment."""
        return now >= self._latest


class SessionRotation:
    def __init__(self, pool: SessionPool, rotation: Rotation) -> None:
        self._pool = pool
        self._rotation = rotation
        self._standby: PooledSession | None = None
        self._connecting: asyncio.Task[None] | None = None

    def step(self, now: float, choice: int, revision: int, *, calm: bool) -> PooledSession | None:
        """To be called now and then while a successor is wanted; the successor, when it is time.

        `calm`: the change would not be heard.
        """
        standby = self._standby
        if standby is None:
            if calm and self._connecting is None:
                self._connecting = self._pool.faults.task(self._prepare(choice), "engine rotation")
            return None
        if not standby.ready:
            return None
        if standby.revision != revision:
            self._pool.tally["rotation_outdated"] += 1
            self.drop()
            self._rotation.failed(now)
            return None
        if not calm:
            return None
        self._standby = None
        self._pool.in_use(standby)
        return standby

    def lost(self, pooled: PooledSession, now: float) -> None:
        """A session ended that may have been the one that waited."""
        if pooled is self._standby:
            self._failed(now, "lost while it waited")
            self.drop()

    def drop(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._standby is not None:
            self._pool.retire(self._standby)
            self._standby = None

    async def _prepare(self, choice: int) -> None:
        try:
            timeout_s = self._pool.choices[choice].connect_timeout_s
            await self._pool.connect(choice, timeout_s, self._stand_by)
        except (EngineConnectError, ValueError) as error:
            self._standby = None
            self._failed(asyncio.get_running_loop().time(), str(error))
        except Exception as error:  # noqa: BLE001 (the session in use goes on)
            self._standby = None
            faults = self._pool.faults.harmless("engine.fault")
            faults.failed("engine rotation", error)
            self._failed(asyncio.get_running_loop().time(), faults.cause)
        else:
            if self._standby is not None:  # else it was lost since
                self._standby.ready = True
        self._connecting = None

    def _stand_by(self, pooled: PooledSession) -> None:
        self._standby = pooled

    def _failed(self, now: float, why: str) -> None:
        self._pool.tally["rotation_failed"] += 1
        self._rotation.failed(now)
        self._pool.log.warning("engine.rotation_failed", error=why)
