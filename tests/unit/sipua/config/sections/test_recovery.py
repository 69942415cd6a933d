from __future__ import annotations

import pytest

from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.config import Config
from sipua.config.checks.recovery import recovery
from sipua.config.sections.recovery import RecoverySection
from sipua.edge.wiring import call as wiring_call


def findings(**keys: float) -> list[tuple[str, str]]:
    config = Config(recovery=RecoverySection(**keys))
    return [(str(finding.paths[0][-1]), finding.severity) for finding in recovery(config)]


def test_the_defaults_are_the_policys_and_contradict_nothing() -> None:
    assert wiring_call.dialogue_policy(Config()) == DialoguePolicy()
    assert findings() == []


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"backoff_s": 3.0}, ("backoff_max_s", "error")),
        ({"outage_s": 0.25}, ("outage_s", "error")),
        ({"rotate_after_s": 3550.0}, ("rotate_latest_s", "error")),
        ({"rotate_latest_s": 3600.0}, ("rotate_latest_s", "warning")),
        ({"filler_after_s": 8.0}, ("filler_after_s", "warning")),
    ],
)
def test_contradictions(keys: dict[str, float], found: tuple[str, str]) -> None:
    assert findings(**keys) == [found]


@pytest.mark.parametrize(
    "keys",
    [
        {"rotate_after_s": 0.0, "rotate_latest_s": 3600.0},
        {"silent_after_s": 0.0, "filler_after_s": 60.0},
    ],
)
def test_what_is_switched_off_contradicts_nothing(keys: dict[str, float]) -> None:
    assert findings(**keys) == []
