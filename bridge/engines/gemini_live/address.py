"""The vendor's address."""

from __future__ import annotations

from typing import Final

ADDRESS: Final = (
    "wss://generativelanguage.googleapis.com/ws/"
    "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
)
