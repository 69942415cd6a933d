"""`srtp` of trunks and accounts: what the checks say about it, and who gets it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sipua.config import Config
from sipua.config.checks import protocol as checks
from sipua.edge.wiring import accounts, parties

ACCOUNT = {"name": "office", "registrar": "sip:pbx.example.com", "user": "100", "password": "x"}


def config(**keys: Any) -> Config:
    trunk = {"name": "pbx", "hosts": ("192.0.2.10",), "proxy": "sip:sbc.example.com"}
    return Config.model_validate({"trunks": (trunk | keys,), "accounts": (ACCOUNT | keys,)})


def found(of: Config) -> list[tuple[object, str, str]]:
    return [(one.paths[0][0], one.severity, one.what) for one in checks.protocol(of)]


def test_off_by_default_and_a_policy_reaches_both_sides_of_signalling() -> None:
    assert found(config()) == []
    assert {one.srtp for one in accounts.accounts(config())} == {"off"}
    wanted = config(srtp="require")
    assert {one.srtp for one in accounts.accounts(wanted)} == {"require"}
    assert {one.srtp for one in parties.policies(wanted).values()} == {"require"}
    with pytest.raises(ValidationError):
        config(srtp="on")


def test_keys_in_signalling_that_anyone_can_read_are_warned_of() -> None:
    warned = found(config(srtp="prefer"))
    assert [(where, how) for where, how, _ in warned] == [
        ("accounts", "warning"),
        ("trunks", "warning"),
    ]
    assert all("not encrypted" in what for _, _, what in warned)


def test_a_missing_library_is_said_before_a_call_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda _name: None)
    assert [(where, how) for where, how, _ in found(config(srtp="require"))] == [
        ("accounts", "error"),
        ("trunks", "error"),
    ]
    assert found(config()) == []
