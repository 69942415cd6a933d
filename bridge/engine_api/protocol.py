"""What the call asks of an engine: a sans-IO protocol behind the shared websocket.

Adding an engine takes one folder in `bridge/engines/` and one line in its `__init__.py`.
Audio is in the session's `AudioFormat`, the same one both ways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sipua.bridge.engine_api.events import Event, Unreadable
from sipua.bridge.engine_api.settings import AudioFormat, InjectedRole


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do. The call asks here and never assumes."""

    speech_events: bool
    """It says when the caller begins and ends to speak."""
    truncate: bool
    cancel: bool
    tools: bool
    resume: bool = False
    """It can be told what was said before (`EngineSettings.past`)."""
    takes_turns: bool = True
    """It answers by itself when the caller has finished; else `speak` makes it answer."""
    formats: frozenset[AudioFormat] = frozenset({AudioFormat.PCM16})
    inject: bool = True
    """It can be told something, in the middle of a call, that no side has said."""
    paced_by_input: bool = False
    """Its time is the audio that it is given. Where there is none, silence must take its place,
    or it neither speaks nor learns what it is told."""


SPEECH_AND_TOOLS = Capabilities(speech_events=True, truncate=True, cancel=True, tools=True)
"""What engines usually can."""


class EngineProtocol(Protocol):
    """One session with one engine, without I/O. Messages are whole websocket text messages."""

    name: str
    capabilities: Capabilities
    format: AudioFormat
    over: bool
    """It has said its last word: nothing is gained by waiting for more."""

    def start(self) -> Sequence[bytes]:
        """Messages to send as soon as the websocket is open."""

    def receive(self, message: bytes | str) -> Sequence[Event | Unreadable]:
        """Feed one message. Never raises: what cannot be read is counted and dropped."""

    def take_outgoing(self) -> Sequence[bytes]:
        """Messages that `receive` found necessary, to be sent now."""

    def append_audio(self, audio: bytes) -> bytes:
        """The message that carries a piece of the caller's audio, in `format`."""

    def speak(self, instructions: str | None) -> Sequence[bytes]:
        """Make the engine speak without being spoken to: to greet, to go on, to explain itself.

        While it speaks already, the wish waits; what becomes of it leaves by `take_outgoing`.
        """

    def truncate(self, item_id: str, audio_end_ms: int) -> Sequence[bytes]:
        """Tell the engine how much of an item the caller has heard; drop the rest of it."""

    def cancel(self) -> Sequence[bytes]:
        """Stop the running response, unless there is none or the engine stops it by itself."""

    def tool_result(self, call_id: str, output: str, *, respond: bool) -> Sequence[bytes]:
        """Answer a `ToolCall`; `respond` asks the engine to go on speaking."""

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> Sequence[bytes]:
        """Tell the engine something that no side has said; `respond` asks it to speak."""

    def goodbye(self) -> Sequence[bytes]:
        """Messages to send before hanging up, after which the engine settles its accounts until
        it is `over`. None: it needs no goodbye."""

    def counters(self) -> dict[str, int]: ...


@dataclass(frozen=True, slots=True)
class Engine:
    """A protocol ready for one session, and where to connect it."""

    protocol: EngineProtocol
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
