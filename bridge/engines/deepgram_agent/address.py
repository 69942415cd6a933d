"""The vendor's address."""

from __future__ import annotations

from typing import Final

ADDRESS: Final = "wss://agent.deepgram.com/v1/agent/converse"
