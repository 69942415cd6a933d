"""Why an Identity header is not believed, with the status that RFC 8224 6.2.2 has for it."""

from __future__ import annotations

from typing import Final

USE_IDENTITY: Final = 428
BAD_INFO: Final = 436
UNSUPPORTED_CREDENTIAL: Final = 437
INVALID_IDENTITY: Final = 438
FORBIDDEN: Final = 403

REASONS: Final = {
    USE_IDENTITY: "Use Identity Header",
    BAD_INFO: "Bad Identity Info",
    UNSUPPORTED_CREDENTIAL: "Unsupported Credential",
    INVALID_IDENTITY: "Invalid Identity Header",
}
STALE: Final = "Stale Date"
TOO_WEAK: Final = "Attestation Too Low"


class IdentityError(Exception):
    """It is not believed; `cause` is for people, and of our own words."""

    def __init__(self, status: int, cause: str, reason: str = "") -> None:
        super().__init__(cause)
        self.status = status
        self.reason = reason or REASONS[status]
        self.cause = cause
