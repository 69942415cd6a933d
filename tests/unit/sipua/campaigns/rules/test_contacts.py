"""Contacts as they come in: each fault is named with its line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sipua.campaigns.rules.contacts import ContactError, Given, judged, rows
from sipua.campaigns.rules.settings import CampaignSettings, Policy

POLICY = Policy(
    country="",
    timezone="",
    hours=("mon-sun 08:00-21:00",),
    require_consent=False,
    max_calls=10,
    calls_per_second=5,
    attempts_per_day=3,
    attempts_per_week=7,
    caller_id_calls_per_day=0,
    abandoned_percent=3,
    abandoned_days=30,
    abandoned_least=100,
    numbers="full",
)
SETTINGS = CampaignSettings(origin="carrier")


def judge(
    settings: dict[str, Any] | None = None, policy: dict[str, Any] | None = None, **given: Any
) -> Any:
    campaign = CampaignSettings(origin="carrier", **(settings or {}))
    return judged(Given(**given), campaign, replace(POLICY, **(policy or {})))


def test_the_zone_is_that_of_the_number() -> None:
    assert judge(number="+49 30 2093-0").zones == ("Europe/Berlin",)
    assert judge(number="0044 20 7946 0018").number == "+442079460018"
    several = judge(number="+1 800 555 0199").zones
    assert len(several) > 3, "a number that may be anywhere: all of its zones must allow"


def test_a_number_with_a_country_of_the_configuration() -> None:
    assert judge(policy={"country": "DE"}, number="030 2093-0").number == "+493020930"


def test_a_zone_that_is_not_known_must_be_given() -> None:
    with pytest.raises(ContactError, match="its time zone is not known"):
        judge(number="201")
    assert judge(number="201", timezone="Europe/Paris").zones == ("Europe/Paris",)
    assert judge({"timezone": "Europe/Rome"}, number="201").zones == ("Europe/Rome",)
    assert judge(policy={"timezone": "Asia/Tokyo"}, number="201").zones == ("Asia/Tokyo",)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"number": "bob"}, "no telephone number"),
        ({"number": ""}, "no telephone number"),
        ({"number": "+49" + "1" * 80}, "no telephone number"),
        ({"number": "sip:bob@192.0.2.1"}, "no telephone number"),
        ({"number": "+4930123456", "timezone": "Berlin"}, "is no time zone"),
        ({"number": "+4930123456", "consent": "x" * 501}, "longer than 500"),
        ({"number": "+4930123456", "priority": 101}, "from -100 to 100"),
        ({"number": "+4930123456", "values": {"contact": "7"}}, "a name of ours"),
        ({"number": "+4930123456", "values": {"a b": "7"}}, "is no name"),
        ({"number": "+4930123456", "values": {"a": "7" * 513}}, "longer than 512"),
        ({"number": "+4930123456", "values": {f"v{n}": "7" for n in range(13)}}, "more than 12"),
    ],
)
def test_faults(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ContactError, match=said):
        judge(**given)


def test_consent_is_demanded_by_the_configuration_or_the_campaign() -> None:
    for demand in ({"settings": {"require_consent": True}}, {"policy": {"require_consent": True}}):
        with pytest.raises(ContactError, match="`consent` is empty"):
            judge(number="+4930123456", consent="  ", **demand)  # type: ignore[arg-type]
        agreed = "web form, 2026-03-01, id 4711"
        found = judge(number="+4930123456", consent=agreed, **demand)  # type: ignore[arg-type]
        assert found.consent == agreed


def test_a_csv() -> None:
    text = '\ufeffname;number;consent;priority\nAnna;+4930123456;form 7;5\n"B; Co";+4930123457;;\n'
    first, second = rows(text.splitlines(keepends=True))
    assert first.line == 2
    assert first.given == Given(
        "+4930123456", consent="form 7", priority=5, values={"name": "Anna"}
    )
    assert second.given == Given("+4930123457", values={"name": "B; Co"})


def test_each_faulty_line_is_named() -> None:
    text = 'number,name\n+4930123456,Anna,more\n+4930123457,"Bob\n\n+4930123458,Carl\n'
    found = list(rows(text.splitlines(keepends=True)))
    assert [(row.line, bool(row.given)) for row in found] == [(2, False), (3, False), (5, True)]
    assert found[0].fault == "3 columns, and the first line has 2"
    assert found[1].fault.startswith("no CSV")


@pytest.mark.parametrize("head", ["name,phone\n", "number,number\n", "number,\n", "\n"])
def test_a_first_line_that_names_no_numbers(head: str) -> None:
    with pytest.raises(ContactError, match="first line"):
        list(rows([head, "+4930123456,x\n"]))


def test_a_moment_before_which_it_is_not_called() -> None:
    head = "number,not_before\n"
    (row,) = rows([head, "+4930123456,2026-03-02T09:00+01:00\n"])
    assert row.given is not None
    assert judged(row.given, SETTINGS, POLICY).not_before_s == 1772438400
    assert judge(number="+4930123456").not_before_s == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-03-02T09:00", "has no zone"),
        ("tomorrow", "is no moment"),
        ("2026-13-02T09:00Z", "is no moment"),
        ("9999-12-31T23:59-14:00", "behind the year 2099"),
    ],
)
def test_a_moment_that_is_none(text: str, said: str) -> None:
    (row,) = rows(["number,not_before\n", f"+4930123456,{text}\n"])
    assert row.given is None
    assert said in row.fault
