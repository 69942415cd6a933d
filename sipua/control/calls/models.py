"""What is shown of calls."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from sipua.bridge.answering.verdict import Verdict
from sipua.control.resources.models import Moment, Shown
from sipua.events.ending import By, Fault, Reason, Status


class Media(Shown):
    """What was negotiated for audio."""

    codec: str
    remote: str = Field(description="The peer's address in its SDP.")
    direction: str
    ssrc: str = Field(description="Of our audio.")
    srtp: str = Field(
        description="The suite that it is encrypted with; `DTLS`: a handshake chooses it; empty: "
        "it is not."
    )


class Transfer(Shown):
    """The last transfer that was asked for."""

    target: str
    state: Literal["asked", "done", "failed"]
    status: int | None = Field(default=None, description="SIP status of the outcome.")
    reason: str | None = None


class AnsweredBy(Shown):
    """Who has answered a call that we place, as far as it is known."""

    verdict: Verdict
    cause: str
    ms: int = Field(description="Of the other side's audio since the answer.")
    confidence: float
    message: Literal["began", "left", "stopped"] | None = Field(
        default=None, description="Of the message on a voicemail system."
    )


class Supervisor(Shown):
    """A person who hears the call."""

    who: str
    by: str = Field(description="Whose token it was.")
    mode: Literal["listen", "whisper", "barge", "takeover"]


class Sip(Shown):
    status: int
    reason: str


class End(Shown):
    """How the call ended."""

    by: By = Field(description="Who ended it.")
    reason: Reason
    fault: Fault | None = Field(default=None, description="Whose fault it was; null: nobody's.")
    detail: str = ""
    sip: Sip | None = Field(default=None, description="The last status of signalling.")


class Heard(Shown):
    """The audio that comes from the other side, as it is received here."""

    ssrc: str | None = Field(default=None, description="Of the last stream.")
    packets: int = Field(description="Since the call began, as all counts.")
    bytes: int
    lost: int
    loss: float = Field(description="Share of the last five seconds: 0.02 is 2 %.")
    jitter_ms: float
    hold_ms: float = Field(
        description="Depth of the reorder buffer: how long a packet behind a gap would wait."
    )
    reordered: int
    late: int = Field(description="Came after their time had been given up.")
    discarded: int = Field(description="Datagrams that were no audio of this call.")
    mos: float | None = Field(
        default=None,
        description="Estimated by the E-model (ITU-T G.107): G.711 reaches 4.4.",
    )


class Spoken(Shown):
    """The audio that goes to the other side. What arrives there, only its RTCP tells."""

    ssrc: str | None = None
    packets: int
    bytes: int
    lost: int | None = Field(default=None, description="By its last report, as the rest.")
    loss: float | None = Field(default=None, description="Share since the report before.")
    jitter_ms: float | None = None
    mos: float | None = Field(default=None, description="As above, without its own buffer.")


class Latency(Shown):
    """How long the caller waited for the last answer; the stages add up."""

    total_ms: int
    endpointing_ms: int = 0
    model_ms: int = 0
    tools_ms: int = 0
    outage_ms: int = 0
    playout_ms: int = 0


class SecondLeg(Shown):
    """The audio of a second leg, while it is joined: of a transfer's target."""

    remote: str | None = None
    packets_in: int = Field(description="From it; counts are those of the whole leg.")
    lost_in: int
    jitter_in_ms: float
    packets_out: int
    lost_out: int | None = Field(default=None, description="By its last report, as the rest.")
    loss_out: float | None = None
    round_trip_ms: float | None = None


class Stats(Shown):
    """How a call is at this moment, or was at its end."""

    at: Moment | None = Field(
        default=None,
        description="When it was counted: up to 5 s ago, and up to 1 s while somebody asks.",
    )
    talk: Literal["caller", "agent", "none"] = Field(description="Who is to be heard.")
    held: bool
    muted: list[Literal["agent", "caller"]]
    codec: str | None = None
    remote: str | None = Field(default=None, description="Where our audio goes to.")
    received: Heard | None = None
    sent: Spoken | None = None
    round_trip_ms: float | None = Field(default=None, description="By RTCP.")
    leg_b: SecondLeg | None = None
    latency: Latency | None = None
    engine: str
    engine_up: bool
    interruptions: int
    counters: dict[str, Any] | None = Field(
        default=None, description="All that was counted, once the call has ended."
    )


class Point(Shown):
    """How the call was heard in about five seconds."""

    at_ms: int = Field(description="When they ended, on the clock of the call.")
    packets_in: int
    loss_in: float
    jitter_in_ms: float
    hold_ms: float
    mos_in: float | None = None
    loss_out: float | None = Field(default=None, description="By RTCP, as all of `out`.")
    jitter_out_ms: float | None = None
    mos_out: float | None = None
    round_trip_ms: float | None = None


class Span(Shown):
    """One side spoke."""

    who: Literal["caller", "agent"]
    from_ms: int
    until_ms: int
    turn: int | None = None
    cut: str | None = Field(default=None, description="Who cut it off.")


class History(Shown):
    """What is known of the course of a call, bounded: the latest of it."""

    zero: Moment = Field(
        description="The zero of the call's clock, which all `_ms` here are on: its answer, or its "
        "begin while there is none."
    )
    points: list[Point] = Field(description="The last ten minutes.")
    spans: list[Span] = Field(description="Speech that is over; the last 500.")


class Line(Shown):
    """Words of one side."""

    who: str
    text: str
    turn: int | None = None
    at: Moment = Field(description="When they became known.")


class Transcript(Shown):
    """What was said so far, as far as `record.transcripts` allows it."""

    lines: list[Line] = Field(description="The last 200.")


class Caller(Shown):
    """Who calls, by the header that is believed, as far as `record.numbers` allows."""

    number: str = Field(default="", description="In the trunk's format. Empty: none is known.")
    received: str = Field(default="", description="As it came, where that differs.")
    name: str = Field(default="", description="With `record.numbers` = `full` only.")
    header: str = Field(default="", description="The header that it is from.")
    anonymous: bool = Field(default=False, description="The caller wants not to be known.")
    diverted: list[str] = Field(
        default=[], description="The numbers that were called before, the last one first."
    )
    verstat: str = Field(
        default="",
        description="TN-Validation-Passed, TN-Validation-Failed or No-TN-Validation (STIR/SHAKEN). "
        "Empty: it was not verified.",
    )
    attest: str = Field(default="", description="What its provider attests: A, B or C.")
    origid: str = Field(default="", description="Of the place where the call has come from.")
    verified_by: str = Field(default="", description="`edge`, or `trunk`, which is believed.")
    unverified: str = Field(default="", description="Why the number is not verified.")


class Call(Shown):
    """A call."""

    id: str
    direction: Literal["incoming", "outgoing"]
    state: Literal["placing", "ringing", "active", "ended"]
    from_: str | None = Field(
        default=None,
        alias="from",
        description="The From header, as far as `record.numbers` allows.",
    )
    to: str | None = Field(default=None, description="As far as `record.numbers` allows.")
    caller: Caller | None = None
    called: str | None = Field(
        default=None, description="The number that was dialled, in the trunk's format."
    )
    origin: str = Field(description="The trunk or account; `anyone` is a peer that is neither.")
    route: str = Field(description="Empty: no route fits, and the agent of [engine] talks.")
    worker: int
    created_at: Moment
    answered_at: Moment | None = None
    ended_at: Moment | None = None
    age_s: float = Field(description="Since it began; of one that has ended: how long it was.")
    sip_call_id: str
    source: str = Field(description="Where its INVITE came from.")
    by: str | None = Field(default=None, description="Whose token placed it.")
    metadata: dict[str, str] = Field(description="Given by those who placed or steered it.")
    held: bool
    muted: list[Literal["agent", "caller"]] = Field(
        description="The sides that the other one does not hear."
    )
    media: Media | None = None
    engine: str = Field(description="The engine that it talks with, or talked with last.")
    engine_up: bool
    turns: int = Field(description="How often the caller has spoken.")
    last_latency_ms: int | None = Field(
        default=None, description="How long the caller waited for the last answer."
    )
    quality: dict[str, Any] = Field(
        description="What the other side has reported of our audio, when packets got lost."
    )
    transfer: Transfer | None = None
    supervisor: Supervisor | None = None
    parked: str | None = Field(default=None, description="The slot that the call is parked in.")
    answered_by: AnsweredBy | None = Field(
        default=None, description="With `answering`, of a call that we place."
    )
    recording: Literal["off", "on", "paused", "saved", "failed", "blocked"] = Field(
        default="off", description="Of its sound; the last that was told of it."
    )
    status: Status | None = Field(default=None, description="The outcome, once it has ended.")
    end: End | None = None
    duration_s: float | None = Field(default=None, description="Since the answer.")
    stats: Stats | None = Field(default=None, description="With include=stats.")


class Calls(Shown):
    """A page of calls, the newest first."""

    calls: list[Call]
    next: str | None = Field(default=None, description="`after` of the next page; null: none.")


class Outcome(Shown):
    """What came of an order to a call."""

    call_id: str
    status: Literal["done", "accepted"] = Field(
        description="`accepted`: it has begun, and events tell the rest."
    )
    detail: str = ""
    values: dict[str, str | int] = Field(default={})


class CallEvents(Shown):
    """The kept events of a call, the oldest first."""

    events: list[dict[str, Any]]
