"""Which server of a trunk comes first, which is left out, and what is told of it."""

import random
from collections import Counter

from sipua.sip.peer_news import ServerDown, ServerProbed, ServerUp
from sipua.sip.settings import AccountSettings
from sipua.sip.trunks.servers import TrunkServers


def server(name: str, priority: int = 1, weight: int = 100, options_s: int = 0) -> AccountSettings:
    return AccountSettings(
        name,
        f"sip:us@{name}",
        proxy=f"sip:{name}",
        trunk="carrier",
        priority=priority,
        weight=weight,
        options_s=options_s,
    )


def servers(*settings: AccountSettings) -> TrunkServers:
    made = TrunkServers(random.Random(1))
    made.use(settings)
    return made


def names(of: TrunkServers, now: float) -> list[str]:
    return [one.name for one in of.order("carrier", now)]


def test_the_lowest_priority_comes_first_and_weights_share() -> None:
    made = servers(server("b", 2), server("a1", 1, 300), server("a2", 1, 100))
    ways = Counter(tuple(names(made, 0.0)) for _ in range(4000))
    assert set(ways) == {("a1", "a2", "b"), ("a2", "a1", "b")}
    assert 2600 < ways["a1", "a2", "b"] < 3400
    assert made.order("other", 0.0) == []


def test_S24_a_server_that_says_nothing_is_left_out_and_comes_back() -> None:
    made = servers(server("a", 1), server("b", 2))
    assert made.silent("a", "no answer within 3 s", 10.0) == ServerDown(
        "carrier", "sip:a", "no answer within 3 s", 30.0
    )
    assert names(made, 39.9) == ["b", "a"]
    assert names(made, 40.0) == ["a", "b"]
    assert made.silent("a", "again", 40.0) is None, "it is told once"
    assert names(made, 41.0) == ["b", "a"]
    assert made.answered("a", 50.0) == ServerUp("carrier", "sip:a", None, 40.0)
    assert names(made, 51.0) == ["a", "b"]
    assert made.answered("a", 52.0) is None


def test_S24_when_all_are_left_out_all_are_tried() -> None:
    made = servers(server("a", 1), server("b", 2))
    made.silent("a", "x", 0.0)
    made.silent("b", "x", 1.0)
    assert names(made, 2.0) == ["a", "b"]


def test_S24_a_503_says_for_how_long() -> None:
    made = servers(server("a", 1), server("b", 2))
    told = made.refused("a", "503 Full", 0.0, 120.0)
    assert told == ServerDown("carrier", "sip:a", "503 Full", 120.0)
    assert made.answered("a", 1.0) is None, "a 100, or an answer to OPTIONS, proves nothing"
    assert names(made, 119.0) == ["b", "a"]
    assert names(made, 120.0) == ["a", "b"]
    made.refused("a", "503 Full", 200.0, 1e9)
    assert names(made, 501.0) == ["a", "b"], "no server is lost for good"
    assert isinstance(made.took("a", 502.0), ServerUp)


def test_S24_one_call_that_fails_is_no_matter_of_the_server() -> None:
    made = servers(server("a", 1), server("b", 2))
    assert made.failed_a_call("a", "500 Oops", 0.0) is None
    assert made.failed_a_call("a", "500 Oops", 0.0) is None
    made.took("a", 1.0)
    assert [made.failed_a_call("a", "500 Oops", 2.0) for _ in range(2)] == [None, None]
    told = made.failed_a_call("a", "500 Oops", 3.0)
    assert told == ServerDown("carrier", "sip:a", "500 Oops, 3 calls in a row", 30.0)


def test_a_server_that_gets_options_stays_out_until_it_answers() -> None:
    made = servers(server("a", 1, options_s=10), server("b", 2))
    first = made.answered("a", 0.0, 0.02)
    assert first == ServerUp("carrier", "sip:a", 0.02, None)
    assert made.answered("a", 10.0, 0.03) == ServerProbed("carrier", "sip:a", 0.03)
    told = made.silent("a", "no answer", 20.0)
    assert told == ServerDown("carrier", "sip:a", "no answer", None)
    assert names(made, 1000.0) == ["b", "a"]
    assert made.answered("a", 1001.0, 0.02) == ServerUp("carrier", "sip:a", 0.02, 981.0)
    assert names(made, 1002.0) == ["a", "b"]


def test_a_reload_keeps_what_is_known_of_servers_that_stay() -> None:
    a, b = server("a", 1), server("b", 2)
    made = servers(a, b)
    made.silent("a", "x", 0.0)
    made.use([a, b, server("c", 3)])
    assert names(made, 1.0) == ["b", "c", "a"]
    made.use([server("a", 1, weight=5), b])
    assert names(made, 1.0) == ["a", "b"], "another server under its name"
    made.use([])
    assert made.silent("a", "x", 2.0) is None
    assert made.took("a", 2.0) is None
