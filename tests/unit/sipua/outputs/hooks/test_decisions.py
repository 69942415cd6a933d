"""What is decided without a socket: addresses, answers, patterns, bodies, health."""

from __future__ import annotations

import ipaddress
import json

import pytest

from sipua.outputs.hooks import bodies, patterns
from sipua.outputs.hooks.answer import of_status, retry_after_s
from sipua.outputs.hooks.health import Health
from sipua.process.web.addresses import may_reach

NOW_S = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"],
)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert may_reach(address, ())


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "224.0.1.1"),
        *("255.255.255.255", "192.0.2.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1"),
        *("fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
        *("192.0.0.192", "240.0.0.1", "::127.0.0.1", "::7f00:1", "::ffff:0:7f00:1", "fec0::1"),
        *("64:ff9b:1::7f00:1", "5f00::1", "4000::1", "2001:0:7f00:1::", ""),
        *("localhost", "127.1"),
    ],
)
def test_W1_every_other_address_is_refused(address: str) -> None:
    assert not may_reach(address, ())


def test_what_is_allowed_and_its_neighbours() -> None:
    allowed = (ipaddress.ip_network("10.1.2.0/24"), ipaddress.ip_network("fd00::/64"))
    assert may_reach("10.1.2.3", allowed)
    assert may_reach("::ffff:10.1.2.3", allowed)
    assert may_reach("fd00::7", allowed)
    assert not may_reach("10.1.3.3", allowed)
    assert not may_reach("fd00:0:0:1::7", allowed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("", None), ("soon", None), ("-5", None), ("0", None), ("1.5", None), ("٣", None)),
        *(("120", 120.0), (" 7 ", 7.0), ("99999999999999999999", 86_400.0)),
        ("Wed, 21 Oct 2015 07:30:00 GMT", 120.0),
        ("Wed, 21 Oct 2015 07:00:00 GMT", None),
        ("Wed, 21 Oct 9999 07:00:00 GMT", 86_400.0),
        ("Wed, 99 Oct 2015 07:00:00 GMT", None),
    ],
)
def test_retry_after(text: str, expected: float | None) -> None:
    assert retry_after_s(text, NOW_S) == expected


@pytest.mark.parametrize("status", [100, 301, 302, 307, 308, 400, 404, 410, 429, 500, 503])
def test_W1_only_2xx_is_success(status: int) -> None:
    told = of_status(status, "", NOW_S)
    assert not told.ok
    assert str(status) in told.cause
    assert told.gone == (status == 410)
    assert of_status(299, "60", NOW_S).ok


@pytest.mark.parametrize(
    ("pattern", "event_type", "fits"),
    [
        *(("*", "call.ended", True), ("call.*", "call.ended", True)),
        *(("call.*", "callback.ended", False), ("call.end", "call.ended", False)),
        ("call.ended", "call.ended", True),
    ],
)
def test_patterns(pattern: str, event_type: str, fits: bool) -> None:
    assert patterns.fits(event_type, ["nothing.here", pattern]) is fits


def test_bodies() -> None:
    event = {"specversion": "1.0", "id": "b-1", "source": "/sipua/x", "type": "edge.stopped"}
    event |= {"time": "2026-11-28T19:02:57.103Z", "sequence": "000000000001", "data": {"a": [1]}}
    document = json.dumps(event).encode()
    assert bodies.body(document, "cloudevents") == document
    plain = json.loads(bodies.body(document, "plain"))
    assert plain == {
        "type": "edge.stopped",
        "timestamp": event["time"],
        **{name: event[name] for name in ("id", "source", "sequence", "data")},
    }


def test_failing_is_told_once_and_so_is_its_end() -> None:
    health = Health()
    assert health.worked(0.0) is None
    assert [health.failed(now) for now in (1.0, 2.0, 3.0, 4.0)] == [False, False, True, False]
    assert health.worked(11.0) == 10.0
    assert health.worked(12.0) is None
    assert not health.failed(13.0)
    assert health.worked(14.0) is None, "one failure was not told"
