from __future__ import annotations

import pytest

from sipua.config.sections.config import SipSection
from sipua.config.toml import translate


def test_misspelt_keys() -> None:
    assert translate.unknown_key(("sip", "prot")) == (
        "there is no such key in [sip]",
        "did you mean port?",
    )
    assert translate.unknown_key(("accounts", 3, "pasword"))[1] == "did you mean password?"
    assert translate.unknown_key(("engine", "headers", "x", "y"))[1] == "remove it"
    assert "known: level, format, sip" in translate.unknown_key(("log", "zzz"))[1]


def test_keys_of_another_section() -> None:
    assert translate.unknown_key(("calls", "registrar"))[1] == "it belongs to [[accounts]]"
    assert translate.unknown_key(("log", "hosts"))[1] == "it belongs to [[trunks]] or [twilio]"


def test_the_key_that_was_meant() -> None:
    assert translate.meant_key(("sip", "prot")) == "port"
    assert translate.meant_key(("sip", "zzzz")) == ""
    assert translate.meant_key(("nowhere", "x")) == ""


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("agnt", {}, "did you mean [agent]?"),
        ("account", [{}], "did you mean [[accounts]]?"),
        ("registrar", "x", "move it under [[accounts]]"),
        ("zzz", {}, "remove it; known: [sip], [admission], [rtp], [[accounts]], [[trunks]]"),
    ],
)
def test_unknown_sections(name: str, value: object, fix: str) -> None:
    assert translate.unknown_section(name, value)[1].startswith(fix)


def test_shapes() -> None:
    assert translate.wrong_shape("accounts")[1] == "write [[accounts]]"
    assert translate.wrong_shape("sip")[1] == "write [sip]"


@pytest.mark.parametrize(
    ("key", "value", "what", "fix"),
    [
        ("port", "5060", "must be a whole number, not text", "port = 5060"),
        ("port", "many", "must be a whole number, not text", "write digits without quotes"),
        ("port", True, "must be a whole number, not true or false", "write digits"),
        ("port", 5060.5, "must be a whole number, not a number with a fraction", "write digits"),
        ("port", 70000, "is too large", "at most 65535"),
        ("max_calls", -1, "is too small", "at least 0"),
        ("user_agent", 127, "must be text, not a whole number", 'user_agent = "127"'),
        ("transports", "udp, tcp", "must be a list, not text", 'transports = ["udp", "tcp"]'),
        ("accept", "trunk", 'must be "trunks" or "any"', 'accept = "trunks"'),
        ("user_agent", ["x"], "must be text, not a list", "write it in double quotes"),
    ],
)
def test_values(key: str, value: object, what: str, fix: str) -> None:
    from pydantic import ValidationError

    with pytest.raises(ValidationError) as caught:
        SipSection.model_validate({key: value})
    (detail,) = caught.value.errors()
    said, advice = translate.explain(("sip", *detail["loc"]), detail)
    assert said == what
    assert advice.startswith(fix)
