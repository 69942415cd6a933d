"""Users of trunks: each has a name of its own and a password, and the trunk's calls come in."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.trunks import TrunkSection
from sipua.config.values.problems import KeyPath


def users(config: Config) -> Iterator[Finding]:
    for index, trunk in enumerate(config.trunks):
        yield from _of_trunk(("trunks", index), trunk)


def _of_trunk(at: KeyPath, trunk: TrunkSection) -> Iterator[Finding]:
    if trunk.users and not trunk.calls_in:
        yield Finding(
            ((*at, "hosts"), at),  # not `users`: a value is shown, with its passwords
            "is missing: `users` are for calls that come in, and no address of it is known",
            'hosts = ["203.0.113.10"], the addresses that it calls from',
        )
    seen: dict[str, KeyPath] = {}
    for place, one in enumerate(trunk.users):
        user: KeyPath = (*at, "users", place, "user")
        first = seen.setdefault(one.user, user)
        if first is not user:
            yield Finding((user, first), f'"{one.user}" is there twice', "remove one of them")
        if not one.password.get_secret_value():
            file: KeyPath = (*at, "users", place, "password_file")
            yield Finding(
                (file, user),
                "is missing: a user without a password proves nothing",
                f'password_file = "/etc/sipua/{one.user}.secret" (environment: '
                f"SIPUA_TRUNKS__{at[1]}__USERS__{place}__PASSWORD_FILE)",
            )
