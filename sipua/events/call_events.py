"""The events of a call. docs/events.md has them all."""

from __future__ import annotations

from sipua.events.event import Event
from sipua.events.parties import CallerShown

# --- a call begins ----------------------------------------------------------------------------


class Incoming(Event, tag="call.incoming", rename={"from_": "from"}):
    """An INVITE was taken: it rings from now on."""

    sip_call_id: str
    from_: str | None
    to: str
    source: str
    origin: str
    route: str
    rtp_port: int
    worker: int
    caller: CallerShown | None = None
    called: str | None = None
    """The number in the request line, in the format of the trunk."""
    altered: list[str] | None = None
    config: str = ""
    trace_id: str | None = None
    trace_parent_id: str | None = None


class Placing(Event, tag="call.placing"):
    """We call."""

    to: str | None
    account: str
    route: str
    worker: int
    caller: CallerShown | None = None
    """Who we say that we are."""
    called: str | None = None
    by: str | None = None
    config: str = ""
    trace_id: str | None = None


class Invited(Event, tag="call.invited"):
    """The INVITE of a call that we place has left; again with a password, or to another server."""

    sip_call_id: str
    server: str | None = None
    """The server of a trunk that it has gone to."""
    origin: str | None = None
    """The trunk, where it is another one than before."""


class AttemptFailed(Event, tag="call.attempt_failed"):
    """A server of a trunk did not take a call of ours; the next one is tried."""

    LEVEL = "warning"
    server: str
    status: int
    """Of SIP; 408 and 503 also when nothing came."""
    reason: str
    next_server: str


class Ringing(Event, tag="call.ringing"):
    """The caller hears that it rings: our 180, or our 183 where its trunk has `early_media`."""


class Progress(Event, tag="call.progress"):
    """A provisional answer to a call that we place."""

    status: int
    reason: str = ""


class Answered(Event, tag="call.answered"):
    """We answer."""

    setup_ms: float


class Confirmed(Event, tag="call.confirmed"):
    """Both sides can hear each other: the ACK has come, or the other side has answered."""


class AnsweredBy(Event, tag="call.answered_by"):
    """Who has answered a call that we place; again when it turns out to be another one."""

    verdict: str
    """person, machine, voicemail, screening, menu, fax, silence, unknown."""
    cause: str
    ms: int
    """Of the other side's audio since the answer."""
    confidence: float


class Beep(Event, tag="call.beep"):
    """A voicemail system records from now on."""

    hz: int
    duration_ms: int
    at_ms: int
    """Its end, in the other side's audio since the answer."""


class Message(Event, tag="call.message"):
    """A message on a voicemail system: began, left, stopped."""

    state: str
    after: str | None = None
    """What it has begun after: beep, silence, limit."""
    by: str | None = None
    """What has stopped it: a person, or speech of the greeting."""


class GreetingLate(Event, tag="call.greeting_late"):
    """The call is answered without the greeting, which did not come in time."""

    LEVEL = "warning"
    waited_s: float


# --- media ------------------------------------------------------------------------------------


class Media(Event, tag="call.media"):
    """Offer and answer are negotiated; again after each change. `srtp`: the suite; empty: none."""

    codec: str
    remote: str
    direction: str
    ssrc: str
    srtp: str = ""


class Held(Event, tag="call.held"):
    """One side hears the other's hold sound, or nothing; `by`: the peer, or us."""

    direction: str
    by: str = "peer"


class Resumed(Event, tag="call.resumed"):
    direction: str
    by: str = "peer"


class OfferRefused(Event, tag="call.offer_refused"):
    """A re-INVITE that cannot be met; the call goes on as it was."""

    LEVEL = "warning"
    status: int
    cause: str


class RequestRefused(Event, tag="call.request_refused"):
    """A request within the call, from a source that may not send it; the call goes on."""

    LEVEL = "warning"
    method: str
    source: str
    fix: str
    kept_back: int | None = None
    """How many were not told since the last one."""


class SourceMoved(Event, tag="call.source"):
    """The caller's audio comes from here from now on."""

    address: str
    rank: int


class Dtmf(Event, tag="call.dtmf"):
    """A key; `?` where keys are masked."""

    digit: str
    duration_ms: int
    inband: bool
    way: str = "rfc4733"
    """How it came: `rfc4733`, `info` or `inband`."""


class Quality(Event, tag="call.quality"):
    """The other side reports that our packets get lost."""

    LEVEL = "warning"
    remote_fraction_lost: float
    remote_lost: int
    remote_jitter_ms: float
    round_trip_ms: float | None
    fix: str = "the caller hears gaps: packets get lost between this host and the peer"


class SourceRefused(Event, tag="rtp.refused"):
    """Datagrams that were not believed, by reason."""

    LEVEL = "warning"
    datagrams: dict[str, int]
    lines_kept_back: int


# --- the conversation -------------------------------------------------------------------------


class Interrupted(Event, tag="call.interrupted"):
    """The rest of an answer was dropped: the caller spoke, or agent or operator wanted it."""

    item_id: str
    played_ms: int
    by: str = "caller"


class TurnCaller(Event, tag="turn.caller"):
    """The caller has spoken; times in milliseconds since the answer."""

    turn: int
    item: str
    start_ms: int
    end_ms: int


class TurnAgent(Event, tag="turn.agent"):
    """The agent has spoken; `cut`: what ended it, `of_ms`: what there was to be said."""

    item: str
    start_ms: int
    end_ms: int
    played_ms: int
    turn: int | None = None
    of_ms: int | None = None
    cut: str | None = None


class TurnLatency(Event, tag="turn.latency"):
    """How long the caller waited for an answer, by stage."""

    turn: int
    of: str
    total_ms: int
    endpointing_ms: int = 0
    model_ms: int = 0
    tools_ms: int = 0
    outage_ms: int = 0
    playout_ms: int = 0


class TurnUnanswered(Event, tag="turn.unanswered"):
    """The caller spoke, and no answer came."""

    LEVEL = "warning"
    turn: int
    waited_ms: int = 0
    responses: int = 0
    nudges: int = 0
    outages: int = 0
    failed: str | None = None


class TurnText(Event, tag="turn.text"):
    """Words, as far as `record.transcripts` allows them."""

    LEVEL = "debug"
    who: str
    item: str
    text: str
    turn: int | None = None


class ToolCalled(Event, tag="tool.called"):
    tool: str
    tool_call_id: str


class ToolDone(Event, tag="tool.done"):
    tool: str
    tool_call_id: str
    duration_ms: float
    outcome: str


class ToolFailed(Event, tag="tool.failed"):
    LEVEL = "warning"
    tool: str
    tool_call_id: str
    duration_ms: float
    outcome: str
    reason: str


class Fallback(Event, tag="call.fallback"):
    """A step of the route's fallback: there is no engine."""

    step: str
    cause: str


class PromptUnheard(Event, tag="call.prompt_unheard"):
    LEVEL = "warning"
    waited_s: float


class Steered(Event, tag="call.steered"):
    """A command from outside. `act` and `status` are those of `sipua.calls.steer.commands`."""

    act: str
    by: str
    """Whose token it was."""
    status: str
    detail: str = ""
    about: str | None = None
    """The target, the sound, the side, the role, the names of metadata."""
    on: bool | None = None
    size: int | None = None
    """Keys, or characters: not the text itself, which may be private."""


# --- transfer ---------------------------------------------------------------------------------


class Transfer(Event, tag="call.transfer"):
    """A transfer begins: the other side is asked to call the target (`refer`), or we call it and
    will join it to the call (`dial`, and `forward` by the route), once it has been told who waits,
    and accepts (`warm`); or it is asked to take over our call to the target (`attended`)."""

    target: str
    mode: str = "refer"


class TransferProgress(Event, tag="call.transfer_progress"):
    """What the target's side has said so far."""

    status: int
    reason: str


class Leg(Event, tag="call.leg"):
    """The INVITE of a second leg of the call has left."""

    target: str
    account: str
    sip_call_id: str
    leg: str = "b"


class Briefing(Event, tag="call.briefing"):
    """The target of a warm transfer has answered, and is told who waits: `by` the `text` that is
    configured, by the `model` of the caller, or by an `agent` that it talks with."""

    target: str
    by: str
    leg: str = "b"


class Joined(Event, tag="call.joined"):
    """The target has answered, or accepted: it and the other side hear each other. `accepted`: by
    what, if it was asked."""

    target: str
    leg: str = "b"
    accepted: str | None = None


class LegEnded(Event, tag="call.leg_ended"):
    """A second leg is closed; `state`: of the transfer; with what was counted of
    its audio."""

    target: str
    state: str
    sent: int = 0
    """Packets, as the next ones."""
    received: int = 0
    lost: int = 0
    leg: str = "b"


class Transferred(Event, tag="call.transferred"):
    """The target has the call; `phases_ms`: when each phase was reached."""

    target: str
    status: int
    reason: str
    mode: str = "refer"
    phases_ms: dict[str, int] | None = None


class TransferFailed(Event, tag="call.transfer_failed"):
    """The call goes on as it was; `cause` is of a closed list."""

    LEVEL = "warning"
    target: str
    status: int
    reason: str
    mode: str = "refer"
    cause: str = ""
    retryable: bool = False
    """The same target may be reached a little later."""
    phases_ms: dict[str, int] | None = None
