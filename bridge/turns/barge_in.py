"""Interruptions: may what is being said be cut off, because the caller speaks?

    the caller begins ──▶ nothing stands against it ──▶ cut at once
                     └──▶ within the greeting's grace, or while a goodbye is said ──▶ wait
                             ├── the caller ends meanwhile: nothing is cut, the engine has heard it
                             └── still speaking when nothing stands against it any more: cut then

The greeting is the first thing that the engine says, if the caller has not spoken before. Only the
cut waits: the engine hears the caller from the first syllable. `TurnState` knows whether the caller
speaks; here is decided which detection counts, the engine's or our own.
"""

from __future__ import annotations

from sipua.bridge.turns.barge_in_settings import BargeIn
from sipua.bridge.turns.state import TurnState
from sipua.codecs.vad import VadConfig


class BargeInPolicy:
    """One call's. Times are in what was played of the greeting, so that nothing here is a clock."""

    def __init__(self, settings: BargeIn, turns: TurnState) -> None:
        """What happens is told to `turns` first, then here."""
        self._settings = settings
        self._turns = turns
        self._engine_detects = self._engine_tells = settings.detector != "local"
        self._spoken = False
        self._to_cut = False  # for this speech of the caller's, which may be over by now
        self.greeting: str | None = None
        self.interruptible = True

    @property
    def own_detection(self) -> VadConfig | None:
        """None: we need not find out ourselves when the caller speaks. Else the record needs it,
        also where nothing is cut."""
        if self._engine_tells:
            return None
        settings = self._settings
        return VadConfig(settings.threshold, silence_duration_ms=settings.silence_ms)

    @property
    def caller_speaks(self) -> bool:
        """As far as those say whose word counts."""
        return self._turns.engine_hears if self._engine_detects else self._turns.we_hear

    @property
    def waiting(self) -> bool:
        """The caller speaks, and something stands against cutting: ask `due` again."""
        return self._to_cut and self.caller_speaks

    def engine_changed(self, *, speech_events: bool, barge_in: bool = True) -> None:
        """What the engine can. Not `barge_in`: it hears the caller, and alone decides."""
        detector = self._settings.detector
        self._engine_tells = detector == "engine" or (detector == "auto" and speech_events)
        self._engine_detects = self._engine_tells or not barge_in

    def item_began(self, item_id: str) -> None:
        """The engine begins to say something."""
        if not self._spoken and not self.caller_speaks:
            self.greeting = item_id
        self._spoken = True

    def item_ended(self, item_id: str) -> None:
        """It is over, played or cut: there is no more grace for it."""
        if item_id == self.greeting:
            self.greeting = None

    def caller_began(self, greeted_ms: int, *, local: bool) -> bool:
        """Whether to cut now. `greeted_ms`: what the caller has heard of the greeting."""
        if local is self._engine_detects:
            return False  # the other one decides
        self._spoken = True
        self._to_cut = self._settings.enabled
        return self.due(greeted_ms)

    def due(self, greeted_ms: int) -> bool:
        """Whether what was waited for has come; true once."""
        if not self.waiting or not self.permits(greeted_ms):
            return False
        self._to_cut = False
        return True

    def permits(self, greeted_ms: int) -> bool:
        """Whether nothing stands against a cut: no goodbye, and no grace of the greeting's."""
        grace = self.greeting is not None and greeted_ms < self._settings.grace_ms
        return self.interruptible and not grace
