"""When the certificate expires, for alerts."""

import msgspec

from sipua.config import Config
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.events.tls_events import TlsCertificate
from sipua.outputs.metrics.counting import Counting
from sipua.outputs.metrics.exposition import PLAIN, render
from sipua.outputs.metrics.names import names
from sipua.outputs.metrics.series import Series


def end_after(*expires: str | None) -> float:
    series = Series(names(Config()))
    events = EventStream("n")
    events.subscribe(Counting(series, names(Config())).read)
    for one in expires:
        event = TlsCertificate(names=["edge.test"], expires=one, days_left=1.0, anew=True)
        events.put(Told(event.type, 1.0, "", msgspec.json.encode(event.fields())))
    lines = render(series.families(), PLAIN).decode().splitlines()
    (found,) = (one for one in lines if one.startswith("sipua_tls_certificate_end_seconds "))
    return float(found.rpartition(" ")[2])


def test_it_is_that_of_the_last_certificate_and_0_without_one() -> None:
    assert end_after() == 0
    assert end_after("2027-01-15T08:00:00+00:00") == 1_800_000_000
    assert end_after("2027-01-15T08:00:00+00:00", "2027-01-15T08:00:01+00:00") == 1_800_000_001
    assert end_after("2027-01-15T08:00:00+00:00", None) == 0
    assert end_after("never") == 0
