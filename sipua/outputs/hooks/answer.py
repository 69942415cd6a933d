"""What a receiver's answer means. Pure.

Standard Webhooks 1.0: only 2xx is success, a redirect is none; 410 says "never again"; 429, 502 and
504 ask for less at once, and `Retry-After` for a pause.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

LONGEST_RETRY_AFTER_S: Final = 86_400.0
_SLOW_DOWN: Final = frozenset(
    {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 0
    """0: none came."""
    cause: str = ""
    """Why it is no success, without the address, which may hold a key."""
    retry_after_s: float | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == HTTPStatus.GONE

    @property
    def slow_down(self) -> bool:
        return self.status in _SLOW_DOWN or self.retry_after_s is not None


def of_status(status: int, retry_after: str, now_s: float) -> Answer:
    """`now_s`: unix time, for a `Retry-After` that is a date."""
    if 200 <= status < 300:
        return Answer(status)
    cause = f"answered {status}"
    if 300 <= status < 400:
        cause += ": redirects are not followed"
    return Answer(status, cause, retry_after_s(retry_after, now_s))


def retry_after_s(text: str, now_s: float) -> float | None:
    """Seconds, or a date as HTTP has it. None: neither, or over by now."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        wait_s = float(text) if len(text) < 10 else LONGEST_RETRY_AFTER_S
    else:
        try:
            date = parsedate_to_datetime(text)
            wait_s = date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now_s
        except (ValueError, OverflowError, TypeError):
            return None
    return min(wait_s, LONGEST_RETRY_AFTER_S) if wait_s > 0 else None
