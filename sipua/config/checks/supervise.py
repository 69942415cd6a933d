"""Contradictions of supervisors, and of all codes that are dialled: an account that places no
calls, a key for two things, codes that begin alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.values.problems import KeyPath

MEMBER_CODES = ("sign_in_code", "sign_out_code", "pause_code")
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
    codes = [
        (("supervise", "prefix"), config.supervise.prefix),
        (("park", "prefix"), config.park.prefix),
        *((("queue_members", key), getattr(config.queue_members, key)) for key in MEMBER_CODES),
    ]
    given = [(path, code) for path, code in codes if code]
    for section, first in {path[0]: path for path, _ in reversed(given)}.items():
        listed, accounts = getattr(config, section).accounts, (section, "accounts")
        if not listed:
            yield Finding(
                (accounts, first),
                "is empty: the code can be dialled from nowhere",
                f'["{known[0]}"]' if known else "add [[accounts]] or [[trunks]]",
            )
    for section in ("supervise", "park", "queue_members"):
        for one in getattr(config, section).accounts:
            if one not in known:
                there = ", ".join(f'"{other}"' for other in known)
                fix = there or "add [[accounts]] or [[trunks]]"
                yield Finding(
                    ((section, "accounts"),), f'there is no account or trunk "{one}"', fix
                )
    for (before, one), (path, other) in itertools.combinations(given, 2):
        if one.startswith(other) or other.startswith(one):
            yield Finding(
                (path, before),
                f'"{other}" and {".".join(before)} "{one}" cannot be told apart',
                "another code",
            )
