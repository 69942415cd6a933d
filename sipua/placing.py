"""What a single call of ours needs, whoever places it: `sipua call` or `sipua outbound`."""

from __future__ import annotations

import dataclasses

from sipua import doctor, wiring
from sipua.config import Config
from sipua.config.uri import UriError, parse_server
from sipua.sip.settings import SipSettings


class RequestError(Exception):
    """The call that was asked for cannot be placed; the text says what to write instead."""


def check_uri(uri: str) -> None:
    """A server's URI, with or without a user before it."""
    form = "write it as sip:USER@HOST:PORT, perhaps with ;transport=tcp"
    user, at, server = uri.rpartition("@")
    try:
        parse_server(f"{user.partition(':')[0]}:{server}" if at else uri)
    except UriError as error:
        raise RequestError(f"{uri}: {error.what}; {form}") from None


def check_account(config: Config, name: str) -> None:
    usable = [account.name for account in config.accounts]
    usable += [trunk.name for trunk in config.trunks if trunk.proxy]
    if not name or name in usable:
        return
    if any(trunk.name == name for trunk in config.trunks):
        raise RequestError(f"trunk {name} has no `proxy`: our own calls cannot go out by it")
    there = ", ".join(usable) or "none in this configuration (--config FILE)"
    raise RequestError(f"there is no account or trunk {name!r}; there is: {there}")


def sip_settings(config: Config, account: str, *, log_messages: bool) -> SipSettings:
    """The edge's own, except for what would disturb an edge that runs with the same file."""
    settings = wiring.sip_settings(config, max_calls=doctor.build_info().max_calls)
    chosen = (known for known in settings.accounts if known.name == account)
    return dataclasses.replace(
        settings,
        port=0,  # the edge may hold the configured one
        accounts=tuple(dataclasses.replace(known, registers=False) for known in chosen),
        log_messages=log_messages,
    )
