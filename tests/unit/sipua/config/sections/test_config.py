from __future__ import annotations

import pytest
from pydantic import ValidationError

from sipua.config.sections.config import Config, RtpSection, SipSection
from sipua.config.sections.schema import keys, tables
from sipua.config.sections.trunks import AccountSection


def test_sections_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Config().sip.port = 1  # type: ignore[misc]


@pytest.mark.parametrize("value", [True, "5060", 5060.0, None])
def test_types_are_strict(value: object) -> None:
    with pytest.raises(ValidationError):
        SipSection(port=value)  # type: ignore[arg-type]


def test_a_whole_number_of_seconds_is_a_number() -> None:
    assert RtpSection(timeout_s=7).timeout_s == 7.0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0, -1, True])
def test_seconds_are_finite_and_positive(value: float) -> None:
    with pytest.raises(ValidationError):
        RtpSection(timeout_s=value)


def test_every_key_is_described() -> None:
    assert [path for path, key in keys().items() if not key.field.description] == []
    assert [table.header for table in tables() if not table.model.__doc__] == []


def test_required_keys_have_a_valid_example() -> None:
    for table in tables():
        required = [key for key in table.keys if key.field.is_required()]
        examples = {key.name: (key.field.examples or [None])[0] for key in required}
        table.model.model_validate(examples)


def test_secrets_do_not_show() -> None:
    account = AccountSection.model_validate(
        {"name": "a", "registrar": "sip:h", "user": "1", "password": "hunter2"}
    )
    assert "hunter2" not in repr(account) + str(account) + account.model_dump_json()
