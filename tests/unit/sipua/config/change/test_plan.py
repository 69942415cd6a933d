"""What another configuration changes: sorted by when it counts, with secrets masked."""

import os
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sipua.config import Config
from sipua.config.change.classes import TABLES, When, when
from sipua.config.change.fingerprint import fingerprint, secrets_mark
from sipua.config.change.plan import effective, plan
from sipua.config.sections.schema import ANY, NAME, keys, tables

TOKEN = "t" * 24
KEY = b"k" * 32


def config(**sections: Any) -> Config:
    return Config.model_validate(sections, strict=False)


def route(name: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, **keys}


def test_every_key_has_a_class() -> None:
    patterns = {".".join(table.path): table for table in tables()}
    assert set(TABLES) == set(patterns)
    for name, of_table in TABLES.items():
        if not isinstance(of_table, When):
            own = [key.name for key in patterns[name].keys]
            assert list(of_table) == own, name
    for key in keys().values():
        assert isinstance(when(key.table, key.name), When)


def test_nothing_in_an_array_needs_a_restart() -> None:
    """`effective` puts values back by their place, which elements of arrays do not have."""
    for name, of_table in TABLES.items():
        if {ANY, NAME} & set(name.split(".")):
            assert of_table in (When.AT_ONCE, When.NEW_CALLS), name


def test_equal_configurations_change_nothing() -> None:
    assert plan(config(), config()).changes == ()


def test_a_key_is_sorted_by_its_class() -> None:
    old = config(log={"level": "info"}, sip={"port": 5060}, engine={"voice": "ash"})
    new = config(log={"level": "debug"}, sip={"port": 5070}, engine={"voice": "echo"})
    found = plan(old, new)
    assert [(one.key, one.old, one.new) for one in found.of(When.AT_ONCE)] == [
        ("log.level", '"info"', '"debug"')
    ]
    assert [one.key for one in found.of(When.NEW_CALLS)] == ["engine.voice"]
    assert [one.key for one in found.of(When.RESTART)] == ["sip.port"]
    assert found.acts


def test_a_route_put_first_changes_no_other_one() -> None:
    old = config(routes=[route("b", called=["2"]), route("c")])
    new = config(routes=[route("a", called=["1"]), route("b", called=["2"]), route("c")])
    (one,) = plan(old, new).changes
    assert (one.key, one.old) == ("routes[a]", None)
    assert '"1"' in (one.new or "")


def test_a_route_that_goes_is_one_change() -> None:
    old = config(routes=[route("a", fallback=[{"status": 480}]), route("c")])
    (one,) = plan(old, config(routes=[route("c")])).changes
    assert (one.key, one.new) == ("routes[a]", None)


def test_the_order_of_routes_is_told() -> None:
    old, new = config(routes=[route("a"), route("b")]), config(routes=[route("b"), route("a")])
    (one,) = plan(old, new).changes
    assert (one.key, one.old, one.new) == ("routes", '["a", "b"]', '["b", "a"]')


def test_a_key_that_is_left_out_is_not_an_empty_one() -> None:
    """Left out, the instructions are those of the engine; empty, there are none."""
    old, new = config(routes=[route("a")]), config(routes=[route("a", instructions="")])
    (one,) = plan(old, new).changes
    assert (one.key, one.old, one.new) == ("routes[a].instructions", "(left out)", '""')
    assert fingerprint(old) != fingerprint(new)


def test_secrets_are_masked() -> None:
    account = {"name": "pbx", "registrar": "sip:192.0.2.1", "user": "100"}
    old = config(accounts=[{**account, "password": "first-secret"}])
    new = config(accounts=[{**account, "password": "second-secret"}])
    (one,) = plan(old, new).changes
    assert (one.key, one.old, one.new) == ("accounts[pbx].password", '"********"', '"********"')
    added = plan(config(), new).changes
    assert "second-secret" not in str(added)
    headers = plan(config(), config(engine={"headers": {"api-key": "third-secret"}})).changes
    assert "third-secret" not in str(headers)
    token = {"name": "ops", "token": TOKEN, "place": {"prefixes": ["+49"]}}
    assert TOKEN not in str(plan(config(), config(api={"tokens": [token]})).changes)


def test_long_values_are_cut() -> None:
    (one,) = plan(config(), config(engine={"instructions": "x" * 10_000})).changes
    assert len(one.new or "") <= 160


def test_what_needs_a_restart_stays_as_it_is() -> None:
    old = config(sip={"port": 5060, "max_calls": 1}, api={"port": 8090}, agent={"mode": "tone"})
    new = config(sip={"port": 5070, "max_calls": 2}, api={"port": 8091}, agent={"mode": "silence"})
    both = effective(old, new)
    assert (both.sip.port, both.sip.max_calls) == (5060, 2)
    assert (both.api.port, both.agent.mode) == (8090, "tone")


# --- the fingerprint ------------------------------------------------------------------------


def test_the_fingerprint_has_no_secret_and_the_mark_has_all() -> None:
    def with_password(text: str) -> Config:
        account = {"name": "pbx", "registrar": "sip:192.0.2.1", "user": "100", "password": text}
        return config(accounts=[account])

    one, two, none = with_password("1234"), with_password("5678"), with_password("")
    assert fingerprint(one) == fingerprint(two) != fingerprint(none)
    assert secrets_mark(one, KEY) != secrets_mark(two, KEY)
    assert secrets_mark(one, KEY) == secrets_mark(with_password("1234"), KEY)
    assert secrets_mark(one, KEY) != secrets_mark(one, os.urandom(32))


def test_the_mark_sees_headers_and_which_key_has_which_secret() -> None:
    one = config(engine={"headers": {"a": "first", "b": "other"}})
    two = config(engine={"headers": {"a": "other", "b": "first"}})
    assert fingerprint(one) == fingerprint(two)
    assert secrets_mark(one, KEY) != secrets_mark(two, KEY)


# --- whatever changes -----------------------------------------------------------------------

EDITS: list[dict[str, Any]] = [
    {"sip": {"port": 5070}},
    {"sip": {"accept": "any", "max_calls": 7}},
    {"rtp": {"hold_ms": 80, "codecs": ["PCMA"]}},
    {"accounts": [{"name": "pbx", "registrar": "sip:192.0.2.1", "user": "1", "password": "p"}]},
    {"accounts": [{"name": "pbx", "registrar": "sip:192.0.2.2", "user": "1", "password": "q"}]},
    {"trunks": [{"name": "t", "hosts": ["192.0.2.7"]}, {"name": "u"}]},
    {"trunks": [{"name": "u"}]},
    {"engine": {"type": "openai_realtime", "api_key": "k"}},
    {"engine": {"voice": "ash", "turn_detection": {"type": "semantic_vad"}}},
    {"engines": {"a": {"url": "wss://one"}, "b": {}}},
    {"engines": {"b": {"url": "wss://two", "headers": {"x": "secret"}}}},
    {"routes": [route("a", called=["1"]), route("b", tools=[])]},
    {"routes": [route("b"), route("a", fallback=[{"prompt": "sorry"}, {"status": 486}])]},
    {"calls": {"drain_s": 5, "wait_s": 4, "fallback": [{"status": 480}]}},
    {"log": {"level": "debug", "format": "json", "state_s": 0}},
    {"api": {"enabled": True, "port": 1, "tokens": [{"name": "o", "token": TOKEN}]}},
    {"edge": {"workers": 2, "worker_memory_mb": 99}},
    {"capture": {"enabled": True, "match": "100"}},
    {"record": {"enabled": True, "transcripts": "full"}},
    {"prices": {"m": {"minute": 1}}},
    {"tools": {"builtin": ["transfer"], "transfer": {"targets": {"sales": "sip:1@h"}}}},
    {"webhooks": [{"name": "w", "url": "https://one"}], "webhook_spool": {"directory": "x"}},
    {"metrics": {"enabled": True}, "cdr": {"sqlite": False}},
]
Edits = st.sets(st.integers(0, len(EDITS) - 1), max_size=8)


def edited(numbers: set[int], seed: int = 0) -> Config:
    """With these edits, whose sections and keys come in some order."""
    sections: dict[str, Any] = {}
    for number in sorted(numbers):
        for name, edit in EDITS[number].items():
            before = sections.get(name)
            both = isinstance(edit, dict) and isinstance(before, dict)
            sections[name] = {**before, **edit} if both else edit
    shuffled = random.Random(seed)
    return config(**_shuffled(sections, shuffled))


def _shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        names = list(value)
        chance.shuffle(names)
        return {name: _shuffled(value[name], chance) for name in names}
    if isinstance(value, list):
        return [_shuffled(one, chance) for one in value]
    return value


@given(Edits, Edits)
def test_a_reload_leaves_what_needs_a_restart_and_nothing_else(
    before: set[int], after: set[int]
) -> None:
    old, new = edited(before), edited(after)
    now = effective(old, new)
    done, left, whole = plan(old, now), plan(now, new), plan(old, new)
    assert all(one.when is not When.RESTART for one in done.changes)
    assert all(one.when is When.RESTART for one in left.changes)
    assert set(done.changes) | set(left.changes) == set(whole.changes)
    assert len(done.changes) + len(left.changes) == len(whole.changes)


@given(Edits, Edits)
def test_the_way_back_is_the_same_way(before: set[int], after: set[int]) -> None:
    old, new = edited(before), edited(after)
    there = {(one.key, one.old, one.new, one.when) for one in plan(old, new).changes}
    back = {(one.key, one.new, one.old, one.when) for one in plan(new, old).changes}
    assert there == back


@given(Edits, Edits, st.integers(0, 99))
def test_a_change_is_in_the_fingerprint_or_in_the_mark(
    before: set[int], after: set[int], seed: int
) -> None:
    old, new = edited(before), edited(after, seed)
    names = [(fingerprint(one), secrets_mark(one, KEY)) for one in (old, new)]
    assert (names[0] == names[1]) == (not plan(old, new).changes)
