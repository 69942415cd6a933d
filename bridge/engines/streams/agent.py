"""An agent that gets a call as telephony hands it on: audio, keys, and nothing to ask it by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sipua.bridge.engine_api.protocol import Capabilities
from sipua.bridge.engine_api.settings import AudioFormat, CallIdentity

KEYS: Final = frozenset("0123456789*#ABCD")
NO_CALL: Final = CallIdentity("")
TYPE_CHARS: Final = 64  # of an unknown message, which is the agent's to choose and ends in logs

DONE: Final = frozenset({1000, 1001, 1005})
"""How it closes when it is done with the call; any other end is one that it did not mean."""


def capabilities(formats: Iterable[AudioFormat]) -> Capabilities:
    return Capabilities(
        speech_events=False,
        truncate=False,
        cancel=False,
        tools=False,
        formats=frozenset(formats),
        inject=False,
        asks=False,
        barge_in=False,
        steady_input=True,
        digits=True,
    )
