"""Leases: an attempt is on the disk before it is made, and no number gets more than it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipua.campaigns.rules.settings import Campaign
from sipua.campaigns.store import reading
from sipua.campaigns.store.leases import CampaignStore, Ended, Leased, Limits, News, Unmade
from support.calls.campaigns import campaign, contact

FREE = Limits(0, 0)
NOW = 10_000.0
DAY = 86_400.0


@pytest.fixture
def store(tmp_path: Path) -> CampaignStore:
    return CampaignStore(tmp_path)


def lease(
    store: CampaignStore, of: Campaign, count: int = 10, *, now: float = NOW, limits: Limits = FREE
) -> list[Leased]:
    return store.lease(of.id, ["UTC"], count, caller_id="+49301", limits=limits, now_s=now)[0]


def end(store: CampaignStore, one: Leased, again_s: float | None = None, at: float = NOW) -> None:
    outcome = "person" if again_s is None else "busy"
    store.write(News(ended=[Ended(one.attempt, one.contact, outcome, at, again_s)]))


def test_each_contact_is_leased_once(tmp_path: Path, store: CampaignStore) -> None:
    march = campaign(tmp_path, [f"+49{n}" for n in range(25)])
    store.open()
    numbers = [one.number for _ in range(4) for one in lease(store, march)]
    assert numbers == [f"+49{n}" for n in range(25)]
    assert lease(store, march) == []
    store.close()


def test_a_killed_process_leaves_its_attempts_behind(tmp_path: Path, store: CampaignStore) -> None:
    march = campaign(tmp_path, ["+491", "+492", "+493"])
    store.open()
    first, second = lease(store, march, 2)
    store.write(News(placed=[(first.attempt, "c-1")]))
    # It is killed here: nothing is closed, and another process opens the file.
    later = CampaignStore(tmp_path)
    later.open()
    left = later.lost()
    assert [(one.number, one.call_id) for one in left] == [("+491", "c-1"), ("+492", "")]
    assert [one.number for one in lease(later, march)] == ["+493"], "the others are not called"
    assert reading.report(tmp_path, march).calling == 3
    for one in (store, later):
        one.close()
    assert second.attempts == 1


def test_priority_then_age(tmp_path: Path, store: CampaignStore) -> None:
    march = campaign(tmp_path, ["+491"])
    reading.add(tmp_path, march, [contact("+492", priority=5), contact("+493", priority=-5)])
    store.open()
    assert [one.number for one in lease(store, march)] == ["+492", "+491", "+493"]
    store.close()


def test_only_contacts_of_these_zones(tmp_path: Path, store: CampaignStore) -> None:
    march = campaign(tmp_path, [])
    both = ("America/New_York", "America/Los_Angeles")
    reading.add(tmp_path, march, [contact("+491", ("Europe/Berlin",)), contact("+11", both)])
    store.open()
    zones = store.zones(march.id, NOW)
    assert sorted(zones) == ["America/New_York America/Los_Angeles", "Europe/Berlin"]
    found, _ = store.lease(march.id, ["Europe/Berlin"], 5, caller_id="", limits=FREE, now_s=NOW)
    assert [one.number for one in found] == ["+491"]
    store.close()


def test_again_when_it_is_due(tmp_path: Path, store: CampaignStore) -> None:
    march = campaign(tmp_path, ["+491"])
    store.open()
    (one,) = lease(store, march)
    end(store, one, NOW + 300)
    assert lease(store, march, now=NOW + 299) == []
    (again,) = lease(store, march, now=NOW + 300)
    assert again.attempts == 2
    end(store, again)
    assert lease(store, march, now=NOW + 9999) == []
    assert store.is_done(march.id)
    store.close()


def test_caps_of_a_number_hold_over_all_campaigns(tmp_path: Path, store: CampaignStore) -> None:
    march, april = (campaign(tmp_path, ["+491"], name) for name in ("march", "april"))
    store.open()
    two = Limits(per_day=2, per_week=3)
    for of, now in ((march, NOW), (april, NOW + 60)):
        (one,) = lease(store, of, now=now, limits=two)
        end(store, one, now + 1, at=now)
    found, postponed = store.lease(march.id, ["UTC"], 5, caller_id="", limits=two, now_s=NOW + 120)
    assert found == []
    assert [(one.number, one.rule, one.limit) for one in postponed] == [
        ("+491", "attempts_per_day", 2)
    ]
    assert lease(store, march, now=NOW + DAY - 1, limits=two) == []
    (third,) = lease(store, march, now=NOW + DAY + 1, limits=two)
    end(store, third, NOW + DAY + 2)
    _, postponed = store.lease(march.id, ["UTC"], 5, caller_id="", limits=two, now_s=NOW + 3 * DAY)
    assert [one.rule for one in postponed] == ["attempts_per_week"]
    store.close()


def test_a_number_that_is_being_called_is_not_called_by_another_campaign(
    tmp_path: Path, store: CampaignStore
) -> None:
    march, april = (campaign(tmp_path, ["+491"], name) for name in ("march", "april"))
    store.open()
    (one,) = lease(store, march)
    assert lease(store, april) == []
    end(store, one)
    assert len(lease(store, april)) == 1
    store.close()


def test_calls_that_show_one_number(tmp_path: Path, store: CampaignStore) -> None:
    march = campaign(tmp_path, ["+491", "+492"])
    store.open()
    lease(store, march)
    assert store.caller_id_room("+49301", 3, NOW + 5) == 1
    assert store.caller_id_room("+49301", 3, NOW + DAY + 5) == 3
    assert store.caller_id_room("+49302", 3, NOW + 5) == 3
    store.close()


def test_what_was_not_made_counts_for_nothing(tmp_path: Path, store: CampaignStore) -> None:
    march = campaign(tmp_path, ["+491", "+492"])
    store.open()
    first, second = lease(store, march)
    store.write(
        News(
            unmade=[
                Unmade(first.attempt, first.contact, NOW + 5),
                Unmade(second.attempt, second.contact, None, "do_not_call"),
            ]
        )
    )
    report = reading.report(tmp_path, march)
    assert (report.waiting, report.done, report.blocked) == (
        1,
        {"blocked": 1},
        {"do_not_call": 1},
    )
    assert report.attempts == {}
    (again,) = lease(store, march, now=NOW + 6)
    assert (again.number, again.attempts) == ("+491", 1)
    store.close()


def test_nothing_is_leased_once_it_is_paused(tmp_path: Path, store: CampaignStore) -> None:
    march = campaign(tmp_path, ["+491"])
    store.open()
    assert store.changed()
    assert not store.changed()
    reading.change(tmp_path, "march", "paused", "me", NOW)
    assert lease(store, march) == []
    assert store.changed()
    assert not store.set_state(march, "finished", "edge", "", NOW), "the API was first"
    store.close()
