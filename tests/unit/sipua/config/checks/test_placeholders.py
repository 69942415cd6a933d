"""Keys that say who calls whom are checked when the configuration is read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sipua.config import Config
from sipua.config.checks.placeholders import placeholders
from sipua.config.sections.trunks import TrunkSection


def found(**sections: Any) -> list[tuple[Any, str, str]]:
    config = Config.model_validate(sections)
    return [(finding.paths[0], finding.what, finding.fix) for finding in placeholders(config)]


def test_what_is_no_placeholder_is_told_with_its_key() -> None:
    route = {"name": "r", "greeting": "Greet {{callr}}."}
    ((path, what, fix),) = found(routes=(route,), engine={"instructions": "{{caller}} {{route}}"})
    assert path == ("routes", 0, "greeting")
    assert what == "has {{callr}}, which is no placeholder"
    assert fix.startswith("{{caller}}")
    ((path, _, fix),) = found(engines={"b": {"instructions": "{{x}}"}})
    assert path == ("engines", "b", "instructions")
    assert "{{header:X-Account}}" in fix


def test_parameters_of_an_agent_are_texts_too() -> None:
    stream = {"type": "twilio_stream", "parameters": {"from_number": "{{callr}}"}}
    ((path, what, _),) = found(engine=stream)
    assert path == ("engine", "parameters")
    assert "{{callr}}" in what
    ((path, _, _),) = found(engines={"b": stream})
    assert path == ("engines", "b", "parameters")


def test_a_header_must_be_read() -> None:
    engine = {"instructions": "{{header:X-Account}}"}
    ((_, what, fix),) = found(engine=engine)
    assert "no trunk or account reads this header" in what
    assert 'headers_in = ["X-Account"]' in fix
    assert found(engine=engine, trunks=({"name": "t", "headers_in": ["x-account"]},)) == []


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"number_in": {"0a": "+"}}, "is no prefix of a number"),
        ({"number_in": {"0": "4+9"}}, "is no prefix of a number"),
        ({"number_in": {str(n): "" for n in range(65)}}, "more than 64"),
        ({"country": "de"}, "is no country"),
        ({"allowed_numbers": ["+49 30"]}, "is no pattern of a number"),
        ({"headers_in": ["X A"]}, "is no name of a header"),
        ({"headers_in": ["Authorization"]}, "is never read"),
        ({"headers_in": ["X-A", "x-a"]}, "has x-a twice"),
        ({"headers_out": {"Route": "<sip:x>"}}, "may not be set"),
        ({"headers_out": {"X-A": "1\r\nRoute: <sip:x>"}}, "no header field may have"),
        ({"headers_out": {"X-A": "1", "x-a": "2"}}, "has one header twice"),
        ({"caller_id": "a b"}, "is neither a number"),
        ({"caller_name": "a\nb"}, "is no name"),
        ({"caller_headers": []}, "is empty"),
    ],
)
def test_what_cannot_be_said_to_a_peer(keys: dict[str, Any], words: str) -> None:
    if "country" in keys:
        pytest.importorskip("phonenumbers")
    with pytest.raises(ValidationError, match=words.replace("+", r"\+")):
        TrunkSection.model_validate({"name": "t", "hosts": ["192.0.2.1"], **keys})


def test_e164_without_its_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipua.sip.parties.numbers.is_installed", lambda: False)
    with pytest.raises(ValidationError, match="needs phonenumbers"):
        TrunkSection.model_validate({"name": "t", "country": "DE"})
