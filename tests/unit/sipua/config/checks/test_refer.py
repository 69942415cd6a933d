"""Transfers that a peer may ask for: what the configuration takes, and what it says about it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sipua.config import Config
from sipua.config.checks.refer import refer
from sipua.edge.wiring import parties

ACCOUNT = {"name": "office", "registrar": "sip:PBX.example.com", "user": "100", "password": "x"}


def config(**keys: Any) -> Config:
    trunk = {
        "name": "pbx",
        "hosts": ("192.0.2.10", "pbx.example.com"),
        "proxy": "sip:sbc.example.com",
    }
    return Config.model_validate({"trunks": (trunk | keys,), "accounts": (ACCOUNT | keys,)})


def found(of: Config) -> list[tuple[str, str]]:
    return [(str(one.paths[0][-1]), one.severity) for one in refer(of)]


def test_S12_denied_by_default() -> None:
    policy = parties.policies(config())["pbx"].refer
    assert (policy.refer, policy.targets, policy.replaces) == (False, (), False)
    assert found(config()) == []


def test_no_target_is_allowed_by_leaving_it_out() -> None:
    assert found(config(refer="allow")) == [("refer", "error"), ("refer", "error")]
    assert found(config(refer_targets=("2??",))) == [("refer_targets", "warning")] * 2
    allowed = config(refer="allow", refer_targets=("2??", "*@night.example.com"), replaces="allow")
    assert found(allowed) == []
    policies = parties.policies(allowed)
    assert policies["pbx"].refer.hosts == {"192.0.2.10", "pbx.example.com", "sbc.example.com"}
    assert policies["office"].refer.hosts == {"pbx.example.com"}
    assert policies["office"].refer.replaces


@pytest.mark.parametrize("pattern", ["sip:201@pbx", "2 1", "201@", "a@b@c", "2" * 70, "201@x;y"])
def test_a_pattern_is_a_number_or_a_user_at_a_host(pattern: str) -> None:
    with pytest.raises(ValidationError):
        config(refer="allow", refer_targets=(pattern,))
