"""Which digits a stream of RFC 4733 events dials. One event is one digit, however often its packets
come, in whatever order, with its beginning or its end lost.
"""

DIGITS = "0123456789*#ABCD"
_LAST_EVENT = 16
"""16 is the hook flash; what is above it is no telephone key."""
_REMEMBERED = 8
_TIME_MASK = 0xFFFFFFFF


def looks_like_event(payload: bytes) -> bool:
    """Four bytes that can be an event of a telephone's keys."""
    return len(payload) == 4 and payload[0] <= _LAST_EVENT and not payload[1] & 0x40


class EventDigits:
    __slots__ = ("_ended", "_key", "_recent", "_until", "digits", "events")

    def __init__(self) -> None:
        self.digits = ""
        self.events = 0
        self._recent: list[tuple[int, int]] = []
        self._key: tuple[int, int] | None = None
        self._until = 0
        self._ended = False

    def add(self, timestamp: int, payload: bytes) -> None:
        if len(payload) < 4:
            return
        event, flags = payload[0], payload[1]
        key = timestamp, event
        until = timestamp + int.from_bytes(payload[2:4]) & _TIME_MASK
        if key not in self._recent:
            # Beyond 65,535 units an event goes on as a segment that begins where the last ended.
            goes_on = (
                self._key is not None
                and not self._ended
                and self._key[1] == event
                and self._until == timestamp
            )
            if not goes_on:
                self.events += 1
                self.digits += DIGITS[event] if event < len(DIGITS) else ""
            self._recent = [*self._recent[1 - _REMEMBERED :], key]
            self._key = key
            self._ended = False
        if key == self._key:
            self._until = until
            self._ended = self._ended or bool(flags & 0x80)
