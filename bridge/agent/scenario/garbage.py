"""Messages that no server of the vendor would send: a client must survive them."""

from collections.abc import Callable
from functools import cache

from sipua.bridge.agent.scenario.scenario import GarbageKind

HUGE_BYTES = 16 << 20


class Binary(bytes):
    """A binary message: not text."""

    __slots__ = ()


@cache
def garbage(kind: GarbageKind) -> bytes:
    return _MAKERS[kind]()


def _delta(item: bytes, audio: bytes) -> bytes:
    return (
        b'{"type":"response.output_audio.delta","event_id":"event_garbage","response_id":'
        b'"resp_garbage","item_id":"%b","output_index":0,"content_index":0,"delta":"%b"}'
        % (item, audio)
    )


_MAKERS: dict[GarbageKind, Callable[[], bytes]] = {
    "json": lambda: b'{"type":"response.output_audio.delta","delta":',
    "event": lambda: b'{"type":"response.thoughts.delta","event_id":"event_garbage","depth":42}',
    "base64": lambda: _delta(b"item_garbage", b"@@no*base64@@"),
    "binary": lambda: Binary(range(256)),
    "error": lambda: (
        b'{"type":"error","event_id":"event_garbage","error":{"type":"server_error",'
        b'"code":"rehearsed","message":"This error was asked for.","param":null,"event_id":null}}'
    ),
    "item": lambda: b'{"type":"response.output_audio.delta","event_id":7,"item_id":["no"]}',
    "huge": lambda: b'{"type":"response.thoughts.delta","depth":"%b"}' % (b"x" * HUGE_BYTES),
}
KINDS: tuple[GarbageKind, ...] = ("json", "event", "base64", "binary", "error", "item", "huge")
