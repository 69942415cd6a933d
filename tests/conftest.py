"""Real peers and the edge as fixtures. Nothing here skips: a missing peer is a failed test."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from support import late_machine
from support.calls.edge import Config, Edge
from support.media.rtp_far_end import RtpFarEnd
from support.peers.asterisk import Asterisk
from support.peers.sipp import Sipp
from support.ports import PortBlock

# How long an example takes says how busy the machine is, and nothing of ours. `make test` takes the
# same examples each time: what chance finds is found by `make unit`, and stops no other change.
_SAME = "TESTS_SAME_EXAMPLES" in os.environ
hypothesis.settings.register_profile("sipua", deadline=None, derandomize=_SAME)
hypothesis.settings.load_profile("sipua")

_LATE_MACHINE = pytest.StashKey[late_machine.LateMachine]()
_PEERS = {"asterisk", "asterisk_factory", "sipp"}
_IN_REAL_TIME = {"peers", "integration"}


# Thousands of tests are objects that stay. The garbage collector visited them again and again: a
# third of what it took to find the tests, and a tenth of the tests themselves.
gc.disable()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LATE_MACHINE] = late = late_machine.LateMachine()
    config.add_cleanup(late.close)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if _PEERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("peer")
        if group := _group(item):
            item.add_marker(pytest.mark.xdist_group(group))
    if hasattr(config, "workerinput"):  # several processes: the longest begin first
        items.sort(key=_turn)


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.collect()
    gc.freeze()
    gc.enable()
    _check_groups(session)


def _check_groups(session: pytest.Session) -> None:
    """A runner that ignores the groups makes each process start all that a file shares, and the
    suite takes half as long again: seen with pytest 9.2.
    """
    if getattr(session.config.option, "loadgroup", False):
        for item in session.items:
            group = item.get_closest_marker("xdist_group")
            if group is not None and not item.nodeid.endswith(f"@{group.args[0]}"):
                raise RuntimeError(f"pytest-xdist did not group {item.nodeid}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Those of calls in real time: see support/late_machine.py."""
    bound = _bound(item)
    if bound is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in item.config.stash[_LATE_MACHINE].run(item, nextitem, bound):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _bound(item: pytest.Item) -> late_machine.Bound | None:
    if item.get_closest_marker("sound") is not None:
        return late_machine.SOUND
    part = item.path.relative_to(Path(__file__).parent).parts[0]
    return late_machine.CALLS if part in _IN_REAL_TIME else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    stats = terminalreporter.stats
    lines = [
        *late_machine.told(stats.get("passed", [])),
        *late_machine.told(stats.get("failed", [])),
    ]
    if lines:
        terminalreporter.section(late_machine.REPEATED)
        terminalreporter.line("\n".join(lines))


def _group(item: pytest.Item) -> str:
    """Of tests that share what a fixture of their file has started: one process has all of them."""
    if not isinstance(item, pytest.Function):
        return ""
    fixtures = item._fixtureinfo.name2fixturedefs
    shared = [name for name, defined in fixtures.items() if defined[-1].scope == "module"]
    which = item.callspec.params if hasattr(item, "callspec") else {}
    words = [item.path.parent.name, item.path.stem, *(str(which[n]) for n in shared if n in which)]
    return "/".join(words) if shared else ""


def _turn(item: pytest.Item) -> tuple[bool, bool, bool]:
    return (
        "patient_calls" not in getattr(item, "fixturenames", ()),
        item.get_closest_marker("xdist_group") is None,
        item.get_closest_marker("slow") is None,
    )


@pytest.fixture
def asterisk_factory(tmp_path: Path) -> Iterator[Callable[[], Asterisk]]:
    """As many as a test wants, each with its own ports."""
    started: list[Asterisk] = []

    def start() -> Asterisk:
        started.append(Asterisk(tmp_path / f"asterisk-{len(started)}"))
        return started[-1]

    yield start
    for asterisk in started:
        asterisk.stop()


@pytest.fixture(scope="module")
def shared_asterisk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asterisk]:
    """`support.peers.asterisk.EVERY_ASTERISK` says which; without it, the newest."""
    peer = getattr(request, "param", "asterisk")
    asterisk = Asterisk(tmp_path_factory.mktemp("asterisk"), peer)
    yield asterisk
    asterisk.stop()


@pytest.fixture
def asterisk(shared_asterisk: Asterisk) -> Asterisk:
    """One for a test file; each test finds it without calls and registrations.

    See support/asterisk_config.py for its endpoints and extensions.
    """
    shared_asterisk.reset()
    return shared_asterisk


@pytest.fixture
def sipp(tmp_path: Path) -> Iterator[Sipp]:
    sipp = Sipp(tmp_path / "sipp")
    yield sipp
    sipp.close()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Of loopback, and nothing listens there; no other process takes it. A test may, later."""
    with PortBlock(2) as block:
        yield block.port()


@pytest.fixture
def far_end(tmp_path: Path) -> Iterator[Callable[..., RtpFarEnd]]:
    """`far_end(streams, pcm, …)`: the media of SIPp's calls."""
    started: list[RtpFarEnd] = []

    def start(*arguments: Any, **named: Any) -> RtpFarEnd:
        started.append(RtpFarEnd(tmp_path, *arguments, **named))
        return started[-1]

    yield start
    for far_end in started:
        far_end.close()


@pytest.fixture
def edge_factory(tmp_path: Path) -> Iterator[Callable[..., Edge]]:
    """`edge_factory({"calls": {...}})`: an edge that differs from the defaults in that."""
    started: list[Edge] = []

    def start(config: Config | None = None, **named: Any) -> Edge:
        started.append(Edge(tmp_path / f"edge-{len(started)}", config, **named))
        return started[-1]

    yield start
    for edge in started:
        edge.close()
