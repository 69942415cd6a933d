"""Contradictions between the keys of an engine."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from sipua.bridge.engines import ENGINES
from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.engine import EngineSection, is_local
from sipua.config.values.problems import KeyPath

# Which kind of turn detection a key belongs to; the other keys belong to both.
_BELONGS_TO = {
    "threshold": "server_vad",
    "prefix_padding_ms": "server_vad",
    "silence_duration_ms": "server_vad",
    "idle_timeout_ms": "server_vad",
    "eagerness": "semantic_vad",
}


def engines(config: Config) -> Iterator[Finding]:
    yield from check(config.engine, ("engine",), config)
    for name, engine in config.engines.items():
        yield from check(engine, ("engines", name), config)


def check(engine: EngineSection, at: KeyPath, config: Config) -> Iterator[Finding]:
    """Check one engine; `at`: the path of its section."""
    if ENGINES[engine.type].needs_key:
        yield from _key(engine, at)
    yield from _unencrypted(engine, at)
    yield from _turns(engine, at)
    yield from _tool_choice(engine, at, config)
    yield from _idle(engine, at)
    yield from _unused(engine, at)
    yield from _spares(engine, at, config)


def _key(engine: EngineSection, at: KeyPath) -> Iterator[Finding]:
    if "api_key_env" not in engine.model_fields_set and is_local(engine.type, engine.url):
        return
    brings_own = {"authorization", "api-key"} & {name.lower() for name in engine.headers}
    if engine.api_key.get_secret_value() or brings_own or not engine.api_key_env:
        return
    yield Finding(
        tuple((*at, name) for name in ("api_key", "api_key_env", "api_key_file", "headers")),
        f"{engine.type} needs a key; the environment variable {engine.api_key_env} is not set",
        f"export {engine.api_key_env}=..., or api_key_file = "
        f'"/etc/sipua/openai.key" under [{_name(at)}]\n'
        f"(environment: SIPUA_{'__'.join(map(str, at)).upper()}__API_KEY_FILE); "
        'api_key_env = "" for a server without keys',
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
    for name, kind in _BELONGS_TO.items():
        if name in turn.model_fields_set and turn.type != kind:
            yield Finding(
                ((*where, name), (*where, "type"), where),
                f"works with {kind} only",
                f'leave it out, or type = "{kind}"',
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
    if not engine.transcription:
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
    for name in sorted(ENGINES[engine.type].unused & engine.model_fields_set):
        value: object = getattr(engine, name)
        if value != type(engine).model_fields[name].default:
            yield Finding(
                ((*at, name), (*at, "type")),
                f"does nothing: {engine.type} has no such setting",
                "leave it out; docs/engines.md says what takes its place",
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
    if ENGINES[engine.type].local and not engine.url:
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
