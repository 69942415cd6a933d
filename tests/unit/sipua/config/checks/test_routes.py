"""Keys of a route whose calls are led by documents."""

from __future__ import annotations

from typing import Any

import pytest

from sipua.config import Config
from sipua.config.checks import routes

LED = {"voice_url": "https://agent.example.com/voice"}


def findings(**route: Any) -> list[tuple[str, str, str]]:
    config = Config.model_validate({"routes": ({"name": "led", **route},)})
    return [(str(one.paths[0][-1]), one.severity, one.what) for one in routes.routes(config)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("voice_method", "GET"),
        ("voice_fallback_url", "https://agent.example.com/"),
        ("voice_status_url", "https://agent.example.com/"),
        ("voice_status_method", "GET"),
    ],
)
def test_without_documents_they_have_no_effect(key: str, value: str) -> None:
    assert findings(**{key: value}) == [(key, "error", "has no effect without `voice_url`")]


def test_a_status_callback() -> None:
    status = "https://agent.example.com/status"
    assert findings(**LED, voice_status_url=status, voice_status_method="GET") == []
    (found,) = findings(**LED, voice_status_method="GET")
    assert found[:2] == ("voice_status_method", "error")
    (found,) = findings(**LED, voice_status_url="http://10.1.2.3/status")
    assert found[0] == "voice_status_url"
    assert "twilio.allow" in found[2]


def test_sounds_that_documents_cannot_play(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "find_spec", lambda _: None)
    ((key, severity, what),) = findings(**LED)
    assert (key, severity) == ("voice_url", "warning")
    assert "soundfile" in what
    assert findings() == []
