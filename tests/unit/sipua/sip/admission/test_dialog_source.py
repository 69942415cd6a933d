"""S11: which source may send requests within a call."""

from __future__ import annotations

import ipaddress

import pytest

from sipua.sip.admission.admission import Admission
from sipua.sip.admission.dialog_source import TOLD_EVERY_S, DialogSource

NAMES = frozenset({"sbc.example.com"})
NO_NAMES: frozenset[str] = frozenset()
WAY = ["198.51.100.1", "sbc.example.com", "[2001:DB8::1]"]


@pytest.fixture
def admission() -> Admission:
    admission = Admission(max_calls=2, accept_any=True)
    admission.allow_host("carrier", "192.0.2.0/28", services=False)
    admission.allow_host("other", "203.0.113.7", services=False)
    admission.learn("carrier", ipaddress.ip_network("203.0.113.9"))
    admission.allow_certified("by-name", NAMES, anywhere=True)
    return admission


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("203.0.113.1", True),  # it has answered from there
        ("192.0.2.5", True),  # of the trunk
        ("203.0.113.9", True),  # its registrar
        ("198.51.100.1", True),  # Contact, Record-Route
        ("2001:db8::1", True),
        ("203.0.113.7", False),  # of another trunk
        ("198.51.100.2", False),
        ("sbc.example.com", False),  # no source is a name
        ("", False),
    ],
)
def test_S11_a_source_has_a_part_in_the_call(
    admission: Admission, host: str, *, allowed: bool
) -> None:
    source = DialogSource()
    source.learn(["203.0.113.1"])
    assert source.allows(admission, "carrier", host, NO_NAMES, WAY) is allowed


def test_S11_where_the_certificate_is_asked_for_it_counts_alone(admission: Admission) -> None:
    source = DialogSource(certified=admission.certified("by-name", NAMES))
    source.learn(["203.0.113.1"])
    assert not source.allows(admission, "by-name", "203.0.113.1", NO_NAMES, WAY)
    assert not source.allows(admission, "by-name", "203.0.113.1", frozenset({"another"}), WAY)
    assert source.allows(admission, "by-name", "198.51.100.77", NAMES, [])


def test_where_a_reload_has_taken_the_certificate_away_addresses_count_again(
    admission: Admission,
) -> None:
    source = DialogSource(certified=True)
    source.learn(["203.0.113.1"])
    assert source.allows(admission, "carrier", "203.0.113.1", NO_NAMES, [])
    assert not source.allows(admission, "carrier", "198.51.100.77", NO_NAMES, [])


def test_a_call_that_began_without_a_certificate_goes_by_addresses(admission: Admission) -> None:
    """Our call to a trunk that shows its certificate in its own calls alone."""
    source = DialogSource(certified=admission.certified("by-name", NO_NAMES))
    source.learn(["203.0.113.1"])
    assert source.allows(admission, "by-name", "203.0.113.1", NO_NAMES, [])


def test_a_call_straight_to_a_host_has_no_trunk(admission: Admission) -> None:
    source = DialogSource()
    assert not source.allows(admission, "", "192.0.2.5", NO_NAMES, [])
    assert not source.certified


def test_what_is_learnt_is_bounded(admission: Admission) -> None:
    source = DialogSource()
    source.learn([f"10.0.0.{number}" for number in range(200)])
    assert source.allows(admission, "", "10.0.0.1", NO_NAMES, [])
    assert not source.allows(admission, "", "10.0.0.199", NO_NAMES, [])


def test_of_many_refusals_one_is_told_with_the_number_of_the_others() -> None:
    source = DialogSource()
    told = [source.tells(at) for at in (0.0, 1.0, 2.0, TOLD_EVERY_S, TOLD_EVERY_S + 1)]
    assert told == [0, None, None, 2, None]
