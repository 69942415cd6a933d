"""What runs again, and what does not."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support import late_machine
from support.late_machine import CALLS, SOUND, Bound, LateMachine, listen_to, told
from support.process import wait_until


class Report:
    def __init__(self, when: str, outcome: str) -> None:
        self.when = when
        self.failed = outcome == "failed"
        self.user_properties: list[tuple[str, object]] = []


class Machine(LateMachine):
    """Late by so much in each run."""

    def __init__(self, *late_ms: int) -> None:
        super().__init__()
        self._late_ms = iter(late_ms)

    def watch(self) -> None: ...

    def worst_ms(self, since_s: float) -> int:
        return next(self._late_ms)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Sequence[Report]]]:
    def with_outcomes(*runs: tuple[str, str]) -> list[Sequence[Report]]:
        made = [(Report("setup", a), Report("call", b), Report("teardown", "")) for a, b in runs]
        following: Iterator[Any] = iter(made)
        monkeypatch.setattr(late_machine, "runtestprotocol", lambda *_, **__: next(following))
        return list(made)

    return with_outcomes


class Item:
    nodeid = "test_file.py::test_name"

    def __init__(self, torn_down: list[object], group: str) -> None:
        state = SimpleNamespace(teardown_exact=torn_down.append)
        self.session = SimpleNamespace(_setupstate=state)
        self._group = SimpleNamespace(args=(group,)) if group else None

    def get_closest_marker(self, _: str) -> object:
        return self._group


def run(
    machine: LateMachine,
    bound: Bound = SOUND,
    *,
    torn_down: list[object] | None = None,
    group: str = "",
) -> Any:
    item: Any = Item([] if torn_down is None else torn_down, group)
    return machine.run(item, None, bound)


def test_what_passes_runs_once(runs: Any) -> None:
    (only,) = runs(("", ""))
    assert run(Machine(80)) is only
    assert list(told(only)) == []


def test_what_fails_on_a_machine_in_time_has_failed(runs: Any) -> None:
    only, _ = runs(("", "failed"), ("", ""))
    assert run(Machine(0, 0)) is only


def test_what_fails_on_a_late_machine_runs_again_and_it_is_told(runs: Any) -> None:
    _, second = runs(("", "failed"), ("", ""))
    assert run(Machine(80, 0)) is second
    assert list(told(second)) == ["test_file.py::test_name: 80 ms late"]


def test_a_worker_that_was_not_woken_is_as_good_a_witness(runs: Any, tmp_path: Path) -> None:
    class Slow(Machine):
        """An edge begins in its first run."""

        def worst_ms(self, since_s: float) -> int:
            if not log.exists():
                listen_to(log)
                ended = {"event": "call.ended", "cadence": {"skipped_frames": 2}}
                log.write_text(f"no JSON\n{json.dumps(ended)}\n")
            return super().worst_ms(since_s)

    log = tmp_path / "edge.log"
    _, second, _ = runs(("", "failed"), ("", "failed"), ("", ""))
    assert run(Slow(0, 0)) is second
    assert list(told(second)) == ["test_file.py::test_name: 40 ms late"]


def test_what_fails_each_time_has_failed(runs: Any) -> None:
    made = runs(*[("", "failed")] * SOUND.most_runs)
    last = run(Machine(*[80] * SOUND.most_runs))
    assert last is made[-1]
    assert len(list(told(last))) == SOUND.most_runs


def test_a_call_that_is_not_judged_by_its_sound_bears_more(runs: Any) -> None:
    first, _ = runs(("", "failed"), ("", ""))
    assert run(Machine(80, 0), CALLS) is first
    _, second = runs(("", "failed"), ("", "failed"))
    assert run(Machine(120, 120), CALLS) is second


def test_what_tests_share_is_as_old_as_the_first_of_them_and_begins_anew(runs: Any) -> None:
    began_s: list[float] = []

    class LateOnce(Machine):
        def worst_ms(self, since_s: float) -> int:
            began_s.append(since_s)
            return super().worst_ms(since_s)

    torn_down: list[object] = []
    machine = LateOnce(0, 80, 0)
    runs(("", ""), ("", "failed"), ("", ""))
    for _ in range(2):
        run(machine, torn_down=torn_down, group="asterisk/test_file")
    assert began_s[0] == began_s[1] < began_s[2]
    assert torn_down == [None]


def test_a_setup_that_fails_has_judged_nothing(runs: Any) -> None:
    only, _ = runs(("failed", ""), ("", ""))
    assert run(Machine(80, 0)) is only


def test_the_watcher_sees_that_it_was_stopped() -> None:
    machine = LateMachine()
    try:
        machine.watch()
        watcher = machine._watcher
        assert watcher is not None
        began_s = time.monotonic()

        def stopped() -> bool:
            os.kill(watcher.pid, signal.SIGSTOP)
            time.sleep(0.1)
            os.kill(watcher.pid, signal.SIGCONT)
            time.sleep(0.1)
            return machine.worst_ms(began_s) >= 50

        wait_until(stopped, 10, "a stop that is seen")
    finally:
        machine.close()
