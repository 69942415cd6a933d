"""S15 and S17: who may call, and how many."""

from __future__ import annotations

import ipaddress

from sipua.sip.admission.admission import Admission, Refusal, network_of
from sipua.sip.dns.names import Name

SBC = Name("sbc.example", services=True)


def trunk_only(max_calls: int = 2) -> Admission:
    admission = Admission(max_calls, accept_any=False)
    admission.allow_host("carrier", "192.0.2.0/24", services=True)
    return admission


def test_S15_a_stranger_gets_one_uniform_403() -> None:
    verdict = trunk_only().judge("198.51.100.9", 0)
    assert verdict == Refusal(403, "Forbidden")
    assert trunk_only().judge("not-an-address", 0) == verdict


def test_a_stranger_learns_nothing_about_load_or_draining() -> None:
    admission = trunk_only(max_calls=0)
    admission.draining = True
    assert admission.judge("198.51.100.9", 99) == Refusal(403, "Forbidden")


def test_a_trunk_is_known_by_its_network() -> None:
    assert trunk_only().judge("192.0.2.44", 0) == "carrier"


def test_S17_above_the_cap_is_486() -> None:
    verdict = trunk_only(max_calls=2).judge("192.0.2.1", 2)
    assert isinstance(verdict, Refusal)
    assert verdict.status == 486


def test_H10_without_a_worker_it_is_503_until_the_next_one_is_expected() -> None:
    gate = Admission(max_calls=2, accept_any=False, worker_missing_s=lambda: 2.5)
    gate.allow_host("carrier", "192.0.2.1", services=False)
    assert gate.judge("192.0.2.1", 0) == Refusal(503, "No Worker", retry_after_s=3)
    probed = gate.probe("192.0.2.1", 0, ports_left=True, now=0.0)
    assert probed == Refusal(503, "No Worker", retry_after_s=3), "what a dispatcher hears"
    assert gate.judge("198.51.100.9", 0) == Refusal(403, "Forbidden"), "a stranger learns nothing"


def test_H1_while_draining_is_503_with_retry_after() -> None:
    admission = trunk_only()
    admission.draining = True
    verdict = admission.judge("192.0.2.1", 0)
    assert isinstance(verdict, Refusal)
    assert (verdict.status, verdict.retry_after_s > 0) == (503, True)


def test_a_host_may_be_an_address_a_block_or_a_name() -> None:
    assert str(network_of("192.0.2.9")) == "192.0.2.9/32"
    assert str(network_of("2001:db8::/32")) == "2001:db8::/32"
    assert network_of("trunk.example") is None


def named() -> Admission:
    admission = trunk_only()
    admission.allow_host("other", "SBC.example", services=True)
    return admission


def test_S22_a_name_is_known_when_it_is_resolved_and_by_what_it_stands_for_now() -> None:
    admission = named()
    assert admission.names == (SBC,)
    assert admission.owners(SBC) == ("other",)
    assert admission.origin("198.51.100.5") is None
    admission.resolved(SBC, ["198.51.100.5", "2001:db8::5"])
    assert admission.judge("198.51.100.5", 0) == "other"
    assert admission.belongs("other", "2001:db8::5")
    admission.resolved(SBC, ["198.51.100.6"])
    assert admission.origin("198.51.100.5") is None
    assert admission.origin("198.51.100.6") == "other"
    assert admission.origin("192.0.2.1") == "carrier"


def test_S22_what_is_refused_while_a_name_is_unresolved_says_so_to_us_alone() -> None:
    admission = named()
    verdict = admission.judge("198.51.100.5", 0)
    assert isinstance(verdict, Refusal)
    assert (verdict.status, verdict.reason) == (403, "Forbidden")
    assert verdict.because == "not resolved yet: sbc.example"
    admission.resolved(SBC, ["198.51.100.6"])
    assert admission.judge("198.51.100.5", 0) == Refusal(403, "Forbidden")


def test_who_owns_an_address_does_not_depend_on_the_order() -> None:
    admission = trunk_only()
    admission.allow_host("pbx", "192.0.2.9", services=False)
    assert admission.belongs("pbx", "192.0.2.9")
    assert admission.belongs("carrier", "192.0.2.9")
    assert not admission.belongs("pbx", "192.0.2.10")
    assert not admission.belongs("pbx", "not-an-address")


def told(admission: Admission, *, calls_up: int = 0, ports_left: bool = True) -> Refusal | None:
    return admission.probe("192.0.2.1", calls_up, ports_left=ports_left, now=100.0)


def test_S23_options_is_answered_with_200_only_when_an_invite_would_be_taken() -> None:
    admission = trunk_only(max_calls=2)
    assert told(admission) is None
    assert told(admission, calls_up=1) is None
    assert told(admission, calls_up=2) == Refusal(503, "Busy Here", retry_after_s=5)
    assert told(admission, ports_left=False) == Refusal(503, "No Media Port", retry_after_s=5)
    admission.draining = True
    assert told(admission) == Refusal(503, "Shutting Down", retry_after_s=30)


def test_S23_without_any_engine_it_says_when_one_may_be_there_again() -> None:
    admission = trunk_only()
    admission.engine_missing_s = lambda now: 129.5 - now
    assert told(admission) == Refusal(503, "No Engine", retry_after_s=30)
    admission.engine_missing_s = lambda _now: 0.0
    assert told(admission) is None


def test_S15_S23_a_stranger_learns_nothing_from_options() -> None:
    admission = trunk_only(max_calls=0)
    admission.draining = True
    told_stranger = admission.probe("198.51.100.9", 9, ports_left=False, now=0.0)
    assert told_stranger == Refusal(403, "Forbidden")


def test_what_a_refusal_says_in_its_headers() -> None:
    assert Refusal(403, "Forbidden").headers == {}
    assert Refusal(503, "Busy Here", 5, "too many").headers == {
        "Retry-After": "5",
        "Warning": '399 sipua "too many"',
    }


def test_other_peers_take_the_place_of_those_before() -> None:
    gate = Admission(max_calls=1, accept_any=True, traced=frozenset({"old"}))
    gate.allow_host("old", "192.0.2.1", services=False)
    gate.allow_host("named", "trunk.example.com", services=True)
    (name,) = gate.names
    gate.resolved(name, ["192.0.2.9"])
    gate.learn("same", ipaddress.ip_network("198.51.100.1"))
    gate.learn("changed", ipaddress.ip_network("198.51.100.2"))
    other = Admission(max_calls=7, accept_any=False, traced=frozenset({"new"}))
    other.allow_host("new", "192.0.2.2", services=False)
    gate.draining = True
    gate.use(other, {"same"})
    assert (gate.max_calls, gate.accept_any, gate.draining) == (7, False, True)
    assert gate.traced == {"new"}
    hosts = ("192.0.2.1", "192.0.2.9", "192.0.2.2", "198.51.100.1", "198.51.100.2")
    assert [gate.origin(host) for host in hosts] == [None, None, "new", "same", None]
    assert gate.names == ()


def certified(hosts: str = "") -> Admission:
    admission = Admission(2, accept_any=False)
    if hosts:
        admission.allow_host("carrier", hosts, services=True)
    admission.allow_certified("carrier", ["sbc.example"], anywhere=not hosts)
    return admission


def test_S25_a_trunk_is_known_by_a_name_in_its_certificate_from_any_address() -> None:
    good, other = frozenset({"sbc.example", "b.example"}), frozenset({"c.example"})
    assert certified().judge("198.51.100.9", 0, good) == "carrier"
    assert certified().judge("198.51.100.9", 0, other) == Refusal(403, "Forbidden")
    assert certified().judge("198.51.100.9", 0) == Refusal(403, "Forbidden")


def test_S25_with_addresses_it_must_have_both() -> None:
    good = frozenset({"sbc.example"})
    assert certified("192.0.2.0/24").judge("192.0.2.4", 0, good) == "carrier"
    assert certified("192.0.2.0/24").judge("198.51.100.9", 0, good) == Refusal(403, "Forbidden")
    assert certified("192.0.2.0/24").judge("192.0.2.4", 0) == Refusal(403, "Forbidden")


def test_S25_another_configuration_has_other_names() -> None:
    admission = certified()
    admission.use(trunk_only(), [])
    assert admission.origin("198.51.100.9", frozenset({"sbc.example"})) is None
    admission.use(certified(), [])
    assert admission.origin("198.51.100.9", frozenset({"sbc.example"})) == "carrier"
