"""The caller is put through: first the agent is set aside, then another leg is joined.

While the agent is aside it hears nothing, and nothing of it is heard. It may come back, when the
other leg was not reached or has left at once; or it is dismissed, and its session ends.
"""

from __future__ import annotations

from sipua.bridge.call.leg import MediaLeg
from sipua.bridge.events import BridgeEvent
from sipua.bridge.joint.joint import Joint
from sipua.codecs.pcm import Pcm
from sipua.rtp.events import Dtmf


class PutThrough:
    """Of one call."""

    def __init__(self, leg: MediaLeg) -> None:
        """`leg`: the caller's."""
        self.aside = False
        self.joint: Joint | None = None
        self.other: MediaLeg | None = None
        """The one that it is joined to."""
        self._leg = leg

    def join(self, other: MediaLeg, hold_sound: Pcm | None = None) -> Joint:
        """Both legs hear each other, while the agent is aside. What the other one receives goes to
        `from_b` of the joint."""
        self.joint, self.other = Joint(self._leg, other, hold_sound), other
        self.joint.begin()
        return self.joint

    def told(self, news: BridgeEvent) -> None:
        """Of the caller's side, each key once: in whatever way it came, it is pressed for the other
        side, too."""
        if self.joint is not None and isinstance(news, Dtmf):
            self.joint.key_of_a(news)

    def part(self) -> None:
        """The caller's leg is ours again. May be called twice."""
        if self.joint is not None:
            self.joint.end()
            self.joint = self.other = None

    def update(self) -> None:
        """Offer and answer have changed on the caller's leg."""
        if self.joint is not None:
            self.joint.update()
