"""The kinds of calls of a life, and the edge that has a place for each of them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sipua.bench.life import config, receiver
from sipua.bench.life.leg import Leg
from sipua.bench.life.life import prepare
from sipua.bench.life.parts import KINDS, TARGETS, judged
from sipua.bench.life.party import end_of
from sipua.bench.life.phone import KeyPhone
from sipua.bench.life.scrape import longest_ms
from sipua.bench.load.caller import Offer
from sipua.config import read

PORTS = config.Ports(5060, 5061, 8090, 5070, 8091, 8092)
END = float("inf")


def leg(**changes: object) -> Leg:
    made = Leg(("127.0.0.1", 1), ("127.0.0.1", 2), Offer("127.0.0.1", 3), "life-1", "talk")
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("ended", "end"),
    [
        (leg(state="over", ended_by="us", bye_status=200), "us"),
        (leg(state="over", ended_by="us", bye_status=0), "us"),  # both at once
        (leg(state="over", ended_by="us", bye_status=481), None),
        (leg(state="over", ended_by="edge"), "edge"),
        (leg(state="failed", status=487), "cancelled"),
        (leg(state="failed", status=486), "refused"),
        (leg(state="failed", status=503), None),
    ],
)
def test_how_a_call_has_ended(ended: Leg, end: str | None) -> None:
    assert end_of(ended) == end


def test_an_end_that_no_kind_has_is_a_fault() -> None:
    assert not any(judged(kind, None) for kind in KINDS.values())
    assert judged(KINDS["talk"], "us")
    assert not judged(KINDS["talk"], "edge")


def test_who_is_called_is_there() -> None:
    named = {
        order.body["to"]
        for kind in KINDS.values()
        for order in kind.orders
        if order.path in ("transfer", "supervisors")
    }
    referred = {act.what for kind in KINDS.values() for act in kind.acts if act.do == "refer"}
    placed = {name for name, kind in KINDS.items() if kind.placed}
    assert named | referred | placed <= set(TARGETS)


def test_acts_and_orders_come_in_time() -> None:
    for name, kind in KINDS.items():
        last_s = max([0.0, *(one.at_s for one in (*kind.acts, *kind.orders))])
        assert last_s < kind.lasts_s[0] or kind.acts[0].do == "cancel", name


@pytest.mark.parametrize("variant", [False, True])
def test_the_edge_has_a_route_for_each_kind(tmp_path: Path, *, variant: bool) -> None:
    prepare(tmp_path)
    file = tmp_path / "edge.toml"
    file.write_text(config.text(tmp_path, PORTS, workers=2, sessions=100, variant=variant))
    found = read(file, {}).config
    assert [route.name for route in found.routes][:-1] == [
        name for name, kind in KINDS.items() if not kind.placed
    ]


def test_a_key_takes_the_place_of_audio() -> None:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    phone = KeyPhone(udp, 0xFF, [bytes([0x55]) * 160], 7)
    phone.press("5")
    sent = [phone.packet(count) for count in range(3, 12)]
    udp.close()
    keys = [packet for packet in sent if packet[1] & 0x7F == 101]
    assert len(keys) == 8
    assert {packet[4:8] for packet in keys} == {(480).to_bytes(4)}  # of its beginning
    assert [packet[1] >> 7 for packet in keys] == [1] + [0] * 7
    assert [packet[13] >> 7 for packet in keys] == [0] * 5 + [1] * 3
    assert {packet[12] for packet in keys} == {5}
    assert sent[-1][12:] == bytes([0x55]) * 160


@pytest.mark.parametrize(
    ("before", "now", "longest"),
    [
        ({}, {0.001: 4, 0.01: 4, END: 4}, 1),
        ({0.001: 4, 0.01: 4, END: 4}, {0.001: 8, 0.01: 9, END: 9}, 10),
        ({0.001: 4, 0.01: 4, END: 4}, {0.001: 4, 0.01: 4, END: 4}, 0),
        ({0.001: 4, 0.01: 4, END: 4}, {0.001: 4, 0.01: 4, END: 5}, 10),  # beyond all bounds
    ],
)
def test_the_longest_lag_is_that_of_the_highest_bucket(
    before: dict[float, float], now: dict[float, float], longest: float
) -> None:
    assert longest_ms(before, now) == longest


def test_the_receiver_takes_most_and_fails_at_times() -> None:
    moods = [receiver.mood(second) for second in range(60)]
    assert moods.count("takes") > 30
    assert set(moods) == {"takes", "500", "hangs", "closes"}
