"""What is found in `sip.stun_servers` and `sip.networks`."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sipua.config.checks.own_addresses import own_addresses
from sipua.config.sections.config import Config

OPEN: dict[str, Any] = {"host": ["0.0.0.0", "::"], "accept": "any"}
STUN = {"stun_servers": ["stun.example.com", "192.0.2.40:3479"]}
LAN = {"networks": ["10.0.0.0/8"]}
ACCOUNT = {"name": "a", "registrar": "sip:10.0.0.5", "user": "100", "password": "x"}
PROXY = {"name": "t", "proxy": "sip:192.168.1.5"}


def found(sip: dict[str, Any], **others: Any) -> list[tuple[str, str, str]]:
    lists = {name: tuple(one) if isinstance(one, list) else one for name, one in others.items()}
    config = Config.model_validate({"sip": sip, **lists})
    return [
        (".".join(map(str, one.paths[0])), one.severity, one.what) for one in own_addresses(config)
    ]


def test_what_is_right() -> None:
    assert found({**OPEN, **STUN, "networks": [LAN]}, accounts=[ACCOUNT]) == []
    assert found({**OPEN, **STUN}, accounts=[{**ACCOUNT, "registrar": "sip:pbx.test"}]) == []
    # All is inside: nothing that a table could put right.
    assert found({**OPEN, "public_address": "10.9.9.9"}, accounts=[ACCOUNT]) == []
    assert found({**OPEN, **STUN}, accounts=[{**ACCOUNT, "registrar": "sip:127.0.0.1"}]) == []


@pytest.mark.parametrize(
    ("sip", "others", "path", "severity", "says"),
    [
        (
            {**OPEN, **STUN, "public_address": "203.0.113.9"},
            {},
            "sip.stun_servers",
            "error",
            "sip.public_address says the address",
        ),
        (
            {**OPEN, **STUN},
            {"rtp": {"public_address": "203.0.113.9"}},
            "sip.stun_servers",
            "error",
            "rtp.public_address says",
        ),
        ({"host": "::", **STUN}, {}, "sip.stun_servers", "error", "sip.host has none"),
        (STUN, {}, "sip.stun_servers", "warning", "this machine only"),
        (
            {**OPEN, "networks": [LAN, LAN]},
            {},
            "sip.networks.1.networks",
            "error",
            "the first one counts",
        ),
        (
            {**OPEN, "networks": [{**LAN, "address": "2001:db8::1"}]},
            {},
            "sip.networks.0.networks",
            "error",
            "the address is IPv6",
        ),
        (
            {**OPEN, **STUN},
            {"accounts": [ACCOUNT]},
            "accounts.0.registrar",
            "warning",
            "10.0.0.5 is of a private network",
        ),
        (
            {**OPEN, "public_address": "203.0.113.9", "networks": [LAN]},
            {"trunks": [PROXY]},
            "trunks.0.proxy",
            "warning",
            "192.168.1.5 is of a private network",
        ),
    ],
)
def test_what_is_wrong(
    sip: dict[str, Any], others: dict[str, Any], path: str, severity: str, says: str
) -> None:
    ((where, how_bad, what),) = found(sip, **others)
    assert (where, how_bad) == (path, severity)
    assert says in what


@pytest.mark.parametrize(
    ("sip", "says"),
    [
        ({"networks": [{"networks": []}]}, "is empty"),
        ({"networks": [{"networks": ["10.0.0.1/8"]}]}, "an address inside a network"),
        ({"networks": [{"networks": ["lan"]}]}, "is not an IP address"),
        ({"networks": [{"networks": ["10.0.0.0/40"]}]}, "neither a network nor an address"),
        ({"networks": [{**LAN, "address": "0.0.0.0"}]}, "no host can send to 0.0.0.0"),
        ({"networks": [{**LAN, "address": "edge"}]}, "is not an IP address"),
        ({"stun_servers": ["[2001:db8::1]:3478"]}, "is an IPv6 address"),
        ({"stun_servers": ["stun:example"]}, "is not a STUN server"),
        ({"stun_servers": ["stun.example.com:0"]}, "is not a STUN server"),
        ({"stun_servers": [""]}, "is not a STUN server"),
    ],
)
def test_what_no_key_may_hold(sip: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Config.model_validate({"sip": sip})
