"""Contradictions of transfers: a name twice, a briefing that tells other keys than count."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.bridge.engines import ENGINES
from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.engine import EngineSection
from sipua.config.sections.transfer import DestinationSection, WarmSection
from sipua.config.values.problems import KeyPath

_TRANSFER: KeyPath = ("tools", "transfer")
_WARM: KeyPath = (*_TRANSFER, "warm")


def transfer(config: Config) -> Iterator[Finding]:
    yield from _targets(config)
    yield from _destinations(config)
    yield from _warm(config.tools.transfer.warm)
    yield from _agent(config)


def _targets(config: Config) -> Iterator[Finding]:
    tools = config.tools
    targets: KeyPath = (*_TRANSFER, "targets")
    names = tools.transfer.names
    if "transfer" in tools.builtin and not names:
        yield Finding(
            (targets, ("tools", "builtin")),
            "is empty: the tool has no target",
            'sales = "sip:201@192.0.2.10" under [tools.transfer.targets]',
        )
    elif names and "transfer" not in tools.builtin:
        yield Finding(
            (targets, ("tools", "builtin")),
            "is not used: the model has no tool named transfer",
            'builtin = ["hang_up", "transfer"] under [tools]',
            "warning",
        )
    placing = [one.name for one in config.accounts]
    placing += [one.name for one in config.trunks if one.proxy]
    account = tools.transfer.account
    if account and account not in placing:
        yield Finding(
            ((*_TRANSFER, "account"),),
            f"{account!r} is no account, and no trunk with a `proxy`: no call can be placed by it",
            f'"{placing[0]}"' if placing else '"", or add [[accounts]] or [[trunks]]',
        )


def _destinations(config: Config) -> Iterator[Finding]:
    seen: dict[str, KeyPath] = dict.fromkeys(config.tools.transfer.targets, (*_TRANSFER, "targets"))
    for index, one in enumerate(config.tools.transfer.destinations):
        here: KeyPath = (*_TRANSFER, "destinations", index)
        first = seen.setdefault(one.name, (*here, "name"))
        if first != (*here, "name"):
            yield Finding(
                ((*here, "name"), first),
                "is the name of another target",
                f'another name, such as "{one.name} 2"',
            )
        yield from _both(here, one, ("briefing",))


def _warm(warm: WarmSection) -> Iterator[Finding]:
    yield from _both(_WARM, warm, ("briefing", "keys", "gone"))
    if warm.accept_key == warm.decline_key:
        yield Finding(
            ((*_WARM, "decline_key"), (*_WARM, "accept_key")),
            "is the key that takes the call, too",
            '"2"' if warm.accept_key != "2" else '"1"',
        )
    told = warm.keys or warm.keys_file
    if not told and (warm.accept_key, warm.decline_key) != ("1", "2"):
        yield Finding(
            ((*_WARM, "keys"), (*_WARM, "accept_key"), (*_WARM, "decline_key")),
            "is empty: the built-in sentence tells the keys 1 and 2",
            f'"Press {warm.accept_key} to take the call, or {warm.decline_key} to decline it."',
        )


def _agent(config: Config) -> Iterator[Finding]:
    """An agent that briefs a target knows what has been written down."""
    transfer = config.tools.transfer
    by: list[tuple[KeyPath, str]] = [(_WARM, transfer.warm.briefing_by)]
    by += [
        ((*_TRANSFER, "destinations", index), one.briefing_by)
        for index, one in enumerate(transfer.destinations)
    ]
    here = next(((*at, "briefing_by") for at, who in by if who == "agent"), None)
    if here is None:
        return
    sections: list[tuple[KeyPath, EngineSection]] = [(("engine",), config.engine)]
    sections += [(("engines", name), engine) for name, engine in config.engines.items()]
    for at, engine in sections:
        kind = ENGINES[engine.type]
        writes = engine.transcription or "transcription" in kind.unused  # by itself, then
        if kind.needs_key and not writes:
            yield Finding(
                ((*at, "transcription"), here),
                "is empty: the agent that briefs a target does not know what the caller has said",
                'transcription = "gpt-transcribe"',
                "warning",
            )


def _both(
    here: KeyPath, section: WarmSection | DestinationSection, names: tuple[str, ...]
) -> Iterator[Finding]:
    for name in names:
        if getattr(section, name) and getattr(section, f"{name}_file"):
            yield Finding(
                ((*here, name), (*here, f"{name}_file")),
                f"stands beside {name}_file: the target can hear one of them",
                "remove one",
            )
