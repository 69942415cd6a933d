"""Whose calls are excused when a worker is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import Pipe
from pathlib import Path

import pytest

from sipua.bench.life import config, people, scrape
from sipua.bench.load.edge import free_port


@pytest.fixture
def crowd() -> Iterator[people._People]:
    ours, theirs = Pipe()
    plan = people.Plan(("127.0.0.1", free_port()), free_port(), [b""], 10.0, "test")
    with closing(ours), closing(theirs):
        crowd = people._People(theirs, plan)
        yield crowd
        for party in crowd._parties.values():
            crowd._board.remove(party.phone)
            party.phone.udp.close()
        crowd._sip.close()


def test_calls_of_other_workers_are_judged_as_ever(crowd: people._People) -> None:
    for _ in range(3):
        crowd._begin("talk", 100.0)
    elsewhere, victims, under_way = crowd._parties.values()
    crowd._told(people.Excuse(frozenset({elsewhere.leg.call_id, "another"})), 101.0)
    assert [elsewhere.excused, victims.excused, under_way.excused] == [False, True, True]
    # A second kill is no pardon for those of the first one less.
    crowd._told(people.Excuse(frozenset({victims.leg.call_id})), 102.0)
    assert [elsewhere.excused, victims.excused] == [True, True]


def test_so_are_calls_that_begin_later(crowd: people._People) -> None:
    crowd._told(people.Excuse(frozenset()), 100.0)
    for began_s in (107.9, 108.1):
        crowd._begin("talk", began_s)
    assert [one.excused for one in crowd._parties.values()] == [True, False]


def test_so_are_calls_that_were_to_be_placed_when_the_worker_was_killed(
    crowd: people._People,
) -> None:
    kind = next(name for name, kind in people.KINDS.items() if kind.placed)
    crowd._begin(kind, 99.0)
    crowd._told(people.Excuse(frozenset()), 100.0)
    crowd._begin(kind, 107.0)
    crowd._wanted(140.0)
    assert (crowd._placing, crowd._faults) == ([], {})
    crowd._begin(kind, 141.0)
    crowd._wanted(172.0)
    assert crowd._faults == {people.NEVER_CAME: 1}


def test_the_api_says_which_worker_has_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [{"sip_call_id": f"life-{n}", "worker": n % 2} for n in range(4)]
    said = {"": "", "all": json.dumps({"calls": calls, "next": None})}
    scraped = scrape.Scrape(config.Ports(1, 2, 3, 4, 5, 6), Path("/nonexistent"))
    monkeypatch.setattr(scraped, "_text", lambda path: said["all"])
    assert scraped.calls_elsewhere(1) == {"life-0", "life-2"}
    monkeypatch.setattr(scraped, "_text", lambda path: said[""])
    assert scraped.calls_elsewhere(1) == frozenset()
