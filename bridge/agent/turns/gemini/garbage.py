"""Messages that no server of the vendor would send, in this protocol's shape."""

from sipua.bridge.agent.scenario import garbage as realtime
from sipua.bridge.agent.scenario.scenario import GarbageKind


def garbage(kind: GarbageKind) -> bytes:
    return _OWN[kind] if kind in _OWN else realtime.garbage(kind)


_OWN: dict[GarbageKind, bytes] = {
    "json": b'{"serverContent":{"modelTurn":',
    "event": b'{"thoughts":{"depth":42}}',
    "base64": b'{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":'
    b'"audio/pcm;rate=24000","data":"@@no*base64@@"}}]}}}',
    "error": b'{"error":{"code":500,"message":"This error was asked for.","status":"INTERNAL"}}',
    "item": b'{"serverContent":{"modelTurn":["no"]}}',
}
