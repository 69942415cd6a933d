"""A sample of a call: its media at one moment, small enough to be sent each second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:  # the edge reads samples, and has no media
    from sipua.bridge.call.call_bridge import CallBridge
    from sipua.bridge.call.leg import MediaLeg
    from sipua.bridge.turns.state import TurnOf

Talk: TypeAlias = Literal["caller", "agent", "none"]
_TALKS: Final[dict[TurnOf, Talk]] = {"caller": "caller", "model": "agent", "local sound": "agent"}


@dataclass(frozen=True, slots=True)
class LegSample:
    """The same of a second leg, while it is joined: `in` is from the target, `out` to it."""

    remote: str | None
    packets_in: int
    lost_in: int
    jitter_in_ms: float
    packets_out: int
    lost_out: int | None
    """By the target's reports, as the next ones."""
    loss_out: float | None
    round_trip_ms: float | None


@dataclass(frozen=True, slots=True)
class Sample:
    """Counts are those of the whole call; `in` is from the caller, `out` to the caller."""

    call_id: str
    at_s: float
    """Unix time."""
    talk: Talk
    """Who is to be heard."""
    interruptions: int
    remote: str | None
    """Where audio goes to; None: not known yet."""
    ssrc: int | None
    packets_in: int
    bytes_in: int
    expected_in: int
    lost_in: int
    reordered: int
    late: int
    """Came after their time had been given up."""
    discarded: int
    """Datagrams that were no audio of this call, or not of its source."""
    jitter_in_ms: float
    hold_ms: float
    """How long a packet behind a gap would wait for those before it."""
    packets_out: int
    bytes_out: int
    lost_out: int | None
    """By the other side's reports, as the rest. None: there was none yet."""
    loss_out: float | None
    jitter_out_ms: float | None
    round_trip_ms: float | None
    leg_b: LegSample | None = None


def sample(call_id: str, bridge: CallBridge, at_s: float) -> Sample:
    rtp, last, total = _figures(bridge.leg)
    rtcp = rtp.get("rtcp", {})
    return Sample(
        call_id=call_id,
        at_s=at_s,
        talk=_TALKS.get(bridge.turns.turn, "none"),
        interruptions=bridge.interruptions,
        remote=rtp.get("target"),
        ssrc=last.get("ssrc"),
        packets_in=total["received"],
        bytes_in=total["received_bytes"],
        expected_in=total["expected"],
        lost_in=total["lost"],
        reordered=total["reordered"],
        late=total["late"],
        discarded=sum(rtp.get("dropped", {}).values()),
        jitter_in_ms=last.get("jitter_ms", 0.0),
        hold_ms=last.get("hold_ms", 0.0),
        packets_out=rtp.get("sent", 0),
        bytes_out=rtp.get("sent_bytes", 0),
        lost_out=rtcp.get("remote_lost"),
        loss_out=rtcp.get("remote_fraction_lost"),
        jitter_out_ms=rtcp.get("remote_jitter_ms"),
        round_trip_ms=rtcp.get("round_trip_ms"),
        leg_b=None if bridge.through.other is None else _second(bridge.through.other),
    )


def _second(leg: MediaLeg) -> LegSample:
    rtp, last, total = _figures(leg)
    rtcp = rtp.get("rtcp", {})
    return LegSample(
        remote=rtp.get("target"),
        packets_in=total["received"],
        lost_in=total["lost"],
        jitter_in_ms=last.get("jitter_ms", 0.0),
        packets_out=rtp.get("sent", 0),
        lost_out=rtcp.get("remote_lost"),
        loss_out=rtcp.get("remote_fraction_lost"),
        round_trip_ms=rtcp.get("round_trip_ms"),
    )


def _figures(leg: MediaLeg) -> tuple[Any, Any, Any]:
    """Of its session, of its last stream, and of all its streams together."""
    rtp: Any = leg.rtp.stats() if leg.rtp else {}
    streams = rtp.get("streams", ())
    last = streams[-1] if streams else {}
    if len(streams) == 1:
        return rtp, last, last
    return rtp, last, {name: sum(one[name] for one in streams) for name in _ADDED}


_ADDED: Final = ("received", "received_bytes", "expected", "lost", "reordered", "late")
