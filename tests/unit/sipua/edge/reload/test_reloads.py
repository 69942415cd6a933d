"""A reload without an edge: what is told, what is refused, and that one is at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from sipua.bridge.fault_owner import nothing
from sipua.config import Config, ConfigError, Loaded, Problem
from sipua.config.change.classes import When
from sipua.config.change.in_force import Configured, InForce, ReloadError
from sipua.config.values.problems import Origin
from sipua.edge.reload.reloads import Reloads
from sipua.edge.workers.shared_config import UnfitConfigError
from sipua.events.edge_events import ConfigRefused, ConfigReloaded
from sipua.events.event import Event

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Shared:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.unfit = ""
        self.while_trying: Callable[[], None] = nothing

    async def try_out(self, _config: Config, agent_url: str) -> None:
        self.calls.append(f"try {agent_url}")
        self.while_trying()
        if self.unfit:
            raise UnfitConfigError(self.unfit, "mend it")

    def use_tried(self) -> None:
        self.calls.append("use")

    def give_up(self) -> None:
        self.calls.append("give up")


class Bed:
    def __init__(self) -> None:
        self.file: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.told: list[Event] = []
        self.used: list[Configured] = []
        self.shared = Shared()
        self.go_on = threading.Event()
        self.go_on.set()
        self.in_force = InForce(Config(), "edge.toml", NOW)
        self.reloads = Reloads(
            self.in_force,
            self.read,
            self.shared,  # type: ignore[arg-type]
            agent_url=self.agent_url,
            use=self.use,
            tell=self.told.append,
        )
        self.reloads.up = True

    def read(self) -> Loaded:
        assert self.go_on.wait(10)
        if self.problems:
            raise ConfigError("edge.toml", self.problems)
        return Loaded(Config.model_validate(self.file), (), "edge.toml", {})

    def use(self, configured: Configured) -> None:
        self.in_force.now = configured
        self.used.append(configured)

    async def agent_url(self, _config: Config) -> str:
        return "ws://agent"


async def test_what_is_at_once_asks_no_worker() -> None:
    bed = Bed()
    bed.file = {"log": {"level": "debug"}}
    done = await bed.reloads.reload("ops")
    assert bed.shared.calls == []
    assert done.configured.generation == 2
    (told,) = bed.told
    assert isinstance(told, ConfigReloaded)
    assert told.plan == {"applied": ["log.level"], "for_new_calls": [], "needs_restart": []}
    assert (told.by, told.hash) == ("ops", bed.in_force.now.hash)


async def test_what_is_for_new_calls_is_tried_first() -> None:
    bed = Bed()
    bed.file = {"calls": {"wait_s": 9}}
    await bed.reloads.reload("ops")
    assert bed.shared.calls == ["try ws://agent", "use"]
    assert bed.in_force.config.calls.wait_s == 9


async def test_what_needs_a_restart_is_told_until_then() -> None:
    bed = Bed()
    bed.file = {"sip": {"port": 5070}}
    for _ in range(2):
        done = await bed.reloads.reload("ops")
        (change,) = done.configured.last.of(When.RESTART)
        assert (change.key, change.new, done.configured.generation) == ("sip.port", "5070", 1)
    assert bed.in_force.config.sip.port == 5060


async def test_a_check_changes_nothing() -> None:
    bed = Bed()
    bed.file = {"calls": {"wait_s": 9}}
    done = await bed.reloads.reload("ops", check=True)
    assert done.configured.generation == 2
    assert (bed.used, bed.told, bed.shared.calls, bed.in_force.now.generation) == ([], [], [], 1)


async def test_a_bad_file_is_told_key_by_key() -> None:
    bed = Bed()
    where = Origin("file", "edge.toml", 3)
    bed.problems = [
        Problem(where, "sip.port", "70000", "is too much", "5060"),
        Problem(where, "sip.host", None, "is odd", "another", "warning"),
    ]
    with pytest.raises(ReloadError, match="1 error, 1 warning") as raised:
        await bed.reloads.reload("ops")
    assert raised.value.kind == "unfit"
    (told,) = bed.told
    assert isinstance(told, ConfigRefused)
    assert told.problems == [
        {"key": "sip.port", "problem": "is too much", "fix": "5060", "where": "edge.toml:3"}
    ]
    bed.told.clear()
    with pytest.raises(ReloadError):
        await bed.reloads.reload("ops", check=True)
    assert bed.told == [], "who checks is told, and nobody else"


async def test_workers_that_cannot_refuse() -> None:
    bed = Bed()
    bed.file = {"calls": {"wait_s": 9}}
    bed.shared.unfit = "worker 2: tools.failed"
    with pytest.raises(ReloadError, match=r"worker 2: tools\.failed; fix: mend it"):
        await bed.reloads.reload("ops")
    assert bed.shared.calls == ["try ws://agent", "give up"]
    assert (bed.used, bed.in_force.now.generation) == ([], 1)
    bed.shared.unfit = ""
    assert (await bed.reloads.reload("ops")).configured.generation == 2


async def test_what_stays_may_contradict_what_does_not() -> None:
    """The API needs a token where others reach it: its address stays until a restart."""
    bed = Bed()
    token = {"name": "ops", "token": "t" * 24}
    api = {"enabled": True, "host": "0.0.0.0", "tls_certificate": "c", "tls_key": "k"}
    config = Config.model_validate({"api": {**api, "tokens": [token]}})
    bed.in_force.now = InForce(config, "edge.toml", NOW).now
    bed.file = {}
    with pytest.raises(ReloadError, match=r"restart the edge instead"):
        await bed.reloads.reload("ops")
    assert bed.in_force.config is config


async def test_one_at_a_time() -> None:
    bed = Bed()
    bed.go_on.clear()
    first = asyncio.create_task(bed.reloads.reload("ops"))
    await asyncio.sleep(0.01)
    with pytest.raises(ReloadError) as raised:
        await bed.reloads.reload("other")
    assert raised.value.kind == "busy"
    bed.go_on.set()
    await first
    await bed.reloads.reload("other")


async def test_an_edge_that_starts_or_ends_reloads_nothing() -> None:
    bed = Bed()
    bed.reloads.up = False
    with pytest.raises(ReloadError) as raised:
        await bed.reloads.reload("SIGHUP")
    assert raised.value.kind == "not_now"


@pytest.mark.parametrize("changed", [{"calls": {"drain_s": 9.0}}, {"calls": {"wait_s": 9}}])
async def test_an_edge_that_has_begun_to_end_meanwhile_keeps_what_it_has(
    changed: dict[str, Any],
) -> None:
    bed = Bed()
    bed.file = changed
    bed.go_on.clear()
    reload = asyncio.create_task(bed.reloads.reload("ops"))
    await asyncio.sleep(0)
    bed.reloads.up = False
    bed.go_on.set()
    with pytest.raises(ReloadError, match="starts or ends"):
        await reload
    assert (bed.used, bed.told) == ([], [])
    assert "use" not in bed.shared.calls


async def test_an_edge_that_ends_while_its_workers_try_has_them_give_up() -> None:
    bed = Bed()
    bed.file = {"calls": {"wait_s": 9}}
    bed.shared.while_trying = lambda: setattr(bed.reloads, "up", False)
    with pytest.raises(ReloadError, match="starts or ends"):
        await bed.reloads.reload("ops")
    assert (bed.used, bed.shared.calls) == ([], ["try ws://agent", "give up"])
