"""Campaigns as the API has them; a report adds up."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipua.campaigns.rules.settings import CampaignSettings
from sipua.campaigns.store import reading
from sipua.campaigns.store.leases import CampaignStore, Ended, Limits, News
from support.calls.campaigns import campaign, contact


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    assert reading.every(tmp_path) == []
    assert reading.named(tmp_path, "march") is None
    assert reading.change(tmp_path, "march", "paused", "me", 1.0) is None
    assert not reading.delete(tmp_path, "march")
    assert list(tmp_path.iterdir()) == []


def test_made_once(tmp_path: Path) -> None:
    settings = CampaignSettings(
        origin="carrier", retry_s={"busy": (60.0,)}, hours=("mon 09:00-10:00",)
    )
    made = reading.create(tmp_path, "march", settings, "me", 5.0)
    assert (made.state, made.settings) == ("new", settings)
    with pytest.raises(reading.TakenError):
        reading.create(tmp_path, "march", settings, "me", 6.0)
    assert reading.every(tmp_path) == [made]


def test_contacts_are_added_once(tmp_path: Path) -> None:
    march = campaign(tmp_path, ["+491", "+492"])
    assert reading.add(tmp_path, march, [contact("+492"), contact("+493", values={"a": "b"})]) == 1
    first, _, third = reading.contacts(tmp_path, march)
    assert (first.number, first.state, third.values) == ("+491", "waiting", {"a": "b"})
    assert reading.contacts(tmp_path, march, after=first.id, limit=1)[0].number == "+492"
    assert reading.contacts(tmp_path, march, state="done") == []


def test_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    march = campaign(tmp_path, ["+491"])
    monkeypatch.setattr(reading, "MOST_CONTACTS", 2)
    with pytest.raises(reading.FullError):
        reading.add(tmp_path, march, [contact("+492"), contact("+493")])
    assert reading.report(tmp_path, march).contacts == 1


def test_states(tmp_path: Path) -> None:
    march = campaign(tmp_path, ["+491"])
    for state in ("paused", "running", "running", "stopped", "stopped"):
        changed = reading.change(tmp_path, "march", state, "me", 7.0)  # type: ignore[arg-type]
        assert changed is not None
        assert changed.state == state
    for state in ("running", "paused"):
        with pytest.raises(reading.WrongStateError, match="is stopped"):
            reading.change(tmp_path, "march", state, "me", 8.0)  # type: ignore[arg-type]
    with pytest.raises(reading.WrongStateError, match="was stopped"):
        reading.add(tmp_path, march, [contact("+492")])


def test_deleted_with_its_contacts_but_not_with_what_caps_count(tmp_path: Path) -> None:
    march = campaign(tmp_path, ["+491"])
    with pytest.raises(reading.WrongStateError, match="stop it first"):
        reading.delete(tmp_path, "march")
    store = CampaignStore(tmp_path)
    store.open()
    (one,), _ = store.lease(march.id, ["UTC"], 1, caller_id="", limits=Limits(0, 0), now_s=9.0)
    reading.change(tmp_path, "march", "stopped", "me", 9.0)
    with pytest.raises(reading.WrongStateError):
        reading.delete(tmp_path, "march")  # a call of it is up
    store.write(News(ended=[Ended(one.attempt, one.contact, "busy", 10.0, None)]))
    assert reading.delete(tmp_path, "march")
    again = campaign(tmp_path, ["+491"])
    assert again.id != march.id
    assert reading.report(tmp_path, again).attempts == {}
    _, postponed = store.lease(again.id, ["UTC"], 1, caller_id="", limits=Limits(1, 0), now_s=11.0)
    assert [one.rule for one in postponed] == ["attempts_per_day"]
    store.close()


def test_a_report_adds_up(tmp_path: Path) -> None:
    march = campaign(tmp_path, [f"+49{n}" for n in range(10)])
    store = CampaignStore(tmp_path)
    store.open()
    leased, _ = store.lease(march.id, ["UTC"], 7, caller_id="", limits=Limits(0, 0), now_s=20.0)
    outcomes = ("person", "busy", "machine", "person", "no_answer")
    store.write(
        News(
            ended=[
                Ended(
                    one.attempt,
                    one.contact,
                    outcome,
                    30.0,
                    99.0 if outcome == "busy" else None,
                    4.0,
                    outcome == "person",
                )  # type: ignore[arg-type]
                for one, outcome in zip(leased, outcomes, strict=False)
            ]
        )
    )
    report = reading.report(tmp_path, march)
    assert report.contacts == 10 == report.waiting + report.calling + sum(report.done.values())
    assert (report.waiting, report.calling) == (4, 2)
    assert report.done == {"person": 2, "machine": 1, "no_answer": 1}
    assert report.attempts == {"calling": 2, "person": 2, "busy": 1, "machine": 1, "no_answer": 1}
    assert (report.answered_live, report.abandoned, report.talk_s) == (2, 2, 20.0)
    assert (report.first_s, report.last_s) == (20.0, 20.0)
    store.close()
