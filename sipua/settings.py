"""What the parts are told, out of the configuration: they know nothing of TOML or pydantic."""

from __future__ import annotations

from typing import Any

from sipua.bridge.agent.settings import AgentSettings
from sipua.bridge.engines.base import EngineSettings
from sipua.config import AgentSection, EngineSection, TurnDetectionSection

OPENAI_REALTIME_URL = "wss://api.openai.com/v1/realtime"


def agent_settings(agent: AgentSection) -> AgentSettings:
    return AgentSettings(
        host=agent.host,
        port=agent.port,
        mode=agent.mode,
        greeting=agent.greeting,
        api_key=agent.api_key.get_secret_value(),
        threshold=agent.threshold,
        prefix_padding_ms=agent.prefix_padding_ms,
        silence_ms=agent.silence_ms,
        latency_ms=agent.latency_ms,
        first_delta_ms=agent.first_delta_ms,
        delta_ms=agent.delta_ms,
        speed=agent.speed,
        max_sessions=agent.max_sessions,
    )


def engine_settings(engine: EngineSection, embedded_url: str = "") -> EngineSettings:
    """`embedded_url`: where the agent inside this process listens, when there is one."""
    return EngineSettings(
        url=engine.url or (embedded_url if engine.type == "local" else OPENAI_REALTIME_URL),
        api_key=engine.api_key.get_secret_value(),
        headers={name: value.get_secret_value() for name, value in engine.headers.items()},
        model=engine.model,
        voice=engine.voice,
        instructions=engine.instructions,
        turn_detection=_turn_detection(engine.turn_detection),
        transcription={"model": engine.transcription} if engine.transcription else None,
        noise_reduction={"type": engine.noise_reduction} if engine.noise_reduction else None,
        # The vendor's own pace is not said aloud: not every server knows the key.
        speed=None if engine.speed == 1.0 else engine.speed,
    )


def _turn_detection(turn: TurnDetectionSection) -> dict[str, Any]:
    both = {
        "type": turn.type,
        "create_response": turn.create_response,
        "interrupt_response": turn.interrupt_response,
    }
    if turn.type == "semantic_vad":
        return {**both, "eagerness": turn.eagerness}
    server = {
        **both,
        "threshold": turn.threshold,
        "prefix_padding_ms": turn.prefix_padding_ms,
        "silence_duration_ms": turn.silence_duration_ms,
    }
    if turn.idle_timeout_ms:
        server["idle_timeout_ms"] = turn.idle_timeout_ms
    return server
