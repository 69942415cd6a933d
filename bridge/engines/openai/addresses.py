"""The vendor's addresses."""

from __future__ import annotations

from typing import Final

REALTIME: Final = "wss://api.openai.com/v1/realtime"
LIVE: Final = "wss://api.openai.com/v1/live/sessions"
