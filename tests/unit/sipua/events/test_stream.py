"""The stream of an edge: numbers, what is kept, readers."""

from __future__ import annotations

import json
from datetime import datetime

from structlog.testing import capture_logs

from sipua.events.call_events import Ringing
from sipua.events.edge_events import Stopped
from sipua.events.stream import EventStream, Happened


def test_numbers_grow_by_one_and_readers_get_each_in_order() -> None:
    stream, heard = EventStream("edge"), list[Happened]()
    end = stream.subscribe(heard.append)
    for _ in range(3):
        stream.teller("c-1").tell(Ringing())
    stream.teller().tell(Stopped())
    end()
    stream.teller().tell(Stopped())
    assert [one.sequence for one in heard] == [1, 2, 3, 4]
    assert [one.told.call_id for one in heard] == ["c-1", "c-1", "c-1", ""]
    assert len({one.id for one in heard}) == 4


def test_it_is_a_cloud_event() -> None:
    stream, heard = EventStream("an edge/1"), list[Happened]()
    stream.subscribe(heard.append)
    stream.teller("c-1").tell(Ringing())
    stream.teller().tell(Stopped())
    of_call, of_edge = (json.loads(one.json()) for one in heard)
    assert datetime.fromisoformat(of_call.pop("time")).tzinfo is not None
    assert of_call == {
        "specversion": "1.0",
        "id": f"{stream.boot}-1",
        "source": "/sipua/an%20edge/1",
        "type": "call.ringing",
        "subject": "c-1",
        "sequence": "000000000001",
        "datacontenttype": "application/json",
        "data": {},
    }
    assert "subject" not in of_edge


def test_two_runs_of_an_edge_have_no_id_in_common() -> None:
    assert EventStream("edge").boot != EventStream("edge").boot


def test_a_reader_that_comes_back_gets_what_it_missed() -> None:
    stream = EventStream("edge", kept=5)
    assert stream.after(0) == []
    for _ in range(8):
        stream.teller().tell(Stopped())

    def numbers(after: int) -> list[int] | None:
        missed = stream.after(after)
        return None if missed is None else [one.sequence for one in missed]

    assert numbers(8) == []
    assert numbers(6) == [7, 8]
    assert numbers(3) == [4, 5, 6, 7, 8]
    assert numbers(2) is None, "not all of it is kept"
    assert numbers(9) is None, "of another run"


def test_a_reader_that_fails_hurts_no_other_and_is_logged() -> None:
    stream, heard = EventStream("edge"), list[Happened]()

    def broken(_: Happened) -> None:
        raise KeyError("broken")

    stream.subscribe(broken)
    stream.subscribe(heard.append)
    with capture_logs() as lines:
        for _ in range(2):
            stream.teller().tell(Stopped())
    assert len(heard) == 2
    failed = [line for line in lines if line["event"] == "events.reader_failed"]
    assert failed
    assert "KeyError" in failed[0]["error"]


def test_a_reader_may_leave_while_it_reads() -> None:
    stream, heard = EventStream("edge"), list[Happened]()

    def once(happened: Happened) -> None:
        heard.append(happened)
        end()

    end = stream.subscribe(once)
    stream.subscribe(heard.append)
    stream.teller().tell(Stopped())
    assert len(heard) == 2
    stream.teller().tell(Stopped())
    assert len(heard) == 3
