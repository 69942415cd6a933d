"""Contradictions of supervisors: an account that places no calls, a key for two things."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.values.problems import KeyPath

_KEYS = ("listen_key", "whisper_key", "barge_key", "takeover_key")


def supervise(config: Config) -> Iterator[Finding]:
    section = config.supervise
    placing = [one.name for one in config.accounts]
    placing += [one.name for one in config.trunks if one.every_server]
    if section.account and section.account not in placing:
        yield Finding(
            (("supervise", "account"),),
            f"{section.account!r} is no account, and no trunk with a server: no call can be placed "
            "by it",
            f'"{placing[0]}"' if placing else '"", or add [[accounts]] or [[trunks]]',
        )
    yield from _codes(config)
    seen: dict[str, KeyPath] = {}
    for name in _KEYS:
        key, path = getattr(section, name), ("supervise", name)
        if key and (first := seen.setdefault(key, path)) != path:
            yield Finding((path, first), f"is the key of {first[1]}, too", '"", or another key')


def _codes(config: Config) -> Iterator[Finding]:
    known = [one.name for one in config.accounts] + [one.name for one in config.trunks]
    for name, prefix, listed in (
        ("supervise", config.supervise.prefix, config.supervise.accounts),
        ("park", config.park.prefix, config.park.accounts),
    ):
        accounts: KeyPath = (name, "accounts")
        if prefix and not listed:
            yield Finding(
                (accounts, (name, "prefix")),
                "is empty: the code can be dialled from nowhere",
                f'["{known[0]}"]' if known else "add [[accounts]] or [[trunks]]",
            )
        for one in listed:
            if one not in known:
                there = ", ".join(f'"{other}"' for other in known)
                fix = there or "add [[accounts]] or [[trunks]]"
                yield Finding((accounts,), f'there is no account or trunk "{one}"', fix)
    prefixes = config.supervise.prefix, config.park.prefix
    if all(prefixes) and (
        prefixes[0].startswith(prefixes[1]) or prefixes[1].startswith(prefixes[0])
    ):
        yield Finding(
            (("park", "prefix"), ("supervise", "prefix")),
            f'"{prefixes[1]}" and supervise.prefix "{prefixes[0]}" cannot be told apart',
            "another code",
        )
