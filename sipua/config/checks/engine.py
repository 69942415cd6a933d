"""Contradictions between the keys of an engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from sipua.bridge.engines.openai.retirements import RETIREMENTS
from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.engine import EngineSection, is_local
from sipua.config.values.problems import KeyPath
from sipua.config.values.section import Section

_KEY_HEADERS = {"authorization", "api-key", "x-goog-api-key"}

# Where a dialect's servers are, for those that each have a host of their own.
_ADDRESSES = {
    "azure_voice_live": "wss://RESOURCE.services.ai.azure.com/voice-live/realtime"
    "?api-version=2026-07-15",
    "beta": "ws://127.0.0.1:8000/v1/realtime",
}
# In a query: the model, or an agent that brings one.
_NAME_MODELS = {"model", "agent-id", "agent_id", "agent-name"}

_AZURE = ("azure_semantic_vad", "azure_semantic_vad_multilingual")

# Which kinds of turn detection a key belongs to; the other keys belong to both.
_BELONGS_TO = {
    "threshold": ("server_vad", *_AZURE),
    "prefix_padding_ms": ("server_vad", *_AZURE),
    "silence_duration_ms": ("server_vad", *_AZURE),
    "idle_timeout_ms": ("server_vad",),
    "eagerness": ("semantic_vad",),
    "remove_filler_words": _AZURE,
}


def engines(config: Config) -> Iterator[Finding]:
    yield from check(config.engine, ("engine",), config)
    for name, engine in config.engines.items():
        yield from check(engine, ("engines", name), config)


def check(engine: EngineSection, at: KeyPath, config: Config) -> Iterator[Finding]:
    """Check one engine; `at`: the path of its section."""
    if engine.kind.needs_key:
        yield from _key(engine, at)
        yield from _retired(engine, at)
    yield from _dialect(engine, at)
    yield from _command(engine, at)
    yield from _address(engine, at)
    yield from _signature(engine, at)
    yield from _audio(engine, at)
    yield from _unencrypted(engine, at)
    yield from _turns(engine, at)
    yield from _tool_choice(engine, at, config)
    yield from _idle(engine, at)
    yield from _unused(engine, at)
    yield from _servers(engine, at, config)
    yield from _spares(engine, at, config)


def _key(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    if "api_key_env" not in engine.model_fields_set and is_local(engine.type, engine.url):
        return
    brings_own = _KEY_HEADERS & {name.lower() for name in engine.headers}
    given = engine.api_key.get_secret_value() or engine.api_key_command
    variable = engine.key_variable
    if given or brings_own or not variable:
        return
    yield Finding(
        tuple((*at, name) for name in ("api_key", "api_key_env", "api_key_file", "headers")),
        f"{_speech(engine)} needs a key; the environment variable {variable} is not set",
        f"export {variable}=..., or api_key_file = "
        f'"/etc/sipua/{variable.partition("_")[0].lower()}.key" under [{_name(at)}]\n'
        f"(environment: SIPUA_{'__'.join(map(str, at)).upper()}__API_KEY_FILE); "
        'api_key_env = "" for a server without keys',
    )


def _speech(engine: EngineSection) -> str:
    """What its server speaks, by its name in the configuration."""
    return engine.type if engine.dialect == "ga" else f"{engine.type} ({engine.dialect})"


def _address(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    """Find what is missing where each customer has an address and models of his own."""
    if not (engine.url or engine.kind.url or engine.kind.local):
        example = _ADDRESSES.get(engine.dialect, "wss://agent.example/stream")
        yield Finding(
            ((*at, "url"), (*at, "type"), (*at, "dialect")),
            f"is needed: {_speech(engine)} has no address that is the same for all",
            f'url = "{example}"',
        )
    if engine.type == "elevenlabs_agent" and not (engine.agent_id or "agent_id=" in engine.url):
        yield Finding(
            ((*at, "agent_id"), (*at, "type")),
            "is empty: the vendor has an agent for each purpose",
            'agent_id = "agent_…", as it is listed there',
        )
    spoken = engine.kind.dialects.get(engine.dialect)
    named = {name for name, _ in parse_qsl(urlsplit(engine.url).query)}
    needs_model = spoken is not None and spoken.needs_model and engine.kind.needs_key
    if needs_model and not engine.model and not _NAME_MODELS & named:
        yield Finding(
            ((*at, "model"), (*at, "dialect")),
            f"is needed: {_speech(engine)} has no usual one",
            'model = "gpt-realtime-2.1", or another one of your resource; or an agent in `url`',
        )


def _retired(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    """Find models that their vendor ends."""
    host = urlsplit(engine.url or engine.kind.url).hostname or ""
    if not f".{host}".endswith(".openai.com"):
        return
    for name in ("model", "transcription"):
        if ending := RETIREMENTS.get(getattr(engine, name)):
            yield Finding(
                ((*at, name),),
                f"OpenAI ends this model on {ending.date}",
                f'{name} = "{ending.successor}"',
                "warning",
            )


def _dialect(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    """Find values that a dialect does not have."""
    spoken = engine.kind.dialects.get(engine.dialect)
    if spoken is None:
        return
    speech = _speech(engine)
    if engine.turn_detection.type not in spoken.turns:
        yield Finding(
            ((*at, "turn_detection", "type"), (*at, "dialect")),
            f"{speech} has no {engine.turn_detection.type}",
            f"one of {', '.join(sorted(spoken.turns))}",
        )
    if engine.noise_reduction.startswith("azure") and engine.dialect != "azure_voice_live":
        yield Finding(
            ((*at, "noise_reduction"), (*at, "dialect")),
            f"{speech} has no {engine.noise_reduction}",
            "near_field, far_field, or none",
        )


def _command(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    words, where = engine.api_key_command, (*at, "api_key_command")
    if not words:
        if "api_key_command_s" in engine.model_fields_set:
            yield Finding(
                ((*at, "api_key_command_s"), where),
                "does nothing without `api_key_command`",
                "leave it out",
                "warning",
            )
        return
    if engine.api_key.get_secret_value():
        yield Finding((where, (*at, "api_key")), "cannot be set together with a key", "keep one")
    elif _KEY_HEADERS & {name.lower() for name in engine.headers}:
        yield Finding(
            (where, (*at, "headers")), "does nothing: `headers` brings a key", "keep one of them"
        )
    if engine.kind.local and not engine.url:
        yield Finding((where, (*at, "type")), "the embedded agent needs no key", "leave it out")
    elif not os.access(words[0], os.X_OK) or not Path(words[0]).is_file():
        yield Finding(
            (where,),
            f"{words[0]} is no program that this user (uid {os.geteuid()}) can run",
            f"correct the path, or chmod 755 {words[0]}",
        )
    if engine.spare_sessions:
        yield Finding(
            ((*at, "spare_sessions"), where),
            "does nothing: a spare connection would have the key of an earlier time",
            "leave it out",
            "warning",
        )


def _signature(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    if engine.status_url and not (engine.api_key.get_secret_value() or engine.api_key_command):
        yield Finding(
            ((*at, "status_url"), (*at, "api_key_file")),
            "gets requests without a signature: there is no auth token",
            'api_key_file = "/etc/sipua/twilio.token"',
            "warning",
        )


def _audio(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    taken = engine.kind.formats
    if engine.audio and engine.audio not in taken and "audio" not in engine.kind.unused:
        yield Finding(
            ((*at, "audio"), (*at, "type"), (*at, "dialect")),
            f"{_speech(engine)} does not take {engine.audio}",
            f"one of {', '.join(sorted(taken))}; or leave the key out",
        )


def _unencrypted(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    url = urlsplit(engine.url)
    if url.scheme == "ws" and url.hostname not in ("localhost", "127.0.0.1"):
        yield Finding(
            ((*at, "url"),),
            "key and conversation cross the network unencrypted",
            f"wss://{url.netloc}{url.path}",
            "warning",
        )


def _turns(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    turn = engine.turn_detection
    where = (*at, "turn_detection")
    for name, kinds in _BELONGS_TO.items():
        if name in turn.model_fields_set and turn.type not in kinds:
            yield Finding(
                ((*where, name), (*where, "type"), where),
                f"works with {' and '.join(kinds)} only",
                f'leave it out, or type = "{kinds[0]}"',
            )


def _tool_choice(engine: EngineSection, at: KeyPath, config: Config) -> Iterator[Finding]:
    choice, tools = engine.tool_choice, config.tools
    if choice in ("auto", "none", "required"):
        return
    names = {*tools.builtin, *(webhook.name for webhook in tools.webhooks)}
    servers = {f"mcp:{server.label}" for server in tools.mcp}
    if choice.partition("/")[0] in servers if choice.startswith("mcp:") else choice in names:
        return
    if tools.python and not choice.startswith("mcp:"):
        return  # names of functions are known when they are loaded
    known = ", ".join(sorted(names | servers)) or "none"
    yield Finding(
        ((*at, "tool_choice"), ("tools",)),
        f'"{choice}" is not a declared tool (declared: {known})',
        '"auto", or the name of one of them',
    )


def _idle(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    """Find keys that have no effect with the others."""
    if not engine.transcription and not engine.kind.transcribes:
        for name in ("transcription_language", "transcription_prompt"):
            if getattr(engine, name):
                yield Finding(
                    ((*at, name), (*at, "transcription")),
                    "does nothing without `transcription`",
                    'transcription = "gpt-transcribe"',
                    "warning",
                )
    if engine.voice_id and "voice" in engine.model_fields_set:
        yield Finding(
            ((*at, "voice"), (*at, "voice_id")), "is not used beside voice_id", "leave one out"
        )


def _unused(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    """Find keys that this kind of engine does not use."""
    for path in sorted(engine.kind.unused):
        *parts, name = path.split(".")
        section: Section = getattr(engine, parts[0]) if parts else engine
        value: object = getattr(section, name)
        if name in section.model_fields_set and value != type(section).model_fields[name].default:
            yield Finding(
                ((*at, *parts, name), (*at, "type")),
                f"does nothing: {_speech(engine)} has no such setting",
                "leave it out; docs/engines.md says what takes its place",
                "warning",
            )


def _servers(engine: EngineSection, at: KeyPath, config: Config) -> Iterator[Finding]:
    if config.tools.mcp and not engine.kind.mcp:
        yield Finding(
            (("tools", "mcp"), (*at, "type")),
            f"{engine.type} calls no MCP servers: it does not have their tools",
            "a webhook or a Python function in their place; docs/tools.md",
            "warning",
        )


def _spares(engine: EngineSection, at: KeyPath, config: Config) -> Iterator[Finding]:
    if not engine.spare_sessions:
        if "spare_max_age_s" in engine.model_fields_set:
            yield Finding(
                ((*at, "spare_max_age_s"), (*at, "spare_sessions")),
                "does nothing without `spare_sessions`",
                "spare_sessions = 2",
                "warning",
            )
        return
    if engine.kind.local and not engine.url:
        yield Finding(
            ((*at, "spare_sessions"), (*at, "type")),
            "does nothing: the embedded agent is told which call each connection is for",
            "leave it out, or set `url` to an agent of its own",
            "warning",
        )
    rotate_after_s = config.recovery.rotate_after_s
    if 0 < rotate_after_s <= engine.spare_max_age_s:
        yield Finding(
            ((*at, "spare_max_age_s"), (*at, "spare_sessions"), ("recovery", "rotate_after_s")),
            f"is not less than recovery.rotate_after_s = {rotate_after_s:g}: a session over an old "
            "connection would be replaced as soon as it began",
            f"less than {rotate_after_s:g}",
        )


def _name(at: KeyPath) -> str:
    return ".".join(map(str, at))
