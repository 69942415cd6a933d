from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sipua.config.checks.cross import Ephemeral, Finding, ephemeral_ports, findings
from sipua.config.sections.config import Config

ACCOUNT = {"name": "a", "registrar": "sip:10.0.0.5", "user": "100", "password": "x"}
TRUNK: dict[str, Any] = {"name": "t", "hosts": ["203.0.113.10"]}
OPEN = {"host": "0.0.0.0"}
LOCAL: dict[str, Any] = {"accept": "any"}
ACCOUNT6 = ACCOUNT | {"registrar": "sip:[2001:db8::5]"}


def found(ephemeral: Ephemeral | None = None, **sections: Any) -> list[Finding]:
    for name in ("accounts", "trunks"):
        sections[name] = tuple(sections.get(name, ()))
    data: dict[str, Any] = {"sip": {"accept": "any"}, **sections}
    return list(findings(Config.model_validate(data), ephemeral))


def test_defaults_and_a_usual_edge_are_fine() -> None:
    assert found() == []
    assert found(sip=OPEN, accounts=[ACCOUNT], trunks=[TRUNK]) == []


def outbound(*rules: dict[str, Any], trunks: tuple[str, ...] = ("a", "b")) -> list[Finding]:
    there = [{**TRUNK, "name": name, "hosts": (), "proxy": "sip:127.0.0.1"} for name in trunks]
    return found(trunks=there, outbound_routes=rules)


def test_rules_by_which_numbers_are_called() -> None:
    both = {"name": "x", "prefixes": ("+49",), "trunks": ({"trunk": "a"}, {"trunk": "b"})}
    assert outbound(both) == []
    assert outbound(both, {**both, "name": "y", "prefixes": ()}) == []
    twice = outbound(both, {**both, "name": "y"})
    assert [one.paths[0] for one in twice] == [("outbound_routes", 1, "prefixes")]
    named = outbound(both, {**both, "prefixes": ()})
    assert [one.paths[0] for one in named] == [("outbound_routes", 1, "name")]
    empty = outbound({**both, "trunks": ()})
    assert [one.paths[0] for one in empty] == [("outbound_routes", 0, "trunks")]
    same = outbound({**both, "trunks": ({"trunk": "a"}, {"trunk": "a"})})
    assert [one.paths[0] for one in same] == [("outbound_routes", 0, "trunks", 1, "trunk")]
    (unknown,) = outbound(both, trunks=("a",))
    assert unknown.paths[0] == ("outbound_routes", 0, "trunks", 1, "trunk")
    assert "a" in unknown.fix


def test_session_timers_of_a_trunk() -> None:
    def of_trunk(**keys: Any) -> list[tuple[str, str]]:
        findings = found(sip=OPEN, trunks=[{**TRUNK, **keys}])
        return [(str(one.paths[0][-1]), one.severity) for one in findings]

    assert of_trunk(session_expires_s=600, min_session_expires_s=120) == []
    assert of_trunk(min_session_expires_s=2000) == [("min_session_expires_s", "error")]
    assert of_trunk(session_expires_s=100, session_timers="off") == [("session_timers", "warning")]


@pytest.mark.parametrize(
    ("sections", "path", "severity"),
    [
        ({"rtp": {"port_min": 20000, "port_max": 20000}}, ("rtp", "port_max"), "error"),
        ({"rtp": {"port_min": 20000, "port_max": 10001}}, ("rtp", "port_max"), "error"),
        (
            {
                "rtp": {"port_min": 20000, "port_max": 20019},
                "sip": {"max_calls": 11, "accept": "any"},
            },
            ("sip", "max_calls"),
            "error",
        ),
        ({"sip": {"port": 16390, "accept": "any"}}, ("sip", "port"), "error"),
        (
            {"sip": {"session_expires_s": 100, "min_session_expires_s": 101, "accept": "any"}},
            ("sip", "min_session_expires_s"),
            "error",
        ),
        ({"rtp": {"timeout_s": 30, "hold_timeout_s": 20}}, ("rtp", "hold_timeout_s"), "error"),
        ({"rtp": {"hold_ms": 100, "max_hold_ms": 60}}, ("rtp", "max_hold_ms"), "error"),
        ({"sip": {**OPEN, "accept": "any"}}, ("sip", "accept"), "warning"),
        ({"sip": {}}, ("sip", "accept"), "warning"),
        (
            {"sip": OPEN, "accounts": [ACCOUNT], "trunks": [{**TRUNK, "name": "a"}]},
            ("trunks", 0, "name"),
            "error",
        ),
        (
            {"sip": OPEN, "accounts": [{**ACCOUNT, "backup_registrars": ["sip:10.0.0.5"]}]},
            ("accounts", 0, "backup_registrars", 0),
            "error",
        ),
        (
            {
                "sip": OPEN,
                "accounts": [
                    {**ACCOUNT, "backup_registrars": ["sip:10.0.0.6"]},
                    {**ACCOUNT, "name": "b", "registrar": "sip:10.0.0.6"},
                ],
            },
            ("accounts", 1, "user"),
            "error",
        ),
        (
            {"sip": OPEN, "accounts": [ACCOUNT, {**ACCOUNT, "name": "b"}]},
            ("accounts", 1, "user"),
            "error",
        ),
        (
            {"sip": {**OPEN, "transports": ["tcp"]}, "accounts": [ACCOUNT]},
            ("accounts", 0, "registrar"),
            "error",
        ),
        ({"sip": {}, "accounts": [ACCOUNT]}, ("accounts", 0, "registrar"), "error"),
        (
            {"sip": {}, "accounts": [{**ACCOUNT, "registrar": "sip:pbx"}]},
            ("accounts", 0, "registrar"),
            "warning",
        ),
        (
            {"sip": OPEN, "accounts": [{k: v for k, v in ACCOUNT.items() if k != "password"}]},
            ("accounts", 0, "password"),
            "error",
        ),
        ({"trunks": [{"name": "t"}]}, ("trunks", 0, "hosts"), "error"),
        ({"trunks": [TRUNK, {**TRUNK, "name": "u"}]}, ("trunks", 1, "hosts"), "error"),
        ({"trunks": [{"name": "t", "hosts": ["0.0.0.0/0"]}]}, ("trunks", 0, "hosts"), "warning"),
        ({"trunks": [{"name": "t", "hosts": ["2001::/16"]}]}, ("trunks", 0, "hosts"), "warning"),
        ({"sip": OPEN, "accounts": [ACCOUNT6]}, ("accounts", 0, "registrar"), "error"),
        ({"sip": {"host": "::1"}, "accounts": [ACCOUNT6]}, ("accounts", 0, "registrar"), "error"),
        ({"sip": {"host": "::"}, "accounts": [ACCOUNT]}, ("accounts", 0, "registrar"), "error"),
        ({"sip": LOCAL | {"public_address": "2001:db8::1"}}, ("sip", "public_address"), "error"),
        ({"rtp": {"public_address": "2001:db8::1"}}, ("rtp", "public_address"), "error"),
        (
            {"sip": LOCAL | {"host": ["127.0.0.1", "::1"]}, "rtp": {"host": "127.0.0.1"}},
            ("rtp", "host"),
            "warning",
        ),
        ({"sip": {"host": "::", "accept": "any"}}, ("sip", "accept"), "warning"),
        ({"trunks": [{**TRUNK, "password": "x"}]}, ("trunks", 0, "realm"), "error"),
        ({"engine": {"type": "openai_realtime"}}, ("engine", "api_key"), "error"),
        ({"engine": {"url": "ws://model.example/v1"}}, ("engine", "url"), "warning"),
        (
            {"engine": {"turn_detection": {"type": "semantic_vad", "idle_timeout_ms": 5000}}},
            ("engine", "turn_detection", "idle_timeout_ms"),
            "error",
        ),
        ({"agent": {"host": "0.0.0.0"}}, ("agent", "host"), "warning"),
    ],
)
def test_contradictions(sections: dict[str, Any], path: object, severity: str) -> None:
    (finding,) = found(**sections)
    assert (finding.paths[0], finding.severity) == (path, severity)
    assert finding.what
    assert finding.fix


def test_a_trunk_may_not_have_the_name_of_strangers() -> None:
    (wrong,) = found(sip=OPEN, trunks=[{**TRUNK, "name": "anyone"}])
    assert wrong.paths[0] == ("trunks", 0, "name")


def test_both_families_are_fine() -> None:
    sip: dict[str, Any] = {"host": ["0.0.0.0", "::"]}
    sip |= {"public_address": ["198.51.100.7", "2001:db8::1"]}
    sip |= {"networks": ({"networks": ("10.0.0.0/8",)},)}
    assert found(sip=sip, accounts=[ACCOUNT, ACCOUNT6 | {"name": "b"}], trunks=[TRUNK]) == []
    # Audio may have more families than signalling: dual-stack phones offer IPv6 over IPv4.
    assert found(rtp={"host": ["127.0.0.1", "::1"], "public_address": "2001:db8::1"}) == []


@pytest.mark.parametrize(
    "engine",
    [
        {"api_key": "k"},
        {"headers": {"api-key": "k"}},
        {"headers": {"Authorization": "Basic k"}},
        {"api_key_env": ""},
    ],
)
def test_a_key_may_come_otherwise(engine: dict[str, Any]) -> None:
    assert found(engine={"type": "openai_realtime", **engine}) == []


def test_an_empty_password_can_be_meant() -> None:
    assert found(sip=OPEN, accounts=[{**ACCOUNT, "password": ""}]) == []


@pytest.mark.parametrize(
    ("ephemeral", "overlaps"),
    [
        (Ephemeral(32768, 60999), False),
        (Ephemeral(24576, 60999), False),
        (Ephemeral(24575, 60999), True),
        (Ephemeral(1024, 65535), True),
        (Ephemeral(1024, 16384), True),
        (Ephemeral(1024, 65535, ((5060, 5060), (16384, 24575))), False),
        (Ephemeral(1024, 65535, ((16384, 20000),)), True),
    ],
)
def test_ephemeral_ports(ephemeral: Ephemeral, overlaps: bool) -> None:
    warnings = found(ephemeral)
    assert [finding.paths[0] for finding in warnings] == [("rtp", "port_min")] * overlaps


def test_ephemeral_ports_are_read(tmp_path: Path) -> None:
    assert ephemeral_ports(tmp_path) is None
    (tmp_path / "ip_local_port_range").write_text("32768\t60999\n")
    (tmp_path / "ip_local_reserved_ports").write_text("5060,16384-24575\n")
    reserved = ((5060, 5060), (16384, 24575))
    assert ephemeral_ports(tmp_path) == Ephemeral(32768, 60999, reserved)
    (tmp_path / "ip_local_reserved_ports").write_text("\n")
    assert ephemeral_ports(tmp_path) == Ephemeral(32768, 60999)
