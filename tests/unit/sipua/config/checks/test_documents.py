"""Routes that documents lead: what the configuration takes, and what it says about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from sipua.calls import routes as profiles
from sipua.config import Config
from sipua.config.checks.api import api
from sipua.config.checks.routes import routes
from sipua.edge.wiring import menus, queues
from support.calls.tool_call import FACTS

URL = "https://agent.example.com/voice?key=s3cret"


def config(allow: tuple[str, ...] = (), **keys: Any) -> Config:
    return Config.model_validate(
        {
            "routes": ({"name": "led", "called": ("1",), **keys},),
            "menus": ({"name": "main", "prompt": "sorry", "keys": {"1": {"route": "led"}}},),
            "queues": ({"name": "people", "agent": "led"},),
            "twilio": {"allow": allow},
        }
    )


def found(of: Config) -> list[tuple[str, str]]:
    return [(str(one.paths[0][-1]), one.severity) for one in routes(of)]


def test_what_a_call_of_it_becomes() -> None:
    given = config(voice_url=URL, voice_method="GET", voice_fallback_url="https://b.example/")
    assert found(given) == []
    (route,) = given.routes
    profile = profiles.profile(given, route)
    assert profile.documents == "agent.example.com", "its query may hold a key"
    assert "s3cret" not in repr(menus.beginnings(given))
    assert menus.leads(given)
    assert not menus.leads(Config())


@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
def test_a_call_of_it_takes_no_slot_of_an_engine(
    direction: Literal["incoming", "outgoing"],
) -> None:
    facts = replace(FACTS, route="led", direction=direction)
    assert not queues.agent_at_once(config(voice_url=URL), facts)
    assert queues.agent_at_once(config(), facts)


def test_what_contradicts_it() -> None:
    for other in ({"menu": "main"}, {"queue": "people"}, {"forward": "sip:bot@sip.example.com"}):
        assert ("voice_url", "error") in found(config(voice_url=URL, **other))
    engine = {"engine": "engine", "greeting": "Hello."}
    assert found(config(voice_url=URL, **engine)) == [
        ("engine", "warning"),
        ("greeting", "warning"),
    ]
    steps = ({"engine": "engine"}, {"prompt": "sorry"})
    assert found(config(voice_url=URL, fallback=steps)) == [("fallback", "error")]
    assert found(config(voice_method="GET")) == [("voice_method", "error")]
    assert found(config(voice_fallback_url=URL)) == [("voice_fallback_url", "error")]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254"])
def test_an_address_that_is_not_public_must_be_allowed(host: str) -> None:
    url = f"http://{host}:8080/voice"
    assert found(config(voice_url=url)) == [("voice_url", "error")]
    assert found(config(voice_url=URL, voice_fallback_url=url)) == [("voice_fallback_url", "error")]
    assert found(config(("0.0.0.0/0",), voice_url=url)) == []


@pytest.mark.parametrize("url", ["agent.example.com", "ftp://a.b/", "https://", "wss://a.b/"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ValidationError):
        config(voice_url=url)


def test_requests_without_a_signature_are_worth_a_word() -> None:
    def told(**twilio: Any) -> list[str]:
        given = {"routes": ({"name": "led", "voice_url": URL},), "twilio": twilio}
        return [str(one.paths[0][-1]) for one in api(Config.model_validate(given))]

    assert told() == ["auth_token"]
    assert told(auth_token="t", hosts=("a.b",)) == []


@pytest.mark.parametrize("text", ["", "e", "en_US", "en-" + "x" * 9])
def test_a_language_that_is_none(text: str) -> None:
    with pytest.raises(ValidationError, match="no language"):
        Config.model_validate({"twilio": {"language": text}})


@pytest.mark.parametrize("text", ["", "agent", "sip:pbx"])
def test_whom_documents_may_call(text: str) -> None:
    with pytest.raises(ValidationError, match="neither the beginning"):
        Config.model_validate({"twilio": {"may_call": (text,)}})
