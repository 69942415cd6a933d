"""Sounds, and a tool, of Live sessions in tests."""

from typing import Any

import numpy as np

from sipua.bridge.agent.speech.prompts import prompt
from support.engine.live_client import RATE_MS

GREETING = np.frombuffer(prompt("greeting").data, "<i2")
GREETING_MS = GREETING.size // RATE_MS
TOOL = {"type": "function", "name": "clock", "parameters": {"type": "object"}}
BACKEND = {"type": "responses", "responses": {"model": "gpt-6-luna", "tools": [TOOL]}}


def tone(ms: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    return (6000 * np.sin(np.arange(ms * RATE_MS) * 0.1)).astype(np.int16)


def loud(pcm: np.ndarray[Any, np.dtype[np.int16]]) -> bool:
    return bool(np.abs(pcm.astype(int)).max(initial=0) > 1000)
