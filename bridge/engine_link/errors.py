"""What a peer says, and how it ends, in words that hold no secret."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from sipua.bridge.engine_api.errors import EngineConnectError, ErrorKind
from sipua.rtp.hostport import bracketed

# Worth a new connection: the server goes away or restarts, the network broke.
_RETRYABLE_CODES: Final = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015})

# Some servers accept any upgrade and complain about the key, or the load, in the first event.
_FAULT_KINDS: Final[Mapping[str, ErrorKind]] = {
    "invalid_api_key": "unauthorized",
    "authentication_error": "unauthorized",
    "permission_denied": "forbidden",
    "insufficient_quota": "rate_limited",
    "rate_limit_exceeded": "rate_limited",
    "server_error": "server",
    "INTERNAL_SERVER_ERROR": "server",
    "FAILED_TO_START_LISTENING": "server",
    "ASR_CONNECTION_CLOSED": "server",
    "ASR_DRIVER_TIMEOUT": "server",
}

_TEXT_CHARS: Final = 300
_SHORTEST_SECRET: Final = 6
_PUBLIC_PARAMETERS: Final = frozenset({"model", "api-version", "deployment", "intent"})


@dataclass(frozen=True, slots=True)
class EngineClosed:
    """The end of a websocket. `by_us`: the peer broke the protocol and we hung up."""

    code: int
    reason: str
    by_us: bool = False

    @property
    def retryable(self) -> bool:
        return self.by_us or self.code in _RETRYABLE_CODES


class Scrubber:
    """Removes what authenticates us from texts that others wrote (they like to quote it)."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        try:
            parts = urlsplit(url)
            query = parse_qsl(parts.query)
            values = [value for name, value in query if name not in _PUBLIC_PARAMETERS]
            values += [parts.password or ""]
        except ValueError:  # not an address: any part of it may be secret
            values = [url]
        for value in headers.values():
            values += [value, value.rpartition(" ")[2]]
        secrets = sorted({v for v in values if len(v) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, secrets))) if secrets else None

    def __call__(self, text: str) -> str:
        clean = self._pattern.sub("***", text) if self._pattern else text
        return "".join(c if c.isprintable() else " " for c in clean[:_TEXT_CHARS])


def kind_of_fault(code: str) -> ErrorKind:
    """Of the code of an engine's event, before its session was ready."""
    return _FAULT_KINDS.get(code, "protocol")


def address(url: str) -> str:
    """The part of an address that may be shown: no user, no password, no query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or "?"
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "?"
    return f"{parts.scheme}://{bracketed(host)}{port}{parts.path}"


def closed_at_once(where: str, closed: EngineClosed, reason: str) -> EngineConnectError:
    """The connection was there, and ended before the session was. `reason`: scrubbed."""
    kind: ErrorKind = "server" if closed.retryable else "protocol"
    return EngineConnectError(
        kind, f"{where} closed the connection: {closed.code} {reason}".rstrip()
    )


def refused_upgrade(
    where: str,
    scrub: Scrubber,
    *,
    status: int,
    phrase: str,
    headers: Mapping[str, str],
    body: bytes,
) -> EngineConnectError:
    """What an HTTP answer other than 101 means."""
    kinds: dict[int, ErrorKind] = {401: "unauthorized", 403: "forbidden", 429: "rate_limited"}
    kind = kinds.get(status, "server" if status >= 500 else "protocol")
    code, said = _error_body(body)
    text = f"{where} answered {status} {phrase}"
    return EngineConnectError(
        kind,
        scrub(f"{text}: {said}" if said else text),
        status=status,
        retry_after_s=_retry_after_s(headers),
        code=scrub(code) if code else None,
    )


def _error_body(body: bytes) -> tuple[str, str]:
    """Code and message of the vendor's JSON error, if the body is one."""
    try:
        error: Any = json.loads(body)["error"]
        return str(error.get("code") or ""), str(error.get("message") or "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", ""


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    fields = {name.lower(): value for name, value in headers.items()}
    value = fields.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            # Both are the server's clock, so that ours does not matter.
            until = parsedate_to_datetime(value) - parsedate_to_datetime(fields["date"])
        except (ValueError, LookupError, TypeError):
            return None
        seconds = until.total_seconds()
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
