"""No third party is flooded because callers name it."""

from __future__ import annotations

from sipua.stir.fetch_limits import MOST, MOST_OF_HOST, RATE_OF_ALL, RATE_OF_HOST, FetchLimits

VICTIM = "victim.example"


def test_so_many_of_a_host_at_once() -> None:
    limits = FetchLimits()
    for second in range(MOST_OF_HOST):
        assert limits.begin(VICTIM, float(second)) is None
    assert limits.begin(VICTIM, 100.0) == "host"
    assert limits.begin("other.example", 100.0) is None
    limits.end(VICTIM)
    assert limits.begin(VICTIM, 100.0) is None


def test_so_many_of_all_at_once() -> None:
    limits = FetchLimits()
    for host in range(MOST):
        assert limits.begin(f"{host}.example", float(host)) is None
    assert limits.begin("one.more.example", 100.0) == "all"
    limits.end("0.example")
    assert limits.begin("one.more.example", 100.0) is None
    assert len(limits._under_way) == MOST, "what is over is forgotten"


def test_so_many_of_a_host_a_second() -> None:
    limits = FetchLimits()
    asked = 0
    for step in range(1000):
        if limits.begin(VICTIM, step / 100) is None:
            asked += 1
            limits.end(VICTIM)
    assert 10 * RATE_OF_HOST <= asked <= 12 * RATE_OF_HOST
    assert limits.begin(VICTIM, 9.99) == "host_rate"


def test_so_many_of_all_a_second() -> None:
    limits = FetchLimits()
    refused = set()
    asked = 0
    for step in range(1000):
        host = f"{step}.victim.example"
        if (why := limits.begin(host, step / 100)) is None:
            asked += 1
            limits.end(host)
        else:
            refused.add(why)
    assert asked <= 12 * RATE_OF_ALL
    assert refused == {"rate_of_all"}


def test_an_address_with_many_names() -> None:
    limits = FetchLimits()
    connected = [limits.may_connect("192.0.2.1", 0.0) for _ in range(100)]
    assert sum(connected) == 2 * RATE_OF_HOST
    assert limits.may_connect("192.0.2.2", 0.0)
    of_one_network = [limits.may_connect(f"2001:db8::{n:x}", 0.0) for n in range(100)]
    assert sum(of_one_network) == 2 * RATE_OF_HOST
