"""The messages between the edge and a worker. Plain data; a call is named by its call id.

    edge ── Begin, TakeCall, TakeLeg, EndCall, Steer, Watch, CapturedSip, events of SIP,  ──▶ worker
            NewConfig, UseConfig, SetLogLevel, Ping, NoMoreCalls, Stop
         ◀── Ready, Unfit, commands to signalling, EngineTried, Told, RtcpSeen, Steered, Samples,
             CallOver, ConfigTried, Pong ──

Events and commands are those of `sipua.sip.messages`, unchanged. Descriptors go along with the
message that names them: `Begin` and `NewConfig` have a configuration, `TakeCall` and `TakeLeg` RTP
and RTCP sockets. What a call tells the edge of a second leg is in `sipua.calls.legs.orders`, what
both say of queues in `sipua.queue.orders`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sipua.calls.facts import CallFacts
from sipua.calls.legs.orders import LegOver, PlaceLeg
from sipua.calls.sample import Sample
from sipua.calls.steer.commands import Command, Done, RunDocuments
from sipua.calls.supervise.codes import DialledIn
from sipua.events.ending import Reason
from sipua.events.teller import Told
from sipua.outputs.hep.seen import RtcpSeen
from sipua.queue.orders import QueueNews, QueueOrder
from sipua.rtp.events import Address
from sipua.rtp.session.traffic import Traffic
from sipua.sip.messages import CallCommand, CallProgress, CallSignal

SCHEMA = 8
"""To be raised with every change of a message. The edge and a worker that it starts later may come
from two installations, when one was updated meanwhile.
"""

# --- edge -> worker -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """The first message, with the configuration as a descriptor of a file in memory."""

    schema: int
    version: str
    """The distribution's."""
    worker: int
    log_level: Literal["debug", "info", "warning", "error"]
    log_format: Literal["auto", "console", "json"]
    agent_url: str
    """The embedded local agent's; empty: there is none."""
    python_path: tuple[str, ...]
    """Where the edge finds modules, and so the user's tools."""
    generation: int = 1
    """Of the configuration: the edge counts those that were only tried, too."""


@dataclass(frozen=True, slots=True)
class CaptureOrder:
    """The call is to be captured."""

    local: Address
    """Where the peer sends audio to."""
    open_calls: tuple[str, ...]
    """All calls that are captured now, in all workers, this one included: their files stay."""


@dataclass(frozen=True, slots=True)
class TakeCall:
    """A call that has begun, with its bound sockets: RTP, then RTCP. It rings already, or is being
    placed. The agent is that of the route in `facts`.
    """

    facts: CallFacts
    port: int
    capture: CaptureOrder | None = None
    engine_full: str = ""
    """The name of the agent's engine, when it has no slot left; the call has its fallback."""
    ring_timeout_s: float | None = None
    """None: as configured."""
    max_duration_s: float | None = None
    answering: str = ""
    """Whether it is found out who answers; empty, as the next one: as configured."""
    on_voicemail: str = ""
    documents: RunDocuments | None = None
    """They lead the call, whatever its route has."""


@dataclass(frozen=True, slots=True)
class TakeLeg:
    """A second leg of a call, with its bound sockets: its INVITE leaves now, or has come in."""

    call_id: str
    leg_id: str
    port: int
    dialled_in: DialledIn | None = None
    """None: it is placed."""


@dataclass(frozen=True, slots=True)
class EndCall:
    call_id: str
    reason: Reason
    detail: str
    """For people."""
    status: int = 0
    gone: bool = False
    """Signalling is lost: no word of it will come."""


@dataclass(frozen=True, slots=True)
class Steer:
    """A command from outside to a call; its outcome is told by `Steered`."""

    request: int
    call_id: str
    command: Command
    by: str
    """Whose token it was."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The calls are looked at: for so long `Samples` of all are to come each second."""

    for_s: float


@dataclass(frozen=True, slots=True)
class CapturedSip:
    """A SIP message of a captured call, as a datagram, with secrets masked."""

    call_id: str
    at_s: float
    source: Address
    target: Address
    payload: bytes


@dataclass(frozen=True, slots=True)
class NewConfig:
    """Make the parts of another configuration, beside those in use; answered by `ConfigTried`. It
    comes as a descriptor of a file in memory.
    """

    generation: int
    agent_url: str


@dataclass(frozen=True, slots=True)
class UseConfig:
    """Calls begin with this configuration from now on. Calls that are up keep theirs; one that was
    made and is not this one is given up.
    """

    generation: int


@dataclass(frozen=True, slots=True)
class SetLogLevel:
    level: Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a Pong."""


@dataclass(frozen=True, slots=True)
class NoMoreCalls:
    """The edge drains: calls may still end, and none comes."""


@dataclass(frozen=True, slots=True)
class Stop:
    """No more calls come; end."""


ToWorker: TypeAlias = (
    Begin
    | TakeCall
    | TakeLeg
    | EndCall
    | Steer
    | Watch
    | CapturedSip
    | CallSignal
    | CallProgress
    | QueueNews
    | NewConfig
    | UseConfig
    | SetLogLevel
    | Ping
    | NoMoreCalls
    | Stop
)

# --- worker -> edge -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker takes calls."""

    schema: int
    version: str


@dataclass(frozen=True, slots=True)
class Unfit:
    """The worker cannot work with this configuration: what to log, and the exit code."""

    event: str
    error: str
    fix: str
    code: int


@dataclass(frozen=True, slots=True)
class EngineTried:
    """An attempt to connect to an engine has ended."""

    name: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Steered:
    """The outcome of a `Steer`; none comes when the call ends before."""

    request: int
    call_id: str
    done: Done


@dataclass(frozen=True, slots=True)
class Samples:
    """Of some calls, when the edge has an API that shows them."""

    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class CallOver:
    """The last message of a call: its record is written, its sockets are closed."""

    call_id: str
    answered: bool = False
    """Whether both sides could hear each other."""
    engine_missed: bool = False
    summary: str = ""
    """One line for the user."""
    failed: bool = False
    """By a fault of ours."""


@dataclass(frozen=True, slots=True)
class ConfigTried:
    """The parts of another configuration are made, or cannot be: then `error` says why."""

    generation: int
    error: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a worker has done since its start, and what it has now."""

    cpu_s: float
    descriptors: int
    """Now."""
    spares: int
    """Connections to engines that wait for a call, now."""
    traffic: Traffic
    """Of all its calls, those that run included."""
    loop_late: tuple[float, ...]
    """How late its loop was: how many looks up to each of LATE_S, and beyond; then the sum."""
    pacer_late: tuple[float, ...]
    """The same of frames."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The worker's loop runs, and has so much."""

    calls: int = 0
    tasks: int = 0
    """Of asyncio, which every call has some of."""

    events_missed: int = 0
    """Since the last one, because the edge did not read them."""
    generations: int = 1
    """Configurations that it has parts of: the one in use, and those of older calls."""

    figures: Figures | None = None
    """In each fourth, where metrics are counted."""


ToEdge: TypeAlias = (
    Ready
    | Unfit
    | CallCommand
    | PlaceLeg
    | LegOver
    | QueueOrder
    | EngineTried
    | Told
    | RtcpSeen
    | Steered
    | Samples
    | CallOver
    | ConfigTried
    | Pong
)
