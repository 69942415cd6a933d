"""The errors of Twilio's REST, as clients know them. Pure."""

from __future__ import annotations

import json
from typing import Final

BAD_TWIML: Final = 12_100
BAD_REQUEST: Final = 20_001
NO_CREDENTIALS: Final = 20_003
METHOD: Final = 20_004
FORBIDDEN: Final = 20_403
NOT_FOUND: Final = 20_404
TOO_MANY: Final = 20_429
INTERNAL: Final = 20_500
UNAVAILABLE: Final = 20_503
BAD_URL: Final = 21_205
BAD_TO: Final = 21_211
BAD_FROM: Final = 21_212
NOT_ALLOWED_TO_CALL: Final = 21_215
NO_APPLICATION: Final = 21_218
WRONG_STATE: Final = 21_220
BAD_CALLBACK: Final = 21_609


def body(code: int, status: int, message: str) -> bytes:
    told = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return json.dumps(told).encode()
