"""The vendor's address."""

from __future__ import annotations

from typing import Final

ADDRESS: Final = "wss://api.elevenlabs.io/v1/convai/conversation"
