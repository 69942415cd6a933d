"""How a target is briefed, from its answer to its decision: by an agent of its own, or by sounds,
with a listener for its words beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.call.leg import MediaLeg
from sipua.bridge.call.media import MediaPlan
from sipua.bridge.engine_api.events import Used
from sipua.bridge.events import AudioLeft, AudioPlayed, BridgeEvent, PlayoutNews
from sipua.bridge.fault_owner import FaultOwner
from sipua.calls.legs.briefing.briefing import Briefing, Decision
from sipua.calls.legs.briefing.talk import Talk
from sipua.calls.legs.briefing.warm import Warm
from sipua.calls.legs.briefing.word_listener import WordListener
from sipua.rtp.events import Dtmf, RtpEvent

Hears = Callable[[Sequence[RtpEvent]], None]


@dataclass(frozen=True, slots=True)
class OwnPath:
    """The audio path of a target that may talk with an engine."""

    bridge: CallBridge
    engine_hears: Hears
    call_hears: Hears


class TargetBriefing:
    def __init__(
        self,
        warm: Warm,
        leg: MediaLeg,
        plan: MediaPlan,
        own: OwnPath | None,
        *,
        bridge: CallBridge,
        faults: FaultOwner,
        decide: Callable[[Decision, str], None],
    ) -> None:
        """`bridge`: the caller's, which what it costs is booked to."""
        self._warm = warm
        self._leg: MediaLeg | None = leg
        self._plan = plan
        self._own = own
        self._bridge = bridge
        self._faults = faults
        self._decide = decide
        self._now: Briefing | Talk | None = None
        self._words: WordListener | None = None

    def begin(self) -> None:
        if self._leg is None or self._own is None or self._warm.by != "agent":
            self.by_sounds()
            return
        self._leg.listen_with(self._own.engine_hears)
        self._now = Talk(
            self._own.bridge,
            self._warm,
            faults=self._faults,
            decide=self._decide,
            used=self._bridge.on_event,
        )

    def by_sounds(self) -> None:
        """Also where the agent of its own is lost."""
        self._stop()
        if self._leg is None:
            return
        self._now = briefing = Briefing(
            self._leg,
            self._warm,
            self._plan,
            self._bridge,
            faults=self._faults,
            decide=self._decide,
        )
        if self._own is not None and self._warm.words is not None:
            self._words = WordListener(
                self._own.bridge,
                self._warm.words,
                faults=self._faults,
                said=briefing.said,
                sent=self.sent,
                used=self._bridge.on_event,
            )

    def begins(self) -> None:
        """The target has said something: from now on its words count."""
        if self._words is not None:
            self._words.begin()

    def key(self, digit: Dtmf) -> None:
        if self._now is not None:
            self._now.key(digit)

    def excuse(self) -> None:
        if self._now is not None:
            self._now.excuse()

    def hear(self, events: Sequence[RtpEvent]) -> None:
        if isinstance(self._now, Briefing):
            self._now.hear(events)
            if self._words is not None and self._own is not None:
                self._own.engine_hears(events)

    def sent(self, news: PlayoutNews) -> None:
        if isinstance(self._now, Briefing):
            self._now.sent(news)

    def end(self) -> None:
        self._stop()
        self._own = self._leg = None  # they hold `_on_own`: a circle

    def _stop(self) -> None:
        now, self._now = self._now, None
        words, self._words = self._words, None
        if now is None:
            return
        now.close()
        if words is not None:
            words.close()
        if self._own is not None and (words is not None or isinstance(now, Talk)):
            own = self._own.bridge
            own.on_event = self._on_own
            own.leg.listen_with(self._own.call_hears)
            self._faults.task(own.dismiss_agent(), "the agent of a target leaves")

    def _on_own(self, event: BridgeEvent) -> None:
        """Of its path, when no agent talks any more; what one has cost may come late."""
        if isinstance(event, AudioLeft | AudioPlayed):
            self.sent(event)
        elif isinstance(event, Used):
            self._bridge.on_event(event)
