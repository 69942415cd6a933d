"""From our settings to what an agent of ElevenLabs is told at the beginning, and its address.

The agent has its own prompt, first words, language and voice. What we have overrides them, each
only if it was written in the configuration: an agent refuses the conversation for an override that
its settings (Security, Overrides) do not allow.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sipua.bridge.engine_api.settings import AudioFormat, CallIdentity, EngineSettings
from sipua.bridge.engines.elevenlabs_agent.address import ADDRESS

FORMATS: Final = {
    "ulaw_8000": AudioFormat.PCMU,
    "pcm_8000": AudioFormat.PCM16_8K,
    "pcm_16000": AudioFormat.PCM16_16K,
    "pcm_24000": AudioFormat.PCM16,
}


def initiation(settings: EngineSettings) -> dict[str, Any]:
    """The fields of `conversation_initiation_client_data`."""
    content: dict[str, Any] = {}
    if override := _override(settings):
        content["conversation_config_override"] = override
    if settings.call is not None:
        content["dynamic_variables"] = variables(settings.call)
    return content


def _override(settings: EngineSettings) -> dict[str, Any]:
    agent: dict[str, Any] = {}
    if settings.instructions:
        agent["prompt"] = {"prompt": settings.instructions}
    if settings.greeting:
        # Not again in the middle of a call, whose first session was lost.
        agent["first_message"] = "" if settings.past else settings.greeting
    if language := (settings.transcription or {}).get("language"):
        agent["language"] = language
    tts: dict[str, Any] = {}
    if not isinstance(settings.voice, str):
        tts["voice_id"] = settings.voice["id"]
    if settings.speed is not None:
        tts["speed"] = settings.speed
    return {name: part for name, part in (("agent", agent), ("tts", tts)) if part}


def variables(call: CallIdentity) -> dict[str, str]:
    """What the agent's texts may refer to, as `{{caller}}`. The user's own go before ours."""
    own = {
        "call_id": call.call_id,
        "caller": call.from_number,
        "called": call.to_number,
        "direction": call.direction,
    }
    return {**own, **call.parameters}


def address(settings: EngineSettings) -> str:
    """Of the agent, if it is public."""
    return _with_agent(settings.url or ADDRESS, settings.agent_id)


def signing_address(settings: EngineSettings) -> str:
    """Of the service that gives out the address of an agent which is not."""
    url = _with_agent(settings.url or ADDRESS, settings.agent_id)
    parts = urlsplit(url)
    scheme = "http" if parts.scheme == "ws" else "https"
    path = parts.path.rstrip("/") + "/get-signed-url"
    return urlunsplit(parts._replace(scheme=scheme, path=path))


def _with_agent(url: str, agent_id: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # not an address: connecting says so
    if not agent_id or "agent_id" in dict(parse_qsl(parts.query)):
        return url
    query = "&".join(filter(None, (parts.query, urlencode({"agent_id": agent_id}))))
    return urlunsplit(parts._replace(query=query))
