"""Sound before the answer: what the configuration takes, and what the callers of a trunk hear."""

from __future__ import annotations

from typing import Any

import pytest

from sipua.bridge.playout import sounds
from sipua.config import Config
from sipua.config.checks.protocol import protocol
from sipua.edge.wiring import accounts
from sipua.edge.wiring import call as wiring_call


def config(**keys: Any) -> Config:
    trunk = {"name": "carrier", "hosts": ("192.0.2.10",), **keys}
    return Config.model_validate({"trunks": (trunk, {"name": "other", "hosts": ("192.0.2.11",)})})


@pytest.mark.parametrize(
    ("keys", "keys_found"),
    [
        ({}, []),
        ({"early_media": True}, []),
        ({"early_media": True, "ringing_tone": "us"}, []),
        ({"early_media": True, "early_media_sound": "sorry"}, []),
        ({"ringing_tone": "us"}, ["ringing_tone"]),
        ({"early_media_sound": "sorry"}, ["early_media_sound"]),
        (
            {"early_media": True, "early_media_sound": "sorry", "ringing_tone": "us"},
            ["ringing_tone"],
        ),
    ],
)
def test_keys_without_effect_are_told(keys: dict[str, Any], keys_found: list[str]) -> None:
    found = list(protocol(config(**keys)))
    assert [str(one.paths[0][-1]) for one in found] == keys_found
    assert {one.severity for one in found} <= {"warning"}


@pytest.mark.parametrize(
    ("keys", "sound"),
    [
        ({}, sounds.ringing("eu")),
        ({"ringing_tone": "jp"}, sounds.ringing("jp")),
        ({"early_media_sound": "sorry"}, sounds.prompt("sorry")),
    ],
)
def test_what_the_callers_of_a_trunk_hear(keys: dict[str, Any], sound: object) -> None:
    given = config(early_media=True, **keys)
    heard = wiring_call.early_media(given)
    assert list(heard) == ["carrier"]
    assert heard["carrier"] is sound
    assert [one.early_media for one in accounts.accounts(given) if one.name == "carrier"] == [True]
