"""Sessions that do what a test tells them to: for a dialogue without a websocket.

sessions = FakeSessions()
dialogue = Dialogue(sessions.choices("first", "second"), make_session=sessions.make, …)
sessions.fail("first", EngineConnectError("server", "…"))     the next connect of that engine
sessions.last.say(SpeechStarted("item", 0))                   what the engine says
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sipua.bridge.conversation.sessions import CreateEngine, EngineChoice
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import EngineLost, Event, SessionReady
from sipua.bridge.engine_api.protocol import Capabilities, Engine, EngineProtocol
from sipua.bridge.engine_api.settings import AudioFormat, Past
from sipua.bridge.engine_link.websocket import Spare
from sipua.bridge.fault_owner import FaultOwner


@dataclass(eq=False)
class FakeProtocol:
    name: str
    past: Sequence[Past]
    handle: str
    capabilities: Capabilities


@dataclass(eq=False)
class FakeSession:
    engine: str
    past: Sequence[Past]
    handle: str
    capabilities: Capabilities
    on_event: Callable[[Event], None]
    failure: EngineConnectError | None
    hears: AudioFormat
    session_id: str
    gate: asyncio.Event
    timeout_s: float = 0.0
    heard: list[bytes] = field(default_factory=list)
    done: list[tuple[Any, ...]] = field(default_factory=list)
    """What was asked of it, in order."""
    closed: bool = False
    spare: Spare | None = None

    @property
    def speaks(self) -> AudioFormat:
        return self.hears

    async def connect(self, timeout_s: float, *, anew: bool = False) -> None:
        self.timeout_s = timeout_s
        if anew:
            self.spare = None
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.on_event(SessionReady(self.session_id))

    def append(self, audio: bytes) -> None:
        self.heard.append(audio)

    def speak(self, instructions: str | None = None) -> None:
        self.done.append(("speak", instructions))

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        self.done.append(("truncate", item_id, audio_end_ms))

    def cancel(self) -> None:
        self.done.append(("cancel",))

    def tool_result(self, call_id: str, output: str, *, respond: bool = True) -> None:
        self.done.append(("tool_result", call_id, output, respond))

    def inject(self, role: str, text: str, *, respond: bool) -> None:
        self.done.append(("inject", role, text, respond))

    def digit(self, key: str, duration_ms: int) -> None:
        self.done.append(("digit", key, duration_ms))

    def marked(self, name: str, *, played: bool) -> None:
        self.done.append(("marked", name, played))

    async def close(self) -> None:
        self.closed = True

    def counters(self) -> dict[str, int]:
        return {"messages_sent": len(self.done), "ping_ms": 7}

    def say(self, *events: Event) -> None:
        for event in events:
            self.on_event(event)

    def lose(self, code: int = 1006, *, retryable: bool = True) -> None:
        self.on_event(EngineLost(code, "", retryable))

    @property
    def spoken(self) -> list[str | None]:
        """The instructions that it was given."""
        return [request[1] for request in self.done if request[0] == "speak"]


class FakeSessions:
    def __init__(
        self,
        *,
        resume: bool = True,
        formats: dict[str, AudioFormat] | None = None,
        **can: bool,
    ) -> None:
        """`can`: further capabilities."""
        self.made: list[FakeSession] = []
        self.gate = asyncio.Event()
        """Cleared: sessions do not become ready until it is set."""
        self.gate.set()
        self._formats = formats or {}
        self._capabilities = Capabilities(
            speech_events=True, truncate=True, cancel=True, tools=True, resume=resume, **can
        )
        self._failures: dict[str, list[EngineConnectError]] = defaultdict(list)

    def choices(self, *names: str, timeout_s: float = 5.0) -> list[EngineChoice]:
        return [EngineChoice(name, self._creator(name), timeout_s) for name in names]

    def fail(self, engine: str, *errors: EngineConnectError) -> None:
        self._failures[engine] += errors

    def make(
        self,
        engine: Engine,
        on_event: Callable[[Event], None],
        *,
        call_id: str,
        name: str,
        faults: FaultOwner,
    ) -> FakeSession:
        protocol = cast("FakeProtocol", engine.protocol)
        failures = self._failures[protocol.name]
        session = FakeSession(
            protocol.name,
            protocol.past,
            protocol.handle,
            protocol.capabilities,
            on_event,
            failures.pop(0) if failures else None,
            self._formats.get(protocol.name, AudioFormat.PCM16),
            f"session-{len(self.made) + 1}",
            self.gate,
        )
        self.made.append(session)
        return session

    @property
    def last(self) -> FakeSession:
        return self.made[-1]

    def _creator(self, name: str) -> CreateEngine:
        def create(past: Sequence[Past], handle: str) -> Engine:
            protocol = FakeProtocol(name, past, handle, self._capabilities)
            return Engine(cast("EngineProtocol", protocol), "", {})

        return create
