"""A reload: the file is read and checked beside the one in force, its plan is made, the workers try
it, and then everything has it at once. Whatever fails before that changes nothing.

    SIGHUP, the API ──▶ read (a thread) ──▶ plan ──▶ the workers try ──▶ use
                            └─ config.refused ◀───────────┘                └─ config.reloaded
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from sipua.bridge.agent.process import AgentError
from sipua.config import Config, ConfigError, Loaded, Problem
from sipua.config.change.classes import When
from sipua.config.change.in_force import Configured, InForce, Reloaded, ReloadError
from sipua.config.change.plan import Change
from sipua.config.checks.cross import findings
from sipua.config.values.problems import count, key_name
from sipua.edge.workers.shared_config import SharedConfig, UnfitConfigError
from sipua.events import edge_events
from sipua.events.event import Event
from sipua.log import logs

_MOST_TOLD: Final = 100
"""Keys, or problems, in one event; the API has all."""


class Reloads:
    """On the edge's loop."""

    def __init__(
        self,
        in_force: InForce,
        read: Callable[[], Loaded],
        shared: SharedConfig,
        *,
        agent_url: Callable[[Config], Awaitable[str]],
        use: Callable[[Configured], None],
        tell: Callable[[Event], None],
    ) -> None:
        """`read`: the file and the environment again; on a thread. `shared`: what the workers have.
        `agent_url`: of the local agent, started when this configuration is the first that needs it.
        `use`: have every part of the edge use it; it must not wait, and not fail.
        """
        self._in_force = in_force
        self._read = read
        self._shared = shared
        self._agent_url = agent_url
        self._use = use
        self._tell = tell
        self._busy = False
        self.up = False
        """The edge has begun to take calls, and has not begun to end."""

    async def reload(self, by: str, *, check: bool = False) -> Reloaded:
        """`by`: who asks. `check`: change nothing. Raises ReloadError."""
        self._check_up()
        if self._busy:
            raise ReloadError("busy", "another reload is under way")
        self._busy = True
        try:
            return await self._reload(by, check=check)
        except ReloadError as error:
            if not check and error.kind == "unfit":
                self._tell_refused(by, error)
            raise
        finally:
            self._busy = False

    async def _reload(self, by: str, *, check: bool) -> Reloaded:
        try:
            loaded = await asyncio.to_thread(self._read)
        except ConfigError as error:
            words = f"{error.source}: {count(error.problems)}"
            raise ReloadError("unfit", words, error.problems) from None
        after = await asyncio.to_thread(self._in_force.after, loaded, datetime.now(UTC))
        self._check_whole(after)
        if check:
            return Reloaded(after, loaded.warnings)
        self._check_up()
        if after.last.of(When.NEW_CALLS):
            await self._try_out(after.config)
        self._use(after)
        self._tell_reloaded(by, after)
        _tell_warnings(loaded.warnings)
        return Reloaded(after, loaded.warnings)

    def _check_up(self) -> None:
        """Also behind each wait: an edge that ends must not start parts of itself anew."""
        if not self.up:
            raise ReloadError("not_now", "the edge starts or ends")

    def _check_whole(self, after: Configured) -> None:
        """What stays until a restart may contradict what does not."""
        wrong = [one for one in findings(after.config, None) if one.severity == "error"]
        if wrong:
            key = key_name(wrong[0].paths[0])
            restart = ", ".join(change.key for change in after.last.of(When.RESTART))
            raise ReloadError(
                "unfit",
                f"{key}: {wrong[0].what}, as long as this needs a restart: {restart}; restart the "
                "edge instead",
            )

    async def _try_out(self, config: Config) -> None:
        """The workers have it then, and begin their calls with it. Raises ReloadError."""
        try:
            await self._shared.try_out(config, await self._agent_url(config))
            self._check_up()
        except UnfitConfigError as error:
            self._shared.give_up()
            self._check_up()  # workers end with the edge
            raise ReloadError("unfit", f"{error}; fix: {error.fix}") from None
        except AgentError as error:
            raise ReloadError("unfit", f"the local agent does not start: {error}") from None
        except BaseException:
            self._shared.give_up()
            raise
        self._shared.use_tried()

    def _tell_reloaded(self, by: str, after: Configured) -> None:
        changes = after.last
        self._tell(
            edge_events.ConfigReloaded(
                hash=after.hash,
                secrets=after.secrets,
                generation=after.generation,
                file=after.source,
                by=by,
                plan={when.value: _keys(changes.of(when)) for when in When},
            )
        )

    def _tell_refused(self, by: str, error: ReloadError) -> None:
        self._tell(
            edge_events.ConfigRefused(
                file=self._in_force.now.source,
                by=by,
                cause=str(error),
                problems=[
                    {"key": one.key, "problem": one.what, "fix": one.fix, "where": str(one.origin)}
                    for one in error.problems[:_MOST_TOLD]
                    if one.severity == "error"
                ],
                fix="nothing has changed; `sipua config check` shows all",
            )
        )


def _keys(changes: Sequence[Change]) -> list[str]:
    keys = [change.key for change in changes[:_MOST_TOLD]]
    more = len(changes) - len(keys)
    return [*keys, f"and {more} more"] if more else keys


def _tell_warnings(warnings: Sequence[Problem]) -> None:
    for warning in warnings:
        logs.get().warning(
            "config.warning",
            key=warning.key or warning.origin.name,
            problem=warning.what,
            fix=warning.fix,
            where=str(warning.origin),
        )
