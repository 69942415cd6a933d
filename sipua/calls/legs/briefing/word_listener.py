"""Listens to what a target says in words, by a session of an engine that only writes down.

    leg b ─▶ CallBridge ─▶ a session that never answers ─▶ transcripts ─▶ SpokenAnswer

What the target said before its briefing began is its hello, and no answer. A session that does not
come takes nothing away: the keys count all the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from sipua.bridge.answering import words
from sipua.bridge.answering.verdict import MACHINES
from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import ResponseDone, SpeechStarted, Transcript, Used
from sipua.bridge.events import AudioLeft, AudioPlayed, BridgeEvent, EngineInUse
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.calls.legs.briefing.briefing import Decision
from sipua.calls.legs.briefing.talk_steps import AGENT_BEGINS_S
from sipua.calls.legs.briefing.words import SpokenAnswer, plain

_MOST_ITEMS = 32


class WordListener:
    """One target's, from its answer until it is joined, or its leg ends."""

    def __init__(
        self,
        bridge: CallBridge,
        answer: SpokenAnswer,
        *,
        faults: FaultOwner,
        said: Callable[[Decision, str], None],
        sent: Callable[[AudioLeft | AudioPlayed], None],
        used: Callable[[Used], None],
    ) -> None:
        """`bridge`: of the target's leg, open. `said(decision, detail)`: what it has answered.
        `sent`: of what the leg plays. `used`: what the session costs."""
        self._bridge = bridge
        self._answer = answer
        self._said = said
        self._sent = sent
        self._used = used
        self._counts = False
        self._items: deque[str] = deque(maxlen=_MOST_ITEMS)
        self._engine = ""
        bridge.interruptible = False  # what the target hears is told to its end
        bridge.on_event = self._on_event
        self._connecting = faults.task(self._connect(), "words of a target")

    def begin(self) -> None:
        """The target hears its briefing: what it says from now on may be an answer."""
        self._counts = True

    def close(self) -> None:
        self._connecting.cancel()
        self._bridge.set_aside(True)
        self._bridge.on_event = nothing
        self._said = self._sent = nothing

    async def _connect(self) -> None:
        with suppress(EngineConnectError):
            await self._bridge.connect(AGENT_BEGINS_S)

    def _on_event(self, event: BridgeEvent) -> None:
        match event:
            case AudioLeft() | AudioPlayed():
                self._sent(event)
            case EngineInUse():
                self._engine = event.engine
            case SpeechStarted() if self._counts:
                self._items.append(event.item_id)
            case Transcript(role="user", final=True):
                self._written(event)
            case Used():
                self._used(replace(event, engine=event.engine or self._engine))
            case ResponseDone() if event.usage is not None:
                self._used(Used(event.usage, "briefing", self._engine))

    def _written(self, event: Transcript) -> None:
        if (kind := words.kind_of(event.text)) in MACHINES:
            self._said("voicemail", f"{kind}: words")
        elif event.item_id in self._items and (decided := self._answer.of(event.text)) is not None:
            self._said(decided, f"word {plain(event.text)[:40]}")
