"""What the call asks of an engine: a sans-IO protocol behind the shared websocket.

Adding an engine takes one folder in `bridge/engines/` and one line in its `__init__.py`.
Audio is in the session's formats: what it `hears` and what it `speaks`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

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
    asks: bool = True
    """It can be asked to speak (`speak`). Else it is an agent of its own, which begins by itself,
    and which nobody waits for."""
    barge_in: bool = True
    """What is queued is dropped when the caller speaks. Else the agent alone decides that, and
    says so by `DropAudio`."""
    steady_input: bool = False
    """It is given audio from the answer on, all the time: silence before the caller's first packet.
    Else it may cost, and nobody needs it."""
    digits: bool = False
    """It wants the caller's keys as they are (`digit`)."""
    one_session: bool = False
    """A session that goes on with another (`EngineSettings.handle`) can only be made when the
    other's connection is closed."""
    paced_by_input: bool = False
    """Its time is the audio that it is given. Where there is none, silence must take its place,
    or it neither speaks nor learns what it is told."""


SPEECH_AND_TOOLS = Capabilities(speech_events=True, truncate=True, cancel=True, tools=True)
"""What engines usually can."""


class EngineProtocol(Protocol):
    """One session with one engine, without I/O. Messages are whole websocket messages: of text,
    unless `Link.binary_audio` says otherwise."""

    name: str
    capabilities: Capabilities
    hears: AudioFormat
    """What `append_audio` takes. Both are final when it is ready."""
    speaks: AudioFormat
    """What its `AudioDelta` carry."""
    over: bool
    """It has said its last word: nothing is gained by waiting for more."""

    def start(self) -> Sequence[bytes]:
        """Messages to send as soon as the websocket is open."""

    def receive(self, message: bytes | str) -> Sequence[Event | Unreadable]:
        """Feed one message. Never raises: what cannot be read is counted and dropped.

        A `str` is a text message of an engine with `Link.binary_audio`, and its bytes are audio;
        of all others each message comes as bytes.
        """

    def take_outgoing(self) -> Sequence[bytes]:
        """Messages that `receive` or `append_audio` found necessary, to be sent now."""

    def take_events(self) -> Sequence[Event]:
        """What no message of the engine has brought, asked for after `start` and `append_audio`:
        that one which gives no answer is ready, or that it has been quiet for a while."""

    def append_audio(self, audio: bytes) -> bytes:
        """The message that carries a piece of the caller's audio, as it `hears`."""

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

    def digit(self, key: str, duration_ms: int) -> Sequence[bytes]:
        """The caller has pressed a key. For those whose `capabilities` have it."""

    def marked(self, name: str, *, played: bool) -> Sequence[bytes]:
        """What was before a `PlayoutMark` has been played, or (`played` false) dropped."""

    def closed(self, code: int) -> Sequence[Event]:
        """The engine has closed the connection, after `ready`: what that means, if it means
        something, in the place of `EngineLost`."""

    def goodbye(self) -> Sequence[bytes]:
        """Messages to send before hanging up, after which the engine settles its accounts until
        it is `over`, as it may be at once. None: it needs no goodbye."""

    def counters(self) -> dict[str, int]: ...


@dataclass(frozen=True, slots=True)
class Address:
    """Where a websocket is opened."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


Locate: TypeAlias = Callable[[float], Awaitable[Address]]
"""Asks a service where to connect, within so many seconds. Raises EngineConnectError."""


@dataclass(frozen=True, slots=True)
class Link:
    """How the websocket of an engine is treated."""

    ping_timeout_s: float = 4.0
    """How long the answer to a ping may take; 0: its pings are never waited for, and TCP alone
    says that it is gone."""
    binary_audio: bool = False
    """Audio crosses in binary messages, both ways, and all else in text."""
    subprotocol: str = ""


USUAL_LINK = Link()


@dataclass(frozen=True, slots=True)
class Engine:
    """A protocol ready for one session, and where to connect it."""

    protocol: EngineProtocol
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    link: Link = USUAL_LINK
    locate: Locate | None = field(default=None, repr=False)
    """None: to `url`. Else that is the address of the service which says where to, for people."""
