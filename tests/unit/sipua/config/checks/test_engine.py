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


def test_each_vendors_key_has_variables_of_its_own() -> None:
    (finding,) = found(type="gemini_live")
    assert "GEMINI_API_KEY" in finding.what
    assert "gemini.key" in finding.fix
    assert found(type="gemini_live", headers={"X-Goog-Api-Key": "x"}) == []
    (finding,) = found(type="gemini_live", api_key_env="OTHER_KEY")
    assert "OTHER_KEY" in finding.what


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("speed", 1.2, ("speed",)),
        ("transcription", "gpt-transcribe", ("transcription",)),
        ("turn_detection", {"idle_timeout_ms": 6000}, ("turn_detection", "idle_timeout_ms")),
        ("turn_detection", {"prefix_padding_ms": 100}, ("turn_detection", "prefix_padding_ms")),
    ],
)
def test_what_gemini_has_no_setting_for_is_told(key: str, value: Any, path: tuple[str]) -> None:
    assert only(found(type="gemini_live", api_key="x", **{key: value})) == (
        ("engine", *path),
        "warning",
    )


def test_what_gemini_has_settings_for_is_fine() -> None:
    fine = {
        "turn_detection": {"silence_duration_ms": 300, "threshold": 0.7},
        "transcription_language": "de",
        "max_output_tokens": 100,
        "voice": "Kore",
        "audio": "pcm16_8k",
    }
    assert found(type="gemini_live", api_key="x", **fine) == []
    assert only(found(type="gemini_live", api_key="x", audio="pcmu"))[0] == ("engine", "audio")


def test_tools_of_mcp_servers_are_not_for_gemini() -> None:
    assert only(found({"mcp": [MCP]}, type="local_gemini")) == (("tools", "mcp"), "warning")


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


COMMAND = ("/bin/echo", "key")


def test_a_command_is_a_key() -> None:
    assert found(type="openai_realtime", api_key_command=COMMAND) == []


@pytest.mark.parametrize(
    ("engine", "key", "words"),
    [
        ({"api_key": "x"}, "api_key_command", "together with a key"),
        ({"headers": {"Authorization": "x"}}, "api_key_command", "brings a key"),
        ({"api_key_command": ("/none",)}, "api_key_command", "no program"),
        ({"api_key_command": ("/etc/passwd",)}, "api_key_command", "no program"),
        ({"api_key_command": ("/bin",)}, "api_key_command", "no program"),
        ({"spare_sessions": 1}, "spare_sessions", "does nothing"),
        ({"type": "local"}, "api_key_command", "needs no key"),
    ],
)
def test_what_a_command_cannot_be_beside(engine: dict[str, Any], key: str, words: str) -> None:
    engine = {"type": "openai_realtime", "api_key_command": COMMAND, **engine}
    finding = next(one for one in found(**engine) if one.paths[0] == ("engine", key))
    assert words in finding.what


def test_the_life_of_a_key_is_of_a_command() -> None:
    finding = found(type="local", api_key_command_s=60)
    assert only(finding) == (("engine", "api_key_command_s"), "warning")


def test_a_command_is_an_absolute_path() -> None:
    with pytest.raises(ValidationError, match="absolute path"):
        found(api_key_command=("engine-token",))


STREAM = {"type": "twilio_stream", "url": "wss://agent.example/stream"}


def test_an_agent_behind_a_stream_needs_an_address_and_no_key() -> None:
    assert found(**STREAM) == []
    assert only(found(type="twilio_stream")) == (("engine", "url"), "error")


def test_what_is_the_agents_own_business_does_nothing() -> None:
    keys = {"instructions": "Be brief.", "greeting": "Greet.", "model": "x", "audio": "pcma"}
    for name, value in {**keys, "spare_sessions": 2}.items():
        assert only(found(**STREAM, **{name: value})) == (("engine", name), "warning")


@pytest.mark.parametrize("kind", ["local", "local_live", "openai_realtime", "openai_live"])
def test_what_an_agent_behind_a_stream_is_told_no_model_is(kind: str) -> None:
    told = {"parameters": {"tenant": "a"}, "account_sid": "AC" + "0" * 32}
    findings = found(type=kind, api_key="x", **told)
    assert [finding.paths[0][1] for finding in findings] == ["account_sid", "parameters"]
    assert {finding.severity for finding in findings} == {"warning"}


def test_a_status_url_without_a_token_is_not_signed() -> None:
    status = {"status_url": "https://agent.example/status"}
    assert only(found(**STREAM, **status)) == (("engine", "status_url"), "warning")
    assert found(**STREAM, **status, api_key="x") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"account_sid": "AC12"},
        {"account_sid": "AC" + "G" * 32},
        {"status_url": "wss://agent.example/status"},
        {"parameters": {"name": "x" * 500}},
        {"parameters": {"": "x"}},
        {"parameters": {"name": "two\nlines"}},
    ],
    ids=str,
)
def test_values_that_no_agent_would_take(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        found(**STREAM, **wrong)


def test_how_long_an_engine_may_take_to_connect() -> None:
    def within(**engine: Any) -> float:
        return Config.model_validate({"engine": engine}).engine.connect_within_s

    assert within(type="local") == 5
    assert within(**STREAM) == 10
    assert within(**STREAM, connect_timeout_s=3) == 3


VOICE_LIVE = {
    "type": "openai_realtime",
    "dialect": "azure_voice_live",
    "url": "wss://shop.services.ai.azure.com/voice-live/realtime?api-version=2026-07-15",
    "model": "gpt-realtime-2.1",
    "api_key": "x",
}


@pytest.mark.parametrize("dialect", ["beta", "azure_voice_live"])
def test_a_dialect_without_an_address_for_all_needs_one(dialect: str) -> None:
    engine = {**VOICE_LIVE, "dialect": dialect, "url": ""}
    finding = next(one for one in found(**engine) if one.paths[0] == ("engine", "url"))
    assert dialect in finding.what
    assert finding.fix.startswith('url = "ws')
    assert found(type="local", dialect=dialect) == []  # our agent has its own


def test_voice_live_needs_a_model_or_an_agent_in_the_address() -> None:
    assert found(**VOICE_LIVE) == []
    assert only(found(**{**VOICE_LIVE, "model": ""})) == (("engine", "model"), "error")
    for query in ("&model=phi4-mm-realtime", "&agent-id=a&project-id=p"):
        assert found(**{**VOICE_LIVE, "model": "", "url": VOICE_LIVE["url"] + query}) == []


@pytest.mark.parametrize(
    ("dialect", "variable"),
    [
        ("ga", "OPENAI_API_KEY"),
        ("xai", "XAI_API_KEY"),
        ("azure_voice_live", "AZURE_VOICELIVE_API_KEY"),
        ("qwen", "DASHSCOPE_API_KEY"),
    ],
)
def test_each_vendor_has_a_variable_for_its_key(dialect: str, variable: str) -> None:
    engine = {**VOICE_LIVE, "dialect": dialect, "api_key": ""}
    (finding,) = found(**engine)
    assert variable in finding.what
    assert f"export {variable}=" in finding.fix
    assert found(**engine, api_key_env="") == []


def test_a_server_of_ones_own_needs_no_key() -> None:
    assert found(type="openai_realtime", dialect="beta", url="ws://127.0.0.1:8000/v1") == []


@pytest.mark.parametrize(
    ("dialect", "kind"),
    [
        ("xai", "semantic_vad"),
        ("qwen", "semantic_vad"),
        ("azure_voice_live", "semantic_vad"),
        ("ga", "azure_semantic_vad"),
        ("beta", "azure_semantic_vad_multilingual"),
    ],
)
def test_a_turn_detection_that_the_dialect_does_not_have(dialect: str, kind: str) -> None:
    finding = only(found(dialect=dialect, turn_detection={"type": kind}))
    assert finding == (("engine", "turn_detection", "type"), "error")


def test_formats_and_noise_reductions_that_the_dialect_does_not_have() -> None:
    assert only(found(dialect="qwen", audio="pcmu")) == (("engine", "audio"), "error")
    assert found(dialect="xai", audio="pcmu") == []
    deep = "azure_deep_noise_suppression"
    assert only(found(noise_reduction=deep)) == (("engine", "noise_reduction"), "error")
    assert found(**VOICE_LIVE, noise_reduction=deep, echo_cancellation=True) == []


@pytest.mark.parametrize(
    ("dialect", "key", "value"),
    [
        ("ga", "echo_cancellation", True),
        ("beta", "reasoning_effort", "low"),
        ("xai", "noise_reduction", "near_field"),
        ("xai", "max_output_tokens", 100),
        ("azure_voice_live", "speed", 1.2),
        ("qwen", "tool_choice", "none"),
    ],
)
def test_what_a_dialect_has_no_setting_for_is_told(dialect: str, key: str, value: Any) -> None:
    (finding,) = found(dialect=dialect, **{key: value})
    assert only([finding]) == (("engine", key), "warning")


def test_what_a_dialect_has_no_turn_detection_key_for_is_told() -> None:
    finding = only(found(dialect="qwen", turn_detection={"idle_timeout_ms": 6000}))
    assert finding == (("engine", "turn_detection", "idle_timeout_ms"), "warning")
    assert found(dialect="xai", turn_detection={"idle_timeout_ms": 6000}) == []


def test_a_dialect_of_live_does_nothing() -> None:
    assert only(found(type="local_live", dialect="beta")) == (("engine", "dialect"), "warning")


def test_mcp_servers_that_an_engine_does_not_call_are_told() -> None:
    tools = {"builtin": (), "mcp": [MCP]}
    assert only(found(tools, dialect="qwen")) == (("tools", "mcp"), "warning")
    assert found({"builtin": (), "mcp": [MCP]}, dialect="xai") == []


@pytest.mark.parametrize(
    ("key", "model", "successor"),
    [
        ("model", "gpt-realtime", "gpt-realtime-2.1"),
        ("model", "gpt-realtime-mini", "gpt-realtime-2.1-mini"),
        ("transcription", "gpt-4o-mini-transcribe", "gpt-transcribe"),
    ],
)
def test_a_model_that_its_vendor_ends_is_told_with_its_date(
    key: str, model: str, successor: str
) -> None:
    engine: dict[str, Any] = {"type": "openai_realtime", "api_key": "x", key: model}
    (finding,) = found(**engine)
    assert only([finding]) == (("engine", key), "warning")
    assert "2027-0" in finding.what
    assert successor in finding.fix
    elsewhere = "wss://shop.openai.azure.com/openai/v1/realtime"
    assert found(**engine, url=elsewhere) == []  # with dates of its own
    assert found(type="local", **{key: model}) == []


@pytest.mark.parametrize(
    ("engine", "header"),
    [
        ({}, ""),
        ({"api_key_header": "api-key"}, "api-key"),
        ({"dialect": "azure_voice_live"}, "api-key"),
        ({"dialect": "azure_voice_live", "api_key_header": "bearer"}, ""),
        ({"dialect": "azure_voice_live", "api_key_command": COMMAND}, ""),
    ],
)
def test_which_header_has_the_key(engine: dict[str, Any], header: str) -> None:
    assert Config.model_validate({"engine": engine}).engine.key_header == header


class TestAgentsOfVendors:
    def test_each_has_a_variable_of_its_own_for_its_key(self) -> None:
        (finding,) = found(type="deepgram_agent")
        assert "DEEPGRAM_API_KEY" in finding.what
        assert "/etc/sipua/deepgram.key" in finding.fix
        (finding,) = found(type="elevenlabs_agent", agent_id="agent_1")
        assert "ELEVENLABS_API_KEY" in finding.what

    def test_an_agent_of_elevenlabs_has_an_id(self) -> None:
        (finding,) = found(type="elevenlabs_agent", api_key="k")
        assert finding.paths[0] == ("engine", "agent_id")
        assert found(type="elevenlabs_agent", api_key="k", agent_id="agent_1") == []
        url = "wss://api.elevenlabs.io/v1/convai/conversation?agent_id=agent_1"
        assert found(type="elevenlabs_agent", api_key="k", url=url) == []

    def test_all_that_an_agent_of_elevenlabs_can_be_told(self) -> None:
        said = {"instructions": "Be brief.", "greeting": "Good day.", "voice_id": "voice_1"}
        others = {"speed": 1.1, "transcription_language": "de", "parameters": {"shop": "a"}}
        about = {"type": "elevenlabs_agent", "api_key": "k", "agent_id": "agent_1"}
        assert found(**about, **said, **others) == []

    def test_all_that_a_voice_agent_can_be_told(self) -> None:
        models = {"model": "gpt-4.1", "voice": "aura-2-luna-en", "transcription": "nova-3"}
        others = {"transcription_language": "de", "transcription_prompt": "Almdudler"}
        about = {"type": "deepgram_agent", "api_key": "k", "audio": "pcm16", "speed": 1.1}
        assert found(**about, **models, **others) == []
        del models["transcription"]
        assert found(**about, **models, **others) == []

    @pytest.mark.parametrize(
        ("kind", "name", "value"),
        [
            ("deepgram_agent", "reasoning_effort", "low"),
            ("deepgram_agent", "voice_id", "voice_1"),
            ("deepgram_agent", "agent_id", "agent_1"),
            ("deepgram_agent", "parameters", {"shop": "a"}),
            ("elevenlabs_agent", "model", "gpt-4.1"),
            ("elevenlabs_agent", "audio", "pcm16"),
            ("elevenlabs_agent", "voice", "marin"),
            ("openai_realtime", "agent_id", "agent_1"),
            ("twilio_stream", "agent_id", "agent_1"),
        ],
    )
    def test_a_key_that_it_does_not_use(self, kind: str, name: str, value: Any) -> None:
        own: dict[str, Any] = {"agent_id": "agent_1"} if kind == "elevenlabs_agent" else {}
        url = "wss://agent.example/stream"
        findings = found(type=kind, api_key="k", url=url, **own | {name: value})
        assert only(findings) == (("engine", name), "warning")

    @pytest.mark.parametrize("kind", ["deepgram_agent", "elevenlabs_agent"])
    def test_neither_calls_mcp_servers(self, kind: str) -> None:
        own = {"agent_id": "agent_1"} if kind == "elevenlabs_agent" else {}
        (finding,) = found({"mcp": [MCP]}, type=kind, api_key="k", **own)
        assert finding.paths[0] == ("tools", "mcp")
