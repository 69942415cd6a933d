"""The paths of the local agent's server, one for each protocol, and the key to them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from websockets.http11 import Request
from websockets.typing import Subprotocol

from sipua.bridge.engines.twilio_stream import signature

REALTIME: Final = "/v1/realtime"
"""In the dialect that `?dialect=` names."""
LIVE: Final = "/v1/live/sessions"
GEMINI: Final = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
STREAM: Final = "/twilio/stream"
CHANNEL: Final = "/asterisk/media"
DEEPGRAM: Final = "/v1/agent/converse"
ELEVENLABS: Final = "/v1/convai/conversation"
SIGNED: Final = f"{ELEVENLABS}/get-signed-url"
"""No websocket: where the address of an agent that is not public is given out."""
ALL: Final = (REALTIME, LIVE, GEMINI, STREAM, CHANNEL, DEEPGRAM, ELEVENLABS)
_WITH_QUERY: Final = (REALTIME, CHANNEL, ELEVENLABS, SIGNED)
"""The model and the dialect; what an edge or an Asterisk tells of the call; the agent."""

_SIGNATURE: Final = "conversation_signature"

_SUBPROTOCOL: Final = Subprotocol("media")
"""Of chan_websocket; no other protocol here has one."""

_KEY_HEADERS: Final = ("api-key", "x-goog-api-key", "xi-api-key")

_SAID: Final[Mapping[str, tuple[str, str]]] = {
    "url": (REALTIME, "Local agent"),
    "live_url": (LIVE, "As OpenAI Live"),
    "gemini_url": (GEMINI, "As Gemini Live"),
    "stream_url": (STREAM, "Behind Twilio's Media Streams"),
    "channel_url": (CHANNEL, "Behind Asterisk's chan_websocket"),
    "deepgram_url": (DEEPGRAM, "As Deepgram's Voice Agent"),
    "elevenlabs_url": (ELEVENLABS, "As an agent of ElevenLabs"),
}


def addresses(url: str) -> dict[str, str]:
    """All, by their names for programs. `url`: the first one's."""
    base = url.removesuffix(REALTIME)
    return {name: base + path for name, (path, _) in _SAID.items()}


def in_words(url: str) -> str:
    known = addresses(url)
    return "\n".join(f"{words}: {known[name]}" for name, (_, words) in _SAID.items())


def has_key(request: Request, key: str) -> bool:
    """In the header of any vendor; as Twilio's signature, or in the address, where that is the
    protocol."""
    headers, address = request.headers, urlsplit(request.path)
    if address.path == STREAM:
        url = f"ws://{headers.get('Host', '')}{request.path}"
        given, wanted = headers.get(signature.HEADER, ""), signature.signature(key, url)
    elif address.path == ELEVENLABS:
        given = parse_qs(address.query).get(_SIGNATURE, [""])[0]
        wanted = _signature(address, key)
    else:
        keys = [value for name in _KEY_HEADERS for value in headers.get_all(name)]
        scheme = "Token" if address.path == DEEPGRAM else "Bearer"
        given = ", ".join(headers.get_all("Authorization")) or f"{scheme} {', '.join(keys)}"
        wanted = f"{scheme} {key}"
    return hmac.compare_digest(given.encode(), wanted.encode())


def signed(request: Request, address: SplitResult, key: str) -> dict[str, str]:
    """The address of the agent that is asked for, for who has the key."""
    query = urlencode({"agent_id": agent(address), _SIGNATURE: _signature(address, key)})
    return {"signed_url": f"ws://{request.headers.get('Host', '')}{ELEVENLABS}?{query}"}


def takes(address: SplitResult) -> bool:
    """Its query, if it has one."""
    return not address.query or address.path in _WITH_QUERY


def dialect(address: SplitResult) -> str:
    if address.path != REALTIME:
        return "ga"
    return parse_qs(address.query).get("dialect", ["ga"])[0]


def subprotocol(connection: object, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return _SUBPROTOCOL if _SUBPROTOCOL in offered else None


def agent(address: SplitResult) -> str:
    """Which one of ElevenLabs is asked for."""
    return parse_qs(address.query).get("agent_id", [""])[0]


def _signature(address: SplitResult, key: str) -> str:
    """Good for this agent alone."""
    return f"cvtkn_{hmac.digest(key.encode(), agent(address).encode(), 'sha256').hex()}"
