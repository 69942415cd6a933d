"""Second legs and menus, counted from the events of their calls."""

from sipua.config import Config
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.outputs.metrics.counting import Counting
from sipua.outputs.metrics.exposition import PLAIN, render
from sipua.outputs.metrics.names import names
from sipua.outputs.metrics.series import Series


class Bed:
    def __init__(self) -> None:
        self._series = Series(names(Config()))
        self._events = EventStream("n")
        self._events.subscribe(Counting(self._series, names(Config())).read)

    def tell(self, kind: str, data: bytes = b"{}") -> None:
        self._events.put(Told(kind, 1.0, "c-1", data))

    @property
    def series(self) -> dict[str, float]:
        lines = render(self._series.families(), PLAIN).decode().splitlines()
        found = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in found}


def test_legs_that_are_up_and_how_they_ended() -> None:
    bed = Bed()
    bed.tell("call.incoming", b'{"origin":"anyone"}')
    for state in (b"failed", b"over"):
        bed.tell("call.leg")
        assert bed.series["sipua_legs_active"] == 1
        bed.tell("call.leg_ended", b'{"state":"%s"}' % state)
        bed.tell("call.leg_ended", b'{"state":"canary"}')
        assert bed.series["sipua_legs_active"] == 0
    assert bed.series['sipua_legs_total{state="failed"}'] == 1
    assert bed.series['sipua_legs_total{state="over"}'] == 1
    assert bed.series['sipua_legs_total{state="other"}'] == 2


def test_a_call_that_is_lost_takes_its_leg_along() -> None:
    bed = Bed()
    bed.tell("call.incoming", b'{"origin":"anyone"}')
    bed.tell("call.leg")
    bed.tell("call.ended")
    assert bed.series["sipua_legs_active"] == 0


def test_menus_by_how_they_were_left() -> None:
    bed = Bed()
    bed.tell("menu.left", b'{"menu":"main","by":"no_input"}')
    assert bed.series['sipua_menus_total{menu="other",by="no_input"}'] == 1
