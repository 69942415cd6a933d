"""Why there is no session with an engine, in words that hold no secret.

The call decides by `kind` and `retryable`: a wrong key is wrong the second time too, a full
server may not be.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

ErrorKind: TypeAlias = Literal[
    "dns",
    "key",
    "refused",
    "timeout",
    "tls",
    "unauthorized",
    "forbidden",
    "rate_limited",
    "server",
    "protocol",
]

_RETRYABLE: Final = frozenset({"dns", "key", "refused", "timeout", "rate_limited", "server"})


class EngineConnectError(Exception):
    """No session with the engine. `retryable`: the same attempt may succeed later."""

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s
        self.code = code

    @property
    def retryable(self) -> bool:
        return self.kind in _RETRYABLE

    def fields(self) -> dict[str, object]:
        """For a log line."""
        return {
            "kind": self.kind,
            "status": self.status,
            "code": self.code,
            "message": self.message,
        }
