"""The API is closed unless it is opened with care: tokens, TLS, files that others cannot read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sipua.config import ConfigError, load
from sipua.config.checks.api import api
from sipua.config.sections.config import Config

GOOD = "t" * 24


def found(**keys: Any) -> list[tuple[str, str]]:
    """The key and the severity of each finding."""
    config = Config.model_validate({"api": {"enabled": True, **keys}})
    return [(str(one.paths[0][-1]), one.severity) for one in api(config)]


def token(**keys: Any) -> dict[str, Any]:
    return {"name": "one", "token": GOOD, **keys}


def test_off_by_default_and_fine_with_a_token_on_this_machine() -> None:
    assert not Config().api.enabled
    assert list(api(Config())) == []
    assert found(tokens=[token()]) == []
    assert found(host="::1", tokens=[token()]) == []


def test_a_token_may_call_nobody_by_default() -> None:
    config = Config.model_validate({"api": {"tokens": [token()]}})
    assert config.api.tokens[0].right == "readonly"
    assert config.api.tokens[0].place.prefixes == ()


def test_other_machines_need_tls_and_a_token(tmp_path: Path) -> None:
    assert found(host="0.0.0.0") == [("tokens", "error"), ("host", "error")]
    assert found() == [("tokens", "warning")]
    key = tmp_path / "key.pem"
    key.touch()
    tls = {"tls_certificate": str(key), "tls_key": str(key)}
    assert found(host="0.0.0.0", tokens=[token()], **tls) == []
    assert found(host="0.0.0.0", tokens=[token()], tls_key=str(key)) == [
        ("host", "error"),
        ("tls_certificate", "error"),
    ]
    assert ("tls_key", "error") in found(tokens=[token()], **{**tls, "tls_key": "/not/there"})
    assert found(host="pbx.example.com", tokens=[token()]) == [("host", "error")]


@pytest.mark.parametrize(
    ("tokens", "key"),
    [
        ([token(token="t" * 23)], "token"),
        ([token(token="t" * 20 + " ttttt")], "token"),
        ([token(token="")], "token"),
        ([token(), token(token="u" * 24)], "name"),
        ([token(), token(name="two")], "token"),
    ],
)
def test_tokens_that_are_none(tokens: list[dict[str, Any]], key: str) -> None:
    assert found(tokens=tokens) == [(key, "error")]


@pytest.mark.parametrize("prefix", ["", "49 30", "*", "sip:pbx", "+49;x", "sip:a b@c", "anyone"])
def test_a_prefix_is_a_number_or_a_uri(prefix: str) -> None:
    place = {"prefixes": [prefix]}
    if prefix == "*":  # a service code, as it is dialled
        assert found(tokens=[token(place=place)]) == []
        return
    with pytest.raises(ValueError, match="SIP URI"):
        found(tokens=[token(place=place)])


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    secret, file = tmp_path / "token", tmp_path / "edge.toml"
    secret.write_text(GOOD + "\n")
    file.write_text(
        '[sip]\naccept = "any"\n[api]\nenabled = true\n[[api.tokens]]\nname = "one"\n'
        'token_file = "token"\nplace = { prefixes = ["+49"] }\n'
    )
    secret.chmod(0o600)
    config = load(file, {})
    assert config.api.tokens[0].token.get_secret_value() == GOOD
    assert config.api.tokens[0].place.prefixes == ("+49",)
    secret.chmod(0o644)
    with pytest.raises(ConfigError) as refused:
        load(file, {})
    (problem,) = refused.value.problems
    assert (problem.severity, "every user" in problem.what) == ("error", True)
