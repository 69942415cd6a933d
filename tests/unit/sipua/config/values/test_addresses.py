"""Addresses in the configuration: what is taken, in which form, and what is said about the rest."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError

from sipua.config.values import addresses

STRICT = ConfigDict(strict=True)


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        (addresses.Ipv4, "0.0.0.0", "0.0.0.0"),
        (addresses.OwnAddresses, "127.0.0.1", ("127.0.0.1",)),
        (addresses.OwnAddresses, "::", ("::",)),
        (addresses.OwnAddresses, ["0.0.0.0", "::"], ("0.0.0.0", "::")),
        (addresses.OwnAddresses, ["2001:DB8:0:0::1"], ("2001:db8::1",)),
        (addresses.OptionalOwnAddresses, "", ()),
        (addresses.PublicAddresses, "", ()),
        (addresses.PublicAddresses, "198.51.100.7", ("198.51.100.7",)),
        (addresses.PublicAddresses, ["198.51.100.7", "fd00::7"], ("198.51.100.7", "fd00::7")),
        (
            addresses.Hosts,
            ["203.0.113.9", "203.0.113.0/28", "2001:DB8::1", "2001:db8:7::/64", "sbc.example.com"],
            ("203.0.113.9", "203.0.113.0/28", "2001:db8::1", "2001:db8:7::/64", "sbc.example.com"),
        ),
    ],
)
def test_good(kind: Any, value: object, read: object) -> None:
    assert TypeAdapter(kind, config=STRICT).validate_python(value) == read


@pytest.mark.parametrize(
    ("kind", "value", "what", "fix"),
    [
        (addresses.Ipv4, "localhost", "not a name", '"127.0.0.1"'),
        (addresses.Ipv4, "::1", "is not an IPv4 address", "ip -4 addr"),
        (addresses.OwnAddresses, "localhost", "not a name", '"127.0.0.1"'),
        (addresses.OwnAddresses, "10.0.0", '"10.0.0" is not an IP address', "ip addr"),
        (addresses.OwnAddresses, "", "is empty", '["0.0.0.0", "::"]'),
        (addresses.OwnAddresses, [], "is empty", '"0.0.0.0"'),
        (addresses.OwnAddresses, 127, "must be text, or a list", '"0.0.0.0"'),
        (addresses.OwnAddresses, [127], "must be text, or a list", '"0.0.0.0"'),
        (addresses.OwnAddresses, "[::1]", "brackets", '"::1"'),
        (addresses.OwnAddresses, ["::", "::1"], "two addresses of one family", '["0.0.0.0", "::"]'),
        (addresses.OwnAddresses, "fe80::1", "link-local", "ip -6 addr"),
        (addresses.OwnAddresses, "fe80::1%eth0", "link-local", "ip -6 addr"),
        (addresses.OwnAddresses, "::ffff:192.0.2.1", "IPv4-mapped", '"192.0.2.1"'),
        (addresses.PublicAddresses, "0.0.0.0", "no host can send to 0.0.0.0", "reaches us"),
        (addresses.PublicAddresses, ["192.0.2.1", "::"], "no host can send to ::", "reaches us"),
        (addresses.Hosts, ["203.0.113.9/28"], "inside a network", '"203.0.113.0/28"'),
        (addresses.Hosts, ["203.0.113.9:5060"], "do not belong", '"203.0.113.9"'),
        (addresses.Hosts, ["203.0.113.0/33"], "is not an IP address", "such as"),
        (addresses.Hosts, ["2001:db8::1/64"], "inside a network", '"2001:db8::/64"'),
        (addresses.Hosts, ["[2001:db8::1]:5060"], "do not belong", '"2001:db8::1"'),
    ],
)
def test_bad(kind: Any, value: object, what: str, fix: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind, config=STRICT).validate_python(value)
    context = caught.value.errors()[0]["ctx"]
    assert what in context["what"]
    assert fix in context["fix"]
