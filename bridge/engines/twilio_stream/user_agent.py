"""What Twilio's requests call themselves; some agents look at it."""

from __future__ import annotations

from typing import Final

USER_AGENT: Final = "TwilioProxy/1.1"
