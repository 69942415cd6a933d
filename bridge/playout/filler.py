"""Dead air has a filler: when it begins, and when it ends.

    outage ──▶ nothing to hear for `delay_ms` ──▶ filler ──▶ audio comes: it ends at once
                                                        └──▶ an engine is back, and neither side
                                                             speaks for some seconds: it ends

An engine that is back may have nothing to say, and a filler would be taken for "please wait" for
ever. On hold there is the hold's sound, whatever the engine does: the last one that was asked for
and is not ended, because a tool and an operator may both have put the caller on hold.
"""

from __future__ import annotations

from sipua.bridge.engine_api.events import ResponseDone
from sipua.bridge.events import EngineGone, EngineInUse, EngineOutage, ModelSilent
from sipua.bridge.playout.sounds import Sounds
from sipua.codecs.pcm import Pcm

_WITHOUT_A_WORD_S = 3.0


class Filler:
    """One call's. `tick` says, when it changes, what is to be looped now."""

    def __init__(self, sounds: Sounds) -> None:
        self._sounds = sounds
        self._asked: dict[str, Pcm] = {}
        self._begins_s: float | None = None
        self._ends_s: float | None = None
        self._playing: Pcm | None = None
        self.active = False
        """Whether `tick` has anything to decide."""

    def ask(self, pcm: Pcm | None, asker: str = "") -> None:
        """Play this one, outage or not; None: not any more."""
        self._asked.pop(asker, None)
        if pcm is not None:
            self._asked[asker] = pcm
        self.active = True

    def outage(self, now: float) -> None:
        if self._begins_s is None:
            self._begins_s = now + self._sounds.filler_delay_ms / 1000
        self._ends_s = None
        self.active = True

    def engine_back(self, now: float) -> None:
        if self._begins_s is not None:
            self._ends_s = now + _WITHOUT_A_WORD_S

    def follow(self, event: object, now: float) -> None:
        """What the conversation says of its engine."""
        match event:
            case EngineInUse(speaks=False, caught_up_ms=0):
                self.spoken()  # it is the caller's turn
            case EngineInUse():
                self.engine_back(now)
            case ModelSilent() | EngineOutage() | EngineGone():
                self.outage(now)
            case ResponseDone(status="failed" | "cancelled"):
                pass  # another one is to come: asked for again, or after a nudge
            case ResponseDone():
                self.engine_back(now)  # it may have said nothing

    def spoken(self) -> None:
        """An engine's audio came, or the caller speaks and is heard."""
        self._begins_s = self._ends_s = None

    def tick(self, now: float, *, speaking: bool) -> tuple[bool, Pcm | None]:
        """Whether it changes, and to what. `speaking`: something else is to be heard."""
        if self._ends_s is not None and now >= self._ends_s:
            self.spoken()
        wanted = next(reversed(self._asked.values()), None)
        if wanted is None and self._begins_s is not None:
            if speaking:  # the rest of what was being said
                self._begins_s = max(self._begins_s, now + self._sounds.filler_delay_ms / 1000)
            elif now >= self._begins_s:
                wanted = self._sounds.filler
        changed = wanted is not self._playing
        self._playing = wanted
        self.active = wanted is not None or self._begins_s is not None
        return changed, wanted
