"""The paths of the local agent's server, one for each protocol, and the key to them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import SplitResult, parse_qs

from websockets.http11 import Request
from websockets.typing import Subprotocol

from sipua.bridge.engines.twilio_stream import signature

REALTIME: Final = "/v1/realtime"
"""In the dialect that `?dialect=` names."""
LIVE: Final = "/v1/live/sessions"
GEMINI: Final = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
STREAM: Final = "/twilio/stream"
CHANNEL: Final = "/asterisk/media"
ALL: Final = (REALTIME, LIVE, GEMINI, STREAM, CHANNEL)
_WITH_QUERY: Final = (REALTIME, CHANNEL)
"""The model and the dialect; what an edge or an Asterisk tells of the call."""

_SUBPROTOCOL: Final = Subprotocol("media")
"""Of chan_websocket; no other protocol here has one."""

_SAID: Final[Mapping[str, tuple[str, str]]] = {
    "url": (REALTIME, "Local agent"),
    "live_url": (LIVE, "As OpenAI Live"),
    "gemini_url": (GEMINI, "As Gemini Live"),
    "stream_url": (STREAM, "Behind Twilio's Media Streams"),
    "channel_url": (CHANNEL, "Behind Asterisk's chan_websocket"),
}


def addresses(url: str) -> dict[str, str]:
    """All, by their names for programs. `url`: the first one's."""
    base = url.removesuffix(REALTIME)
    return {name: base + path for name, (path, _) in _SAID.items()}


def in_words(url: str) -> str:
    known = addresses(url)
    return "\n".join(f"{words}: {known[name]}" for name, (_, words) in _SAID.items())


def has_key(request: Request, key: str) -> bool:
    """In the header of any vendor; as Twilio's signature where that is the protocol."""
    headers = request.headers
    if request.path == STREAM:
        url = f"ws://{headers.get('Host', '')}{request.path}"
        given, wanted = headers.get(signature.HEADER, ""), signature.signature(key, url)
    else:
        keys = [*headers.get_all("api-key"), *headers.get_all("x-goog-api-key")]
        given, wanted = ", ".join(headers.get_all("Authorization")) or _bearer(keys), _bearer([key])
    return hmac.compare_digest(given.encode(), wanted.encode())


def takes(address: SplitResult) -> bool:
    """Its query, if it has one."""
    return not address.query or address.path in _WITH_QUERY


def dialect(address: SplitResult) -> str:
    if address.path != REALTIME:
        return "ga"
    return parse_qs(address.query).get("dialect", ["ga"])[0]


def subprotocol(connection: object, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return _SUBPROTOCOL if _SUBPROTOCOL in offered else None


def _bearer(keys: list[str]) -> str:
    return f"Bearer {', '.join(keys)}"
