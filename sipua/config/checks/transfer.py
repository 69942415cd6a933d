"""Contradictions of transfers: a name twice, a briefing that tells other keys than count."""

from __future__ import annotations

from collections.abc import Iterator

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
    yield from _heard(config)


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


def _heard(config: Config) -> Iterator[Finding]:
    """What has to be written down: for an agent what the caller said, for words those of a
    target."""
    transfer = config.tools.transfer
    warm, destinations = transfer.warm, transfer.destinations
    by_agent = by_word = None
    for at, by, accept in (
        (_WARM, warm.briefing_by, warm.accept),
        *(
            (
                (*_TRANSFER, "destinations", index),
                one.briefing_by or warm.briefing_by,
                one.accept or warm.accept,
            )
            for index, one in enumerate(destinations)
        ),
    ):
        if by == "agent" and accept == "word":
            yield Finding(
                ((*at, "accept"), (*at, "briefing_by")),
                "is not used: an agent understands by itself that a target takes the call",
                'accept = "key", which has keys count beside it',
            )
        elif by == "agent":
            by_agent = by_agent or (*at, "briefing_by")
        elif accept == "word":
            by_word = by_word or (*at, "accept")
    if by_word and not (warm.keys or warm.keys_file):
        yield Finding(
            ((*_WARM, "keys"), by_word),
            "is empty: the built-in sentence tells keys and no words",
            '"Say yes or press 1 to take the call; say no or press 2 to decline it."',
        )
    sections: list[tuple[KeyPath, EngineSection]] = [(("engine",), config.engine)]
    sections += [(("engines", name), engine) for name, engine in config.engines.items()]
    for path, engine in sections:
        kind = engine.kind
        if by_word and (kind.transcribes or engine.turn_detection.type == "none"):
            yield Finding(
                ((*path, "type"), by_word),
                "cannot write down what a target says without answering it",
                'accept = "key", or briefing_by = "agent"; or an engine of the type '
                "openai_realtime with turn detection",
            )
        elif by_word and not engine.transcription:
            yield Finding(
                ((*path, "transcription"), by_word),
                "is empty: the words of a target are not written down",
                'transcription = "gpt-transcribe"',
            )
        elif by_agent and kind.has_own_task:
            yield Finding(
                ((*path, "type"), by_agent),
                "cannot brief a target: its agent has a task of its own, and would talk with the "
                "target as with a caller",
                'briefing_by = "text"',
                "error" if all(one.kind.has_own_task for _, one in sections) else "warning",
            )
        elif by_agent and kind.needs_key and not (engine.transcription or kind.transcribes):
            yield Finding(
                ((*path, "transcription"), by_agent),
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
