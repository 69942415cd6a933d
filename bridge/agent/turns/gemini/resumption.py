"""What sessions can go on with: the server's handles, each of one session."""

from dataclasses import dataclass

from sipua.bridge.agent.wire.errors import ClientError

MAX_HANDLES = 4096


@dataclass(slots=True)
class Past:
    """What of a session another one goes on with."""

    begun: bool = False
    """Something was said."""
    open: bool = True
    """Its connection is."""


class Resumptions:
    __slots__ = ("_pasts",)

    def __init__(self) -> None:
        self._pasts: dict[str, Past] = {}

    def add(self, handle: str, past: Past) -> None:
        if len(self._pasts) == MAX_HANDLES:
            del self._pasts[next(iter(self._pasts))]
        self._pasts[handle] = past

    def take(self, handle: str) -> Past:
        """Raises ClientError."""
        past = self._pasts.get(handle)
        if past is None:
            raise ClientError("session_not_found", "BidiGenerateContent session not found")
        if past.open:
            raise ClientError("session_in_use", "The session to resume is still connected.")
        return past
