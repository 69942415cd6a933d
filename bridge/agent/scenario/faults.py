"""Faults on command, without a scenario's file: `drop`, `drop:10`, `429`, ...

The number is the second from which on it happens: of each session, or of the server for
the faults that keep a session from being made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sipua.bridge.agent.scenario.garbage import KINDS
from sipua.bridge.agent.scenario.scenario import ALWAYS, Connect, Scenario, Step

LATER_S = 10.0  # in the middle of a call
LONGEST_S = 86_400.0


@dataclass(frozen=True, slots=True)
class _Fault:
    what: str  # for the user
    after_s: float
    make: Callable[[float], Scenario]


class FaultError(ValueError):
    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}: {fix}")
        self.what = what
        self.fix = fix


def parse(text: str) -> Scenario:
    name, colon, given = text.partition(":")
    fault = FAULTS.get(name)
    if fault is None:
        raise FaultError(f"there is no fault {name!r}", f"known: {', '.join(FAULTS)}")
    if not colon:
        return fault.make(fault.after_s)
    try:
        after_s = float(given)
    except ValueError:
        after_s = -1.0
    if not 0 <= after_s <= LONGEST_S:  # also for NaN
        raise FaultError(f"{given!r} is no number of seconds", f"write {name}:10")
    return fault.make(after_s)


def _timed(**loss: Any) -> Callable[[float], Scenario]:
    return lambda after_s: Scenario(steps=(Step(on="time", at_s=after_s, **loss),))


def _answered(**how: Any) -> Callable[[float], Scenario]:
    return lambda after_s: Scenario(steps=(Step(at_s=after_s, times=ALWAYS, **how),))


def _refused(after_s: float) -> Scenario:
    return Scenario(connect=(Connect(from_s=after_s, status=429, retry_after_s=1, times=ALWAYS),))


FAULTS = {
    "drop": _Fault("each session's websocket is closed (1011)", LATER_S, _timed(close=1011)),
    "cut": _Fault("each session's connection is reset", LATER_S, _timed(cut=True)),
    "freeze": _Fault(
        "each session stays connected, and nothing comes any more", LATER_S, _timed(freeze=True)
    ),
    "stall": _Fault("answers come 5 s late", 0.0, _answered(stall_ms=5000)),
    "silence": _Fault("answers begin, and never come", 0.0, _answered(silent=True)),
    "429": _Fault("connections are refused: too many requests", 0.0, _refused),
    "burst": _Fault("answers last a minute and come in one go", 0.0, _answered(burst_s=60)),
    "garbage": _Fault("nonsense comes before each answer", 0.0, _answered(garbage=KINDS)),
}
