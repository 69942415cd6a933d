"""Users of trunks, and where requests within calls may come from: what the configuration takes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sipua.config import Config
from sipua.config.checks.users import users
from sipua.edge.wiring import parties

ONE = {"user": "100", "password": "right"}


def config(*of_trunk: dict[str, str], **keys: Any) -> Config:
    trunk = {"name": "phones", "hosts": ("192.0.2.10",), "users": of_trunk}
    return Config.model_validate({"trunks": (trunk | keys,)})


def found(of: Config) -> list[tuple[str, ...]]:
    return [tuple(map(str, one.paths[0][2:])) for one in users(of)]


def test_S15_a_user_has_a_password_and_a_name_of_its_own() -> None:
    assert found(config()) == found(config(ONE)) == []
    assert found(config(ONE, {"user": "100", "password": "other"})) == [("users", "1", "user")]
    assert found(config({"user": "100"})) == [("users", "0", "password_file")]


def test_users_are_for_calls_that_come_in() -> None:
    keys = {"hosts": (), "proxy": "sip:sbc.example.com"}
    assert found(config(ONE, **keys)) == [("hosts",)]
    assert found(config(ONE, **keys, certificate_names=("sbc.example.com",))) == []


def test_what_the_gate_knows_of_them() -> None:
    policy = parties.policies(config(ONE, digest_algorithms=("MD5",)))["phones"]
    assert policy.users is not None
    assert (policy.users.realm, policy.users.algorithms) == ("sipua", ("MD5",))
    assert policy.users.knows("100")
    assert "right" not in repr(policy)
    assert policy.dialog_source == "known"
    assert parties.policies(config())["phones"].users is None
    assert parties.policies(config(dialog_source="any"))["phones"].dialog_source == "any"


@pytest.mark.parametrize(
    "keys",
    [
        {"digest_algorithms": ()},
        {"digest_algorithms": ("MD5", "MD5")},
        {"digest_algorithms": ("SHA-1",)},
        {"dialog_source": "all"},
    ],
)
def test_other_values_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(ONE, **keys)


@pytest.mark.parametrize("realm", ["", 'a"b', "a\\b", "a\nb", "ä", "a" * 65])
def test_a_realm_can_stand_between_quotes(realm: str) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"admission": {"digest_realm": realm}})
