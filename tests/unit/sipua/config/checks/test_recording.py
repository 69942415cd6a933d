"""Recordings that could not be sent, or would be sent where they should not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sipua.config.checks.recording import recording
from sipua.config.sections.config import Config

GOOD = {
    "bucket": "calls",
    "access_key_id": "AKIAEXAMPLE",
    "secret_access_key": "a secret of forty characters, or so",
}


def config(**s3: Any) -> Config:
    return Config.model_validate({"recording": {"when": "always", "s3": {**GOOD, **s3}}})


def found(**s3: Any) -> list[tuple[str, str]]:
    """The key and the severity of each finding."""
    return [(str(one.paths[0][-1]), one.severity) for one in recording(config(**s3))]


def test_off_by_default_and_fine_with_a_key() -> None:
    assert list(recording(Config())) == []
    assert found() == []
    assert found(endpoint="http://127.0.0.1:9000", prefix="berlin/edge-1") == []
    assert found(bucket="", access_key_id="", secret_access_key="") == []


@pytest.mark.parametrize(
    ("s3", "finding"),
    [
        ({"access_key_id": ""}, ("access_key_id", "error")),
        ({"secret_access_key": ""}, ("secret_access_key", "error")),
        ({"endpoint": "http://s3.example.com"}, ("endpoint", "warning")),
        ({"ca_file": "/nowhere.pem"}, ("ca_file", "error")),
    ],
)
def test_what_cannot_work(s3: dict[str, Any], finding: tuple[str, str]) -> None:
    assert found(**s3) == [finding]


@pytest.mark.parametrize(
    "s3",
    [
        {"bucket": "s3://calls"},
        {"bucket": "a/b"},
        {"endpoint": "s3.example.com"},
        {"endpoint": "https://s3.example.com/?x=1"},
        {"prefix": "/abs"},
        {"prefix": "with blank"},
        {"region": "eu central"},
        {"region": ""},
    ],
)
def test_what_is_no_value(s3: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(**s3)
