"""Targets of the configuration, with their sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sipua.bridge.playout import sounds
from sipua.calls.legs.targets import Asked, TransferSettings
from sipua.config.sections.config import Config
from sipua.edge.wiring.transfer import transfer_settings
from support.media import audio

HOLD = audio.tone(400, 100)


def settings(**keys: Any) -> TransferSettings:
    return transfer_settings(Config.model_validate({"tools": {"transfer": keys}}), HOLD)


def test_a_destination_has_its_own_and_the_rest_of_the_section(tmp_path: Path) -> None:
    file = tmp_path / "own.wav"
    audio.write_wav(file, audio.tone(500, 300), rate_hz=8000)
    made = settings(
        mode="dial",
        targets={"sales": "100"},
        destinations=(
            {
                "name": "support",
                "to": ("sip:201@192.0.2.10", "202"),
                "mode": "warm",
                "accept": "answer",
                "briefing_by": "model",
                "briefing_file": str(file),
            },
        ),
        warm={"accept_timeout_s": 7, "accept_key": "5", "keys_file": str(file)},
    )
    sales, support = made.destinations["sales"], made.destinations["support"]
    assert (sales.targets, sales.mode) == (("100",), "dial")
    assert (support.targets, support.mode) == (("sip:201@192.0.2.10", "202"), "warm")
    assert made.times.accept_s == 7
    assert support.warm is not None
    assert (support.warm.by, support.warm.by_key, support.warm.accept_key) == (
        *("model", False, "5"),
    )
    assert len(support.warm.briefing) == 2400
    assert sales.warm is not None
    assert np.array_equal(sales.warm.briefing, sounds.prompt("a-caller-waits"))
    assert made.destination(Asked("202", "support")) is support
    assert made.destination(Asked("sip:x@192.0.2.1")).targets == ("sip:x@192.0.2.1",)
    assert made.destination(Asked("sip:x@192.0.2.1", mode="warm")).warm is made.warm
