"""From the configuration to the settings of supervisors, in a worker."""

from __future__ import annotations

from typing import Final

from sipua.bridge.playout import sounds
from sipua.calls.steer.commands import Mode
from sipua.calls.supervise.modes import SuperviseSettings
from sipua.codecs.pcm import Pcm
from sipua.config import Config

_MODES: Final[tuple[Mode, ...]] = ("listen", "whisper", "barge", "takeover")


def decode_sounds(config: Config) -> None:
    """Before there are calls. Raises SoundError."""
    if config.supervise.announcement:
        sounds.named(config.supervise.announcement)


def supervise_settings(config: Config, hold_sound: Pcm) -> SuperviseSettings:
    """Raises SoundError."""
    section = config.supervise
    placing = {one.name for one in config.accounts}
    placing |= {one.name for one in config.trunks if one.every_server}
    keys = {getattr(section, f"{mode}_key"): mode for mode in _MODES}
    return SuperviseSettings(
        account=section.account,
        placing=frozenset(placing),
        ring_s=section.ring_timeout_s,
        keys={key: mode for key, mode in keys.items() if key},
        announcement=sounds.named(section.announcement) if section.announcement else None,
        pin=section.pin.get_secret_value(),
        hold_sound=hold_sound,
    )
