"""The caller is put through: first the agent is set aside, then another leg is joined.

While the agent is aside it hears nothing, and nothing of it is heard, but for what it says to the
target alone (`PrivateAudio`). It may come back, when the other leg was not reached or has left at
once; or it is dismissed, and its session ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sipua.bridge.call.leg import MediaLeg
from sipua.bridge.call.private_audio import Hear, PrivateAudio
from sipua.bridge.conversation.interface import Conversation, ConversationEvent, MakeConversation
from sipua.bridge.engine_api.settings import Past
from sipua.bridge.events import BridgeEvent
from sipua.bridge.joint.joint import Joint
from sipua.bridge.turns.state import TurnState
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
        self._private = PrivateAudio()
        self._conversation: Conversation | None = None

    def converse(
        self,
        make: MakeConversation,
        on_event: Callable[[ConversationEvent], None],
        turns: TurnState,
    ) -> Conversation:
        """The call's conversation. `on_event`: what of it is for the caller's side."""
        private, knows = self._private, self._leg.line.playout.knows

        def passed(event: ConversationEvent) -> None:
            if not (private.used and private.takes(event, knows)):
                on_event(event)

        self._conversation = make(passed, turns)
        return self._conversation

    def ask(self, instructions: str, hear: Hear) -> None:
        """Have the agent say something to the target alone; while it is aside."""
        if self._conversation is not None:
            self._private.begin(hear)
            self._conversation.speak(instructions)

    def asked_no_more(self) -> None:
        """What still comes of it is heard on neither side. May be called twice."""
        self._private.end()

    def said(self) -> Sequence[Past]:
        """By the caller and the agent, so far."""
        return self._conversation.past() if self._conversation is not None else ()

    def unheard(self, item_id: str) -> None:
        """The agent learns that the caller has not heard this item."""
        if self._conversation is not None:
            self._conversation.truncate(item_id, 0)

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

    def close(self) -> None:
        """The call ends."""
        self.part()
        self._private.end()
        self._conversation = None
