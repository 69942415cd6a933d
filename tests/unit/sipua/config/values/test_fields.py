"""Each kind of value: what it takes, and what it says about the rest."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ConfigDict, SecretStr, TypeAdapter, ValidationError

from sipua.config.values import fields

STRICT = ConfigDict(strict=True)


def complaint(kind: Any, value: object) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind, config=STRICT).validate_python(value)
    context = caught.value.errors()[0]["ctx"]
    return context["what"], context["fix"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (fields.EvenPort, 16384),
        (fields.Ptime, 60),
        (fields.Name, "office-pbx_2.a"),
        (fields.SipUser, "+4930123456"),
        (fields.OptionalSipUser, ""),
        (fields.ServerUriText, "sip:pbx"),
        (fields.OptionalServerUri, ""),
        (fields.Nameservers, ("192.0.2.53", "127.0.0.1:5353", "[2001:db8::53]:53", "::1")),
        (fields.Realm, "asterisk"),
        (fields.WebsocketUrl, ""),
        (fields.WebsocketUrl, "wss://h.example/v1/realtime?api-version=1"),
        (fields.VariableName, ""),
        (fields.VariableName, "OPENAI_API_KEY"),
    ],
)
def test_good(kind: Any, value: object) -> None:
    assert TypeAdapter(kind, config=STRICT).validate_python(value) == value


@pytest.mark.parametrize(
    ("kind", "value", "what", "fix"),
    [
        (fields.Nameservers, ["dns.example"], "address of a DNS server", "192.0.2.53"),
        (fields.Nameservers, ["192.0.2.53:"], "address of a DNS server", "192.0.2.53"),
        (fields.Nameservers, ["192.0.2.53:0"], "address of a DNS server", "192.0.2.53"),
        (fields.EvenPort, 16385, "must be even", "16384"),
        (fields.Ptime, 25, "is not a packet time", "20"),
        (fields.Ptime, 0, "is not a packet time", "20"),
        (fields.Codecs, ["alaw"], "not a supported codec", '"PCMA"'),
        (fields.Codecs, ["pcmu"], "not a supported codec", '"PCMU"'),
        (fields.Codecs, ["opus"], "not a supported codec", "leave it out"),
        (fields.Codecs, [], "is empty", "at least one"),
        (fields.Codecs, ["PCMU", "PCMU"], "twice", "once"),
        (fields.Transports, ["UDP"], "not a supported transport", '"udp"'),
        (fields.Transports, ["wss"], "not a supported transport", "leave it out"),
        (fields.Name, "a b", "a name has", "office-pbx"),
        (fields.SipUser, "100@pbx", "before the @", '"100"'),
        (fields.SipUser, "", "is empty", '"100"'),
        (fields.ServerUriText, "pbx", "starts with sip:", '"sip:pbx"'),
        (fields.Realm, "*", "digest leaks", "asterisk"),
        (fields.WebsocketUrl, "https://h/v1", "not a websocket URL", '"wss://h/v1"'),
        (fields.WebsocketUrl, "h/v1", "not a websocket URL", "wss://host"),
        (fields.WebsocketUrl, "wss://h:99999/", "has a port", "443"),
        (fields.WebsocketUrl, "wss:///v1", "has no host", "wss://host"),
        (fields.WebsocketUrl, "wss://me:pw@h/", "user or password", "headers"),
        (fields.WebsocketUrl, "wss://h/#x", "fragment", "leave it out"),
        (fields.VariableName, "sk-abc", "environment variable", "api_key_file"),
        (fields.VariableName, "0123abcdef", "environment variable", "api_key_file"),
        (fields.OneLine, "a\r\nVia: x", "line break", "one line"),
        (fields.Secret, SecretStr("a\nb"), "line break", "one line"),
        (fields.Secret, SecretStr(" a"), "blank", "remove"),
        (fields.Secret, SecretStr('"abc"'), "quotes", "remove"),
        (fields.Headers, {"a b": SecretStr("x")}, "not an HTTP header", "api-key"),
        (fields.Headers, {"OpenAI-Beta": SecretStr("x")}, "switched off", "remove"),
    ],
)
def test_bad(kind: Any, value: object, what: str, fix: str) -> None:
    said, advice = complaint(kind, value)
    assert what in said
    assert fix in advice


def test_nearest() -> None:
    assert fields.nearest("prot", ["port", "host"]) == "port"
    assert fields.nearest("openai", ["local", "openai_realtime"]) == "openai_realtime"
    assert fields.nearest("zzz", ["port"]) is None
    assert fields.nearest("", ["port"]) is None
