"""Codes that can be dialled from nowhere, keys for two things, accounts that are not there."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sipua.config.checks.supervise import supervise
from sipua.config.sections.config import Config

TRUNK = {"name": "office", "hosts": ["192.0.2.1"], "proxy": "sip:192.0.2.1"}


def found(**sections: Any) -> list[str]:
    """The key of each finding."""
    config = Config.model_validate({"trunks": (TRUNK,), **sections})
    return [".".join(str(part) for part in one.paths[0]) for one in supervise(config)]


def test_nothing_is_on_by_default() -> None:
    assert found() == []
    assert (Config().supervise.prefix, Config().park.prefix) == ("", "")
    assert (
        not Config.model_validate({"api": {"tokens": [{"name": "one", "token": "t" * 24}]}})
        .api.tokens[0]
        .supervise
    )


@pytest.mark.parametrize("section", ["supervise", "park"])
def test_a_code_needs_accounts_that_there_are(section: str) -> None:
    assert found(**{section: {"prefix": "*55"}}) == [f"{section}.accounts"]
    assert found(**{section: {"prefix": "*55", "accounts": ["office"]}}) == []
    assert found(**{section: {"prefix": "*55", "accounts": ["offices"]}}) == [f"{section}.accounts"]


@pytest.mark.parametrize("other", ["*55", "*5", "*551"])
def test_codes_that_cannot_be_told_apart(other: str) -> None:
    supervisors = {"prefix": "*55", "accounts": ["office"]}
    park = {"prefix": other, "accounts": ["office"]}
    assert found(supervise=supervisors, park=park) == ["park.prefix"]


def test_a_key_for_two_things() -> None:
    assert found(supervise={"takeover_key": "6"}) == ["supervise.takeover_key"]
    assert found(supervise={"takeover_key": "6", "barge_key": ""}) == []


def test_an_account_that_places_no_calls() -> None:
    assert found(supervise={"account": "office"}) == []
    assert found(supervise={"account": "nowhere"}) == ["supervise.account"]


@pytest.mark.parametrize(
    "section",
    [{"prefix": "55x"}, {"prefix": "*"}, {"pin": "12"}, {"pin": "12#4"}, {"listen_key": "A"}],
)
def test_what_cannot_be_dialled(section: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"supervise": section})
