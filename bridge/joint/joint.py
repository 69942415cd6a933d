"""A joint: two legs hear each other, and no engine does.

    a ─▶ Relay ─▶ b        keys of a are pressed on b, and the other way round
    b ─▶ Relay ─▶ a

While a leg is lent to a joint its sender has no clock of its own: a frame leaves when the other
side's packet is there. What is ours to be heard (keys, a hold sound) takes the line back for its
time. When one side puts us on hold and sends nothing, the other hears our hold sound; music that it
sends is passed on like speech.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sipua.bridge.joint.relay import Relay, RelayOut
from sipua.codecs.g711 import Law
from sipua.codecs.pcm import Pcm
from sipua.rtp.events import Dtmf, Frame, RtpEvent


class LineOut(RelayOut, Protocol):
    """What a joint does to the sending side of a leg."""

    def lend(self) -> None:
        """From now on the joint says what leaves, and when."""

    def take_back(self) -> None:
        """Our own frames leave again, one every 20 ms."""

    def press(self, digits: str) -> None: ...


class JointLeg(Protocol):
    """What a joint needs of a leg."""

    @property
    def laws(self) -> Mapping[int, Law]:
        """Of what is received, by payload type."""

    @property
    def line(self) -> LineOut: ...

    @property
    def receives(self) -> bool:
        """Whether its peer may send: it has not put us on hold without music."""

    def fill(self, pcm: Pcm | None) -> None:
        """What is heard, over and over, while the line is ours; None: silence."""


class Joint:
    """From `begin` to `end`; both on the loop that has the legs."""

    def __init__(self, a: JointLeg, b: JointLeg, hold_sound: Pcm | None = None) -> None:
        self._a, self._b = a, b
        self._hold_sound = hold_sound
        self._to_b = Relay(a.laws, b.line)
        self._to_a = Relay(b.laws, a.line)
        self._up = False

    def begin(self) -> None:
        self._up = True
        self.update()

    def update(self) -> None:
        """Offer and answer have changed on either leg."""
        if self._up:
            self._hear(self._a, self._b)
            self._hear(self._b, self._a)

    def end(self) -> None:
        """Both lines are ours again, and silent; may be called twice."""
        if not self._up:
            return
        self._up = False
        for leg in (self._a, self._b):
            leg.fill(None)
            leg.line.take_back()

    def from_a(self, events: Sequence[RtpEvent]) -> None:
        self._to_b.feed(events)

    def key_of_a(self, key: Dtmf) -> None:
        """Of any way but a tone, which is heard; that it was told twice is known before."""
        if not key.inband:
            self._b.line.press(key.digit)

    def from_b(self, events: Sequence[RtpEvent]) -> None:
        self._to_a.feed(events)
        if len(events) == 1 and type(events[0]) is Frame:
            return  # nearly always
        for event in events:
            if isinstance(event, Dtmf) and not event.inband:
                self._a.line.press(event.digit)

    def counters(self) -> dict[str, Any]:
        return {"to_a": self._to_a.counters(), "to_b": self._to_b.counters()}

    def _hear(self, source: JointLeg, hearer: JointLeg) -> None:
        if source.receives:
            hearer.fill(None)
            hearer.line.lend()
        else:
            hearer.fill(self._hold_sound)
            hearer.line.take_back()
