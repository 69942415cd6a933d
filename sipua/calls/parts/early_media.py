"""What a caller hears of us before its call is answered.

    asked for ─▶ 183 with our answer ─▶ media is there: our sound ─▶ 200: quiet ─▶ ACK: the agent
                                         └ or that of a target, by a joint

One stream, from its first packet to the end of the call. What the agent wants to say waits for the
ACK, as it does while a call rings. Of what the other side sends before that the engine hears
nothing, in calls of either direction: a caller does not know yet that it is listened to, and what
comes before the answer of a call that we place is the network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from sipua.bridge.call.call_bridge import CallBridge
from sipua.codecs.pcm import Pcm
from sipua.events import media_events
from sipua.events.event import Event
from sipua.sip.messages import BeHeard

_ASKER: Final = "early media"


class EarlyMedia:
    """One call's."""

    def __init__(
        self,
        call_id: str,
        bridge: CallBridge,
        send: Callable[[BeHeard], None],
        tell: Callable[[Event], None],
    ) -> None:
        self._call_id = call_id
        self._bridge = bridge
        self._send = send
        self._tell = tell
        self._state: Literal["rings", "asked", "heard", "over"] = "rings"
        self._sounds = self._kept_from_engine = False

    def begin(self, sound: Pcm | None = None) -> None:
        """Let the caller hear us; `sound`: again and again, until the answer. A second time is
        no harm."""
        if self._state == "rings":
            self._state = "asked"
            self._bridge.before_answer()
            self._send(BeHeard(self._call_id))
        if sound is not None and self._state != "over":
            self._sounds = True
            self._bridge.fill(sound, _ASKER)

    def reaches_caller(self) -> bool:
        """Whether the caller hears what leaves now. If not yet, it is asked for."""
        self.begin()
        return self._state in ("heard", "over")

    def keep_from_engine(self) -> None:
        """The engine hears silence until the ACK, which may have come already."""
        if self._state == "over":
            return
        self._kept_from_engine = True
        self._bridge.listen(False, _ASKER)

    # --- the call's life ------------------------------------------------------------------

    def media_is_open(self) -> None:
        """Offer and answer are there."""
        if self._state == "asked":
            self._state = "heard"
            self.keep_from_engine()
            self._bridge.screen.hold(True)
            self._bridge.leg.line.start()
            if self._sounds:
                self._tell(media_events.EarlyMedia(by="us"))

    def answering(self) -> None:
        """The 200 is about to leave."""
        if self._state == "rings":
            self._bridge.before_answer()
        self._bridge.fill(None, _ASKER)
        if self._state != "heard":
            self._state = "over"

    def confirmed(self) -> None:
        """The ACK is in: both speak."""
        if self._state == "heard":
            self._bridge.screen.hold(False)
        if self._kept_from_engine:
            self._bridge.listen(True, _ASKER)
        self._state = "over"
