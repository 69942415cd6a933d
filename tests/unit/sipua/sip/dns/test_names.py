"""S22 without a clock and without DNS: what holds, in which order, and when it is asked again."""

from __future__ import annotations

import random
from collections import Counter

from sipua.sip.dns.names import (
    LONGEST_RETRY_S,
    LONGEST_TTL_S,
    MAX_NAMES,
    SHORTEST_TTL_S,
    Found,
    Name,
    NameTable,
    News,
    NotFound,
    Outcome,
    Service,
    Target,
    by_priority,
    targets,
    transport_of,
)

TRUNK = Name("trunk.example", services=True)
DEAD = NotFound("no answer from 192.0.2.53")


def table() -> NameTable:
    return NameTable(random.Random(1))


def kept(outcome: Outcome | None = None, now: float = 0.0) -> NameTable:
    names = table()
    names.keep(TRUNK)
    if outcome is not None:
        look_up(names, outcome, now)
    return names


def look_up(names: NameTable, outcome: Outcome, now: float, took_s: float = 0.0) -> News | None:
    assert names.begin(TRUNK, now)
    return names.end(TRUNK, outcome, now + took_s)[1]


def service(port: int, priority: int = 10, weight: int = 0, transport: str = "udp") -> Service:
    return Service(transport, priority, weight, port, (f"192.0.2.{port}",))


# --- when -------------------------------------------------------------------------------------


def test_S22_dead_at_the_start_and_found_within_30_s_of_its_return() -> None:
    names = kept()
    now, gaps = 0.0, []
    assert names.due(now) == [TRUNK]
    for _ in range(8):
        look_up(names, DEAD, now, took_s=20.0)  # every try was waited for in vain
        assert names.ask(TRUNK, now + 20.0) == DEAD
        due = names.next_due()
        assert due is not None
        gaps.append(due - now)
        now = due
    assert max(gaps) <= LONGEST_RETRY_S
    news = look_up(names, Found(("192.0.2.1",)), now)
    assert news == News(TRUNK, ("192.0.2.1",), LONGEST_TTL_S)
    assert names.ask(TRUNK, now) == Found(("192.0.2.1",))


def test_S22_a_name_that_fails_at_once_is_asked_soon_and_then_less_often() -> None:
    names = kept()
    now, gaps = 0.0, []
    for _ in range(7):
        look_up(names, DEAD, now)
        due = names.next_due()
        assert due is not None
        gaps.append(due - now)
        now = due
    assert gaps == [2, 4, 8, 16, 30, 30, 30]


def test_S22_a_name_that_fails_for_a_day_is_still_asked() -> None:
    names = kept()
    now = 0.0
    for _ in range(5000):
        look_up(names, DEAD, now)
        due = names.next_due()
        assert due is not None
        assert now < due <= now + LONGEST_RETRY_S
        now = due


def test_S22_it_is_asked_again_when_its_answer_has_expired() -> None:
    names = kept(Found(("192.0.2.1",), ttl_s=60))
    assert (names.due(59.0), names.due(60.0)) == ([], [TRUNK])


def test_S22_an_answer_holds_for_five_seconds_and_at_most_for_an_hour() -> None:
    for ttl_s, due in ((0, SHORTEST_TTL_S), (1e9, LONGEST_TTL_S), (float("inf"), LONGEST_TTL_S)):
        assert kept(Found(("192.0.2.1",), ttl_s=ttl_s)).next_due() == due


def test_S22_what_is_being_looked_up_is_not_looked_up_twice() -> None:
    names = kept()
    assert names.begin(TRUNK, 0.0)
    assert not names.begin(TRUNK, 1.0)
    assert names.due(99.0) == []
    assert names.next_due() is None
    assert names.ask(TRUNK, 1.0) is None


# --- what holds -------------------------------------------------------------------------------


def test_S22_old_addresses_hold_until_a_look_up_succeeds() -> None:
    names = kept(Found(("192.0.2.1",), ttl_s=60))
    news = look_up(names, DEAD, 60.0)
    assert news == News(TRUNK, ("192.0.2.1",), 2.0, DEAD.cause)
    assert names.ask(TRUNK, 9999.0) == Found(("192.0.2.1",), ttl_s=60)
    look_up(names, Found(("192.0.2.2",), ttl_s=60), 62.0)
    assert names.ask(TRUNK, 62.0) == Found(("192.0.2.2",), ttl_s=60)


def test_S22_news_are_a_change_a_failure_or_its_end() -> None:
    names = kept()
    first = look_up(names, Found(("192.0.2.1", "192.0.2.2"), ttl_s=60), 0.0)
    assert first is not None
    assert look_up(names, Found(("192.0.2.2", "192.0.2.1"), ttl_s=60), 60.0) is None
    assert look_up(names, DEAD, 120.0) is not None
    recovered = look_up(names, Found(("192.0.2.1", "192.0.2.2"), ttl_s=60), 150.0)
    assert recovered is not None
    assert not recovered.cause


def test_S22_a_part_that_could_not_be_looked_up_is_what_it_was() -> None:
    whole = Found(("192.0.2.1", "2001:db8::1"), (service(1),), ttl_s=60)
    names = kept(whole)
    look_up(names, Found(("192.0.2.9",), ttl_s=60, missing="AAAA: no answer"), 60.0)
    found = names.ask(TRUNK, 60.0)
    assert isinstance(found, Found)
    assert found.addresses == ("192.0.2.9", "192.0.2.1", "2001:db8::1")
    assert found.services == whole.services
    assert names.next_due() == 62.0  # not after its TTL


def test_S22_what_is_not_kept_is_looked_up_when_it_is_asked_for_again() -> None:
    names = table()
    assert names.ask(TRUNK, 0.0) is None
    look_up(names, Found(("192.0.2.1",), ttl_s=60), 0.0)
    assert names.ask(TRUNK, 59.0) is not None
    assert names.ask(TRUNK, 61.0) is None
    assert names.due(1e9) == []
    names.begin(TRUNK, 61.0)
    holds, _ = names.end(TRUNK, DEAD, 62.0)
    assert holds == Found(("192.0.2.1",), ttl_s=60)


def test_S22_a_name_that_fails_is_not_looked_up_for_each_message() -> None:
    names = kept(DEAD)
    assert names.ask(TRUNK, 0.9) == DEAD
    assert names.ask(TRUNK, 1.1) is None


def test_S22_names_of_strangers_are_bounded_and_push_out_none_of_ours() -> None:
    names = kept(Found(("192.0.2.1",)))
    for number in range(3 * MAX_NAMES):
        name = Name(f"{number}.example", services=False)
        assert names.ask(name, 0.0) is None
        names.begin(name, 0.0)
        names.end(name, DEAD, 0.0)
    assert names.ask(TRUNK, 0.0) == Found(("192.0.2.1",))
    assert names.ask(Name("0.example", services=False), 0.0) is None  # forgotten

    stuck = table()
    for number in range(MAX_NAMES):
        name = Name(f"{number}.example", services=False)
        assert stuck.ask(name, 0.0) is None
        stuck.begin(name, 0.0)
    assert isinstance(stuck.ask(TRUNK, 0.0), NotFound)


# --- in which order ---------------------------------------------------------------------------


def test_S22_priorities_first_and_weights_among_equals() -> None:
    services = [service(1, 20, 100), service(2, 10, 10), service(3, 10, 30), service(4, 10, 0)]
    first: Counter[int] = Counter()
    rng = random.Random(7)
    for _ in range(4000):
        ports = [s.port for s in by_priority(services, rng)]
        assert ports[-1] == 1
        assert sorted(ports) == [1, 2, 3, 4]
        first[ports[0]] += 1
    assert 2.3 < first[3] / first[2] < 4
    assert 0 < first[4] < first[2]  # RFC 2782: a small chance, not none


def test_S22_the_order_stays_drawn_while_the_services_are_the_same() -> None:
    """A request that was challenged must come to the same server again."""
    same = tuple(service(number, 10, 10) for number in range(1, 9))
    names = kept(Found((), same, ttl_s=5))
    before = names.ask(TRUNK, 0.0)
    assert isinstance(before, Found)
    for turn in range(1, 20):
        look_up(names, Found((), same[::-1], ttl_s=5), 5.0 * turn)
        now = names.ask(TRUNK, 5.0 * turn)
        assert isinstance(now, Found)
        assert now.services == before.services


def test_S22_without_a_port_services_say_where_and_udp_comes_first() -> None:
    found = Found(("192.0.2.99",), (service(5, transport="tcp"), service(6), service(7)))
    assert targets(found, 0, "") == [Target("192.0.2.6", 6, "udp"), Target("192.0.2.7", 7, "udp")]
    assert targets(found, 0, "tcp") == [Target("192.0.2.5", 5, "tcp")]
    assert targets(Found((), (service(5, transport="tcp"),)), 0, "") == [
        Target("192.0.2.5", 5, "tcp")
    ]


def test_S22_with_a_port_or_without_services_the_name_itself_says_where() -> None:
    found = Found(("192.0.2.9", "2001:db8::9"), (service(6),))
    assert targets(found, 5070, "tcp") == [
        Target("192.0.2.9", 5070, "tcp"),
        Target("2001:db8::9", 5070, "tcp"),
    ]
    assert targets(Found(("192.0.2.9",)), 0, "") == [Target("192.0.2.9", 5060, "udp")]
    nowhere = Found(("192.0.2.9",), (Service("udp", 1, 1, 5060, ()),))
    assert targets(nowhere, 0, "") == [Target("192.0.2.9", 5060, "udp")]


def test_S22_tls_has_services_and_a_port_of_its_own() -> None:
    found = Found(("192.0.2.9",), (service(6), service(5, transport="tls")))
    assert targets(found, 0, "tls") == [Target("192.0.2.5", 5, "tls")]
    assert targets(found, 5070, "tls") == [Target("192.0.2.9", 5070, "tls")]
    assert targets(Found(("192.0.2.9",)), 0, "tls") == [Target("192.0.2.9", 5061, "tls")]
    assert [
        transport_of(uri) for uri in ("sips:a", "sip:a;Transport=TLS", "sip:a;transport=tcp")
    ] == [
        "tls",
        "tls",
        "tcp",
    ]
    assert transport_of("sip:tls@a;transport=udp") == ""


def test_S22_a_trunk_is_every_address_that_its_name_leads_to() -> None:
    found = Found(("192.0.2.1", "192.0.2.6"), (service(6), service(7)))
    assert found.every_address == ("192.0.2.6", "192.0.2.7", "192.0.2.1")


def test_S22_another_list_of_names_is_looked_up_at_once_and_the_old_one_no_more() -> None:
    names = kept(Found(("192.0.2.1",)))
    other = Name("other.example.com", services=False)
    names.keep_only([other])
    assert names.due(1.0) == [other]
    assert look_up_of(names, other, 1.0) == ("192.0.2.7",)
    # One that comes back is news, though its addresses are what they were: who needs it had
    # forgotten them.
    names.keep_only([other, TRUNK])
    assert names.due(2.0) == [TRUNK]
    assert names.ask(TRUNK, 2.0) is None
    news = look_up(names, Found(("192.0.2.1",)), 2.0)
    assert news is not None
    assert news.addresses == ("192.0.2.1",)
    names.keep_only([other, TRUNK])
    assert names.due(2.5) == [], "what is kept goes on"


def look_up_of(names: NameTable, name: Name, now: float) -> tuple[str, ...]:
    assert names.begin(name, now)
    _, news = names.end(name, Found(("192.0.2.7",)), now)
    assert news is not None
    return news.addresses
