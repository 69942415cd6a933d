"""The closed lists that labels are made of: names of the configuration, words of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

from sipua.calls.steer import commands
from sipua.config import Config
from sipua.config.checks.routes import MAIN
from sipua.events.ending import By, Fault, Reason, Status

NONE: Final = "none"
"""No route, no fault."""
DIRECTIONS: Final = ("incoming", "outgoing")
STATUSES: Final = get_args(Status)
BY: Final = get_args(By)
FAULTS: Final = (*get_args(Fault), NONE)
REASONS: Final = tuple(reason.value for reason in Reason)
STAGES: Final = ("total", "endpointing", "model", "tools", "outage", "playout")
TOKENS: Final = (
    "audio_in",
    "audio_in_cached",
    "audio_out",
    "text_in",
    "text_in_cached",
    "text_out",
)
CODECS: Final = ("PCMU", "PCMA", "G722", "opus")
REFUSALS: Final = tuple(
    str(status) for status in (400, 403, 404, 408, 480, 482, 486, 488, 500, 503)
)
ACTS: Final = (
    "hang_up", "transfer", "press_keys", "hold", "mute", "say", "play", "inject", "set_metadata",
)  # fmt: skip
OUTCOMES: Final = get_args(commands.Status)


@dataclass(frozen=True)
class Names:
    """Of the configuration."""

    origins: tuple[str, ...]
    """Trunks and accounts."""
    accounts: tuple[str, ...]
    """Those that register."""
    routes: tuple[str, ...]
    engines: tuple[str, ...]


def names(config: Config) -> Names:
    accounts = tuple(account.name for account in config.accounts)
    return Names(
        origins=(*accounts, *(trunk.name for trunk in config.trunks)),
        accounts=accounts,
        routes=(*(route.name for route in config.routes), NONE),
        engines=(MAIN, *config.engines),
    )
