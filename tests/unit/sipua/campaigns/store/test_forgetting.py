"""`sipua forget` in campaigns: the number is gone, and the report still adds up."""

from __future__ import annotations

from pathlib import Path

from sipua.campaigns.do_not_call import DoNotCallList
from sipua.campaigns.store import forgetting, reading
from sipua.campaigns.store.leases import CampaignStore, Ended, Limits, News
from support.calls.campaigns import campaign, contact

NUMBERS = ["+491", "+492", "+493", "+494"]
THEIRS = {"+491", "+492", "+493"}.__contains__


def test_contacts_and_attempts(tmp_path: Path) -> None:
    march = campaign(tmp_path, [])
    anna, bob = ({"consent": f"form of {name}", "values": {"name": name}} for name in ("A", "B"))
    contacts_ = [contact(number, **anna) for number in NUMBERS[:3]]
    reading.add(tmp_path, march, [*contacts_, contact(NUMBERS[3], **bob)])
    store = CampaignStore(tmp_path)
    store.open()
    keys = {"caller_id": "", "limits": Limits(0, 0)}
    found, _ = store.lease(march.id, ["UTC"], 2, now_s=2000.0, **keys)  # type: ignore[arg-type]
    done, calling = found
    store.write(News(ended=[Ended(done.attempt, done.contact, "person", 2010.0, None)]))

    kept = forgetting.find(tmp_path, THEIRS)
    assert (len(kept.contacts), len(kept.attempts), kept.calling) == (2, 1, ["march"])
    forgetting.erase(tmp_path, kept)
    contacts = {one.id: one for one in reading.contacts(tmp_path, march)}
    gone = contacts[done.contact]
    assert (gone.number, gone.consent, gone.values, gone.outcome) == ("*1", "", {}, "person")
    assert contacts[calling.contact].number == "+492"
    waited = contacts[3]
    assert (waited.number, waited.state, waited.outcome) == ("*3", "done", "blocked")
    assert contacts[4].values == {"name": "B"}
    report = reading.report(tmp_path, march)
    assert (report.contacts, report.waiting, report.calling) == (4, 1, 1)
    assert (report.done, report.blocked) == ({"person": 1, "blocked": 1}, {"forgotten": 1})
    assert report.attempts == {"person": 1, "calling": 1}
    left, _ = store.lease(march.id, ["UTC"], 5, now_s=2020.0, **keys)  # type: ignore[arg-type]
    assert [one.number for one in left] == ["+494"]
    again = forgetting.find(tmp_path, THEIRS)
    assert (again.contacts, again.attempts) == ([], [])
    store.write(News(ended=[Ended(calling.attempt, calling.contact, "person", 2030.0, None)]))
    forgetting.erase(tmp_path, forgetting.find(tmp_path, THEIRS))
    store.close()
    files = b"".join(path.read_bytes() for path in tmp_path.glob("campaigns.sqlite3*"))
    assert b"form of B" in files
    assert b"form of A" not in files


def test_without_campaigns_nothing_is_made(tmp_path: Path) -> None:
    assert forgetting.find(tmp_path, THEIRS).contacts == []
    forgetting.erase(tmp_path, forgetting.Kept())
    assert list(tmp_path.iterdir()) == []


def test_the_list_keeps_the_number_and_nothing_else(tmp_path: Path) -> None:
    numbers = DoNotCallList(tmp_path / "list.sqlite3")
    numbers.forget("+4930123456")  # there is none
    numbers.add(["+4930123456"], by="agent", reason="is ill", now_s=5.0, call_id="c-1")
    numbers.forget("+4930 123456")
    entry = numbers.find("+4930123456")
    assert entry is not None
    assert (entry.at_s, entry.by, entry.reason, entry.call_id) == (5.0, "agent", "", "")
