from __future__ import annotations

from typing import Any

import pytest

from sipua.bridge.engines.twilio_stream import sids
from sipua.calls.legs.targets import Destination
from sipua.config import Config
from sipua.twilio import configured
from sipua.twilio.dialled import destination
from sipua.twilio.twiml.verbs import StatusCallback

NAMED = {
    "sales": Destination(("sip:a@pbx", "sip:b@pbx"), "warm"),
    "people": Destination(("queue:people",), "refer"),
}
ALLOWED = ("+43", "0800", "sip:@pbx.example", "sip:bob@other.example")


def config(*urls: str, **twilio: Any) -> Config:
    routes = tuple({"name": f"r{at}", "voice_url": url} for at, url in enumerate(urls))
    return Config.model_validate({"routes": routes, "twilio": twilio})


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("+43 (1) 234-56", "+43123456"),
        ("0800123", "0800123"),
        ("sip:eve@pbx.example", "sip:eve@pbx.example"),
        ("sip:bob@other.example:5070;transport=tcp", "sip:bob@other.example:5070;transport=tcp"),
    ],
)
def test_who_may_be_called(text: str, target: str) -> None:
    found = destination(NAMED, ALLOWED, text)
    assert found is not None
    assert (found.targets, found.mode, found.warm) == ((target,), "dial", None)
    assert configured.may_be_called({}, ALLOWED, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+1900",
        "people",
        "queue:people",
        "Sales",
        "sip:eve@other.example",
        "sip:eve@pbx.example@evil.example",
        "sip:eve@evil.example?x=@pbx.example",
        "sip:eve@evil.example;x=@pbx.example",
        "sip:pbx.example.evil",
        "tel:+1900",
        "sales\n",
    ],
)
def test_who_may_not(text: str) -> None:
    assert destination(NAMED, ALLOWED, text) is None
    assert destination(NAMED, (), text) is None
    names = {name: one.targets[0] for name, one in NAMED.items()}
    assert not configured.may_be_called(names, ALLOWED, text)


def test_a_name_has_all_its_targets_and_their_mode() -> None:
    assert destination(NAMED, (), "sales") == NAMED["sales"]


def test_who_may_be_asked() -> None:
    reach = configured.reach(
        config("https://agent.example/voice", hosts=("*.cdn.example",), allow=("10.0.0.0/8",))
    )
    assert reach.has("https://agent.example/other")
    assert reach.has("https://a.cdn.example/x.wav")
    assert not reach.has("https://agent.example.evil/")
    assert not configured.reach(Config()).has("https://agent.example/")
    assert [str(network) for network in reach.allow] == ["10.0.0.0/8"]


def test_whose_calls_documents_may_lead() -> None:
    sid = "AC" + "1" * 32
    assert not configured.leads(Config())
    assert configured.leads(config("https://a.example/"))
    assert configured.leads(config(account_sid=sid))
    assert configured.account_sid(config(account_sid=sid)) == sid
    assert configured.account_sid(Config()) == sids.USUAL_ACCOUNT


def test_who_is_told_of_ends() -> None:
    def led(**route: str) -> Config:
        one = {"name": "led", "voice_url": "https://a.example/voice", **route}
        return Config.model_validate({"routes": (one, {"name": "other"})})

    told = led(voice_status_url="https://b.example/status", voice_status_method="GET")
    callback = StatusCallback("https://b.example/status", "GET")
    assert configured.status_callbacks(told) == {"led": callback}
    assert configured.reach(told).has("https://b.example/other"), "it may be asked"
    assert not configured.reach(told).has("https://b.example:8443/"), "at another port"
    assert configured.status_callbacks(led()) == {}
