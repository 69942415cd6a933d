"""The API is closed unless it is opened with care: tokens, TLS, files that others cannot read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

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


ACCOUNT = "AC0123456789abcdef0123456789abcdef"


def of_twilio(*, enabled: bool = True, **keys: Any) -> list[tuple[str, str]]:
    tokens = [token()]
    config = {"twilio": keys, "api": {"enabled": enabled, "tokens": tokens}}
    found = api(Config.model_validate(config))
    return [(str(one.paths[0][-1]), one.severity) for one in found]


def test_twilios_rest_and_its_callbacks() -> None:
    assert not Config().twilio.account_sid
    assert of_twilio(account_sid=ACCOUNT, enabled=False) == [("account_sid", "error")]
    assert of_twilio(account_sid=ACCOUNT) == []
    assert of_twilio(account_sid=ACCOUNT, hosts=["a.b"], auth_token="t") == []
    assert of_twilio(account_sid=ACCOUNT, hosts=["a.b"]) == [("auth_token", "warning")]
    assert of_twilio(hosts=["a.b"], auth_token="t") == [("hosts", "error")]
    assert of_twilio(account_sid=ACCOUNT, ca_file="/no/such") == [("ca_file", "error")]


def test_what_nobody_could_fetch_is_not_recorded() -> None:
    url = "https://edge.example.com:8090"
    good = {"account_sid": ACCOUNT, "recordings": "sounds", "api_url": url}
    assert of_twilio(**good) == []
    assert of_twilio(**{**good, "api_url": ""}) == [("recordings", "error")]
    assert of_twilio(**{**good, "account_sid": ""}) == [("recordings", "error")]
    assert of_twilio(**good, enabled=False) == [("account_sid", "error"), ("recordings", "error")]


@pytest.mark.parametrize("url", ["edge.example.com", "ftp://a", "https://a?b", "https://a:b@c"])
def test_the_address_of_the_api(url: str) -> None:
    with pytest.raises(ValidationError, match="api_url"):
        Config.model_validate({"twilio": {"api_url": url}})


def test_an_agent_that_is_told_another_account() -> None:
    agent = {"type": "twilio_stream", "url": "wss://a.b/c"}
    config = {
        "twilio": {"account_sid": ACCOUNT},
        "api": {"enabled": True, "tokens": [token()]},
        "engine": agent,
        "engines": {"same": {**agent, "account_sid": ACCOUNT}, "other": {"type": "local"}},
    }
    (finding,) = api(Config.model_validate(config))
    assert finding.paths == (("engine", "account_sid"), ("twilio", "account_sid"))
    assert finding.severity == "warning"


@pytest.mark.parametrize("host", ["https://a.b/", "", "a b"])
def test_a_host_is_no_url(host: str) -> None:
    with pytest.raises(ValidationError, match="is no host"):
        Config.model_validate({"twilio": {"hosts": [host]}})


@pytest.mark.parametrize("text", ["x", ACCOUNT.upper(), ACCOUNT[:-1], f"{ACCOUNT}0", " "])
def test_the_sid_of_an_account(text: str) -> None:
    with pytest.raises(ValidationError, match="is not AC and 32"):
        Config.model_validate({"twilio": {"account_sid": text}})
