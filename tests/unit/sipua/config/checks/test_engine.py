from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sipua.config.checks.engine import engines
from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config

WEBHOOK = {
    "name": "find_order",
    "url": "https://example.net/order",
    "description": "Finds an order by its number.",
}
MCP = {"label": "crm", "url": "https://example.net/mcp"}


def found(tools: dict[str, Any] | None = None, **engine: Any) -> list[Finding]:
    for name in ("webhooks", "mcp", "python"):
        if tools and name in tools:
            tools[name] = tuple(tools[name])
    return list(engines(Config.model_validate({"engine": engine, "tools": tools or {}})))


def only(findings: list[Finding]) -> tuple[tuple[Any, ...], str]:
    (finding,) = findings
    return finding.paths[0], finding.severity


@pytest.mark.parametrize("kind", ["openai_realtime", "openai_live"])
def test_an_engine_of_a_vendor_needs_a_key(kind: str) -> None:
    (finding,) = found(type=kind)
    assert finding.paths[0] == ("engine", "api_key")
    assert kind in finding.what
    assert "SIPUA_ENGINE__API_KEY_FILE" in finding.fix
    assert found(type=kind, api_key="x") == []
    assert found(type=kind, api_key_env="") == []
    assert found(type=kind, headers={"api-key": "x"}) == []
    assert found(type="local") == []


@pytest.mark.parametrize(
    ("kind", "key", "value", "belongs_to"),
    [
        ("semantic_vad", "threshold", 0.4, "server_vad"),
        ("semantic_vad", "prefix_padding_ms", 200, "server_vad"),
        ("semantic_vad", "silence_duration_ms", 600, "server_vad"),
        ("semantic_vad", "idle_timeout_ms", 6000, "server_vad"),
        ("server_vad", "eagerness", "low", "semantic_vad"),
        ("none", "eagerness", "low", "semantic_vad"),
        ("none", "threshold", 0.4, "server_vad"),
    ],
)
def test_the_keys_of_one_turn_detection_are_refused_for_another(
    kind: str, key: str, value: Any, belongs_to: str
) -> None:
    (finding,) = found(turn_detection={"type": kind, key: value})
    assert finding.paths[0] == ("engine", "turn_detection", key)
    assert belongs_to in finding.what
    assert found(turn_detection={"type": belongs_to, key: value}) == []


@pytest.mark.parametrize("idle_ms", [1, 4999, 30_001])
def test_an_idle_timeout_that_the_vendor_refuses(idle_ms: int) -> None:
    with pytest.raises(ValidationError, match="5000 to 30000"):
        found(turn_detection={"idle_timeout_ms": idle_ms})
    for fine in (0, 5000, 30_000):
        assert found(turn_detection={"idle_timeout_ms": fine}) == []


@pytest.mark.parametrize("choice", ["find_order", "hang_up", "mcp:crm", "mcp:crm/find", "auto"])
def test_a_tool_that_is_declared_can_be_chosen(choice: str) -> None:
    tools = {"builtin": ("hang_up",), "webhooks": [WEBHOOK], "mcp": [MCP]}
    assert found(tools, tool_choice=choice) == []


@pytest.mark.parametrize("choice", ["fly", "mcp:erp", "mcp:find_order", "crm"])
def test_a_tool_that_nobody_declared_cannot_be_chosen(choice: str) -> None:
    tools = {"builtin": ("hang_up",), "webhooks": [WEBHOOK], "mcp": [MCP]}
    (finding,) = found(tools, tool_choice=choice)
    assert finding.paths[0] == ("engine", "tool_choice")
    assert "find_order, hang_up, mcp:crm" in finding.what


def test_the_names_of_functions_are_not_known_yet() -> None:
    tools = {"builtin": (), "python": ["shop.tools:fly"]}
    assert found(tools, tool_choice="fly") == []
    assert only(found(tools, tool_choice="mcp:crm"))[1] == "error"


def test_words_for_a_transcription_that_is_off_do_nothing() -> None:
    assert only(found(transcription_language="de")) == (
        ("engine", "transcription_language"),
        "warning",
    )
    assert found(transcription="gpt-transcribe", transcription_language="de") == []


def test_two_voices() -> None:
    assert only(found(voice="ash", voice_id="voice_1"))[0] == ("engine", "voice")
    assert found(voice_id="voice_1") == []


SERVER = {"url": "ws://127.0.0.1:8765/v1/realtime"}


def test_spare_sessions_to_a_server_are_well() -> None:
    assert found(**SERVER, spare_sessions=2, spare_max_age_s=60) == []


def test_spare_sessions_that_do_nothing_are_told() -> None:
    assert only(found(spare_sessions=2)) == (("engine", "spare_sessions"), "warning")
    assert only(found(**SERVER, spare_max_age_s=60)) == (("engine", "spare_max_age_s"), "warning")


def test_a_spare_session_must_be_younger_than_one_that_is_replaced() -> None:
    engine = {**SERVER, "spare_sessions": 1}
    recovery = {"rotate_after_s": 300.0, "rotate_latest_s": 400.0}
    config = {"engine": engine, "recovery": recovery}
    finding = only(list(engines(Config.model_validate(config))))
    assert finding == (("engine", "spare_max_age_s"), "error")
    never = {"engine": engine, "recovery": {"rotate_after_s": 0}}
    assert list(engines(Config.model_validate(never))) == []


def test_a_key_in_the_clear() -> None:
    assert only(found(url="ws://example.net/v1/realtime")) == (("engine", "url"), "warning")


@pytest.mark.parametrize("kind", ["openai_live", "local_live"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("turn_detection", {"type": "semantic_vad"}),
        ("turn_detection", {"silence_duration_ms": 300}),
        ("transcription", "gpt-transcribe"),
        ("noise_reduction", "near_field"),
        ("speed", 1.2),
        ("max_output_tokens", 100),
    ],
)
def test_what_live_has_no_setting_for_is_told(kind: str, key: str, value: Any) -> None:
    (finding,) = found(type=kind, api_key="x", **{key: value})
    assert only([finding]) == (("engine", key), "warning")
    assert kind in finding.what


def test_what_is_as_usual_is_not_complained_about() -> None:
    assert found(type="local_live", speed=1.0, turn_detection={}) == []
    assert only(found(type="openai_realtime", api_key="x", delegation_model="m"))[1] == "warning"
