"""What was wrong with a call, in words, by its row. Pure.

Each finding has a word for the list of calls, a sentence for the page of one, and where to look
next. The worst comes first. Limits are those at which people begin to complain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sipua.events.ending import Reason
from sipua.outputs.cdr.row import MediaFigures, Row

LOSS: Final = 0.01
"""Share of packets, from which on gaps are heard; concealment covers single ones."""
JITTER_MS: Final = 30.0
LATE_MS: Final = 1500
"""An answer that callers notice as late."""
LATEST_MS: Final = 3000
"""An answer before which they ask whether the line is dead."""
FIRST_WORD_MS: Final = 3000
ROUND_TRIP_MS: Final = 400
_FEW_PACKETS: Final = 100
"""2 s: fewer say nothing about a share."""
_SPOKEN_MS: Final = 2000
"""A call that was up for less may be without a packet."""
_INTERRUPTIONS: Final = 3

SOUND: Final = "docs/troubleshooting.md, No audio"
MODEL: Final = "docs/troubleshooting.md, The model"


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    short: str
    """For a list."""
    words: str
    look: str = ""


def findings(row: Row) -> list[Finding]:
    """Empty: nothing is known to have been wrong."""
    return [found for rule in _RULES for found in rule(row)]


# --- how it ended -----------------------------------------------------------------------------

_ENDS: Final[Mapping[Reason, tuple[str, str]]] = {
    Reason.ENGINE_BUSY: (
        "all slots of the engine were taken, so it was not answered",
        "sipua queue; `max_calls` of the engine, a queue for its route",
    ),
    Reason.ENGINE_UNREACHABLE: ("no engine could be reached, so it was not answered", MODEL),
    Reason.ENGINE_LOST: ("the engine was lost in mid-call, and no other one found", MODEL),
    Reason.MEDIA_TIMEOUT: ("no RTP came any more, so it was ended", SOUND),
    Reason.NO_ACK: (
        "our answer was never acknowledged: the caller did not get it, or his ACK did not reach us",
        "the ladder: sipua calls show ID --sip; NAT and firewall, sip.public_address",
    ),
    Reason.SESSION_EXPIRED: (
        "the other side did not refresh the session: it is gone, or its messages do not reach us",
        "the ladder: sipua calls show ID --sip; NAT and firewall",
    ),
    Reason.UNREACHABLE: (
        "the other side could not be reached",
        "sipua trunks; sipua doctor -c FILE",
    ),
    Reason.WORKER_DIED: ("the process that carried it has died", "worker.died in the log"),
    Reason.SIGNALLING_LOST: ("signalling hung", "edge.signalling_lost in the log"),
    Reason.INTERNAL_ERROR: ("a fault of sipua", "call.failed in the log; please report it"),
    Reason.SHUTDOWN: ("the edge was stopped, and did not wait for its end", "calls.drain_s"),
    Reason.MAX_DURATION: ("it was longer than calls.max_duration_s", "calls.max_duration_s"),
    Reason.RING_TIMEOUT: ("it rang, and no engine was ready in time", MODEL),
    Reason.REDIRECTED: ("there was no engine: the caller was sent elsewhere", MODEL),
    Reason.FORWARD_FAILED: ("whom the route forwards to was not reached", ""),
    Reason.BUSY: ("the other side was busy", ""),
    Reason.DECLINED: ("the other side declined", ""),
    Reason.NO_ANSWER: ("the other side did not answer", ""),
    Reason.NOT_FOUND: ("the number does not exist there", "the number, and its form"),
    Reason.MOVED: ("the other side named another number, which is not followed", ""),
    Reason.REJECTED: ("the other side refused it", "sipua trunks; user and password"),
    Reason.PEER_ERROR: ("the other side failed", "sipua trunks"),
    Reason.CANCELED: ("the caller gave up before the answer", ""),
}


def _ending(row: Row) -> Iterator[Finding]:
    known = _ENDS.get(row.end.reason)
    if known is None:
        return
    words, look = known
    details = [row.end.detail] if row.end.detail else []
    if row.end.sip and not row.answered:
        details.append(f"SIP {row.end.sip.status} {row.end.sip.reason}")
    more = f" ({'; '.join(details)})" if details else ""
    rang = f" after {_s(row.rang_ms)}" if row.end.reason is Reason.CANCELED else ""
    yield Finding(row.end.reason.value, row.end.reason.value, f"{words}{rang}{more}", look)


# --- how it sounded ---------------------------------------------------------------------------


def _media(rule: Callable[[Row, MediaFigures], Iterator[Finding]]) -> Callable[[Row], Any]:
    """A rule for calls that had audio."""

    def checked(row: Row) -> Iterator[Finding]:
        if row.answered and row.media is not None and row.talk_ms >= _SPOKEN_MS:
            yield from rule(row, row.media)

    return checked


@_media
def _no_audio(row: Row, media: MediaFigures) -> Iterator[Finding]:
    if not media.received:
        if media.refused:
            words = (
                f"the caller was never heard: {media.refused} packets came, but from a source that "
                "was not believed, because neither SDP nor signalling named it"
            )
            yield Finding("no_rtp", "no RTP believed", words, f"rtp.latch; {SOUND}")
        else:
            words = (
                f"the caller was never heard: no RTP came from the other side, not one packet in "
                f"{_s(row.talk_ms)}. It sends elsewhere, or a firewall drops it"
            )
            look = f"rtp.public_address, and the range of ports in the firewall; {SOUND}"
            yield Finding("no_rtp", "no RTP", words, look)
    if not media.sent:
        words = "the caller heard nothing: no RTP was sent"
        yield Finding("nothing_sent", "nothing sent", words, "sipua record show ID")


@_media
def _loss_in(_row: Row, media: MediaFigures) -> Iterator[Finding]:
    expected = media.received + media.lost
    share = media.lost / expected if expected >= _FEW_PACKETS else 0.0
    if share >= LOSS:
        words = (
            f"{share:.1%} of the caller's packets got lost on their way to us ({media.lost} of "
            f"{expected}): the model heard gaps, and may have understood other words"
        )
        look = "the network between the other side and this machine; sipua doctor"
        yield Finding("loss_in", f"loss {share:.0%} in", words, look)


@_media
def _loss_out(_row: Row, media: MediaFigures) -> Iterator[Finding]:
    lost = media.remote_lost or 0
    share = lost / media.sent if media.sent >= _FEW_PACKETS else 0.0
    if share >= LOSS:
        words = (
            f"{share:.1%} of our packets got lost on their way to the caller ({lost} of "
            f"{media.sent}): he heard gaps"
        )
        look = "the network between this machine and the other side; sipua doctor"
        yield Finding("loss_out", f"loss {share:.0%} out", words, look)


@_media
def _uneven(_row: Row, media: MediaFigures) -> Iterator[Finding]:
    if (media.jitter_ms or 0) >= JITTER_MS:
        words = f"the caller's packets came unevenly (jitter {media.jitter_ms:.0f} ms)"
        yield Finding("jitter", f"jitter {media.jitter_ms:.0f} ms", words, SOUND)
    if (media.round_trip_ms or 0) >= ROUND_TRIP_MS:
        words = f"the way to the caller and back takes {media.round_trip_ms:.0f} ms"
        yield Finding("round_trip", f"rtt {media.round_trip_ms:.0f} ms", words, "the network")


# --- how it talked ----------------------------------------------------------------------------

_STAGES: Final = {
    "endpointing_ms": ("the end of the caller's speech was found late", "turn_detection"),
    "model_ms": ("the model was slow", "the vendor's status; longer instructions make it slower"),
    "tools_ms": ("a tool was slow", "tool.done in the log"),
    "outage_ms": ("there was no engine", MODEL),
    "playout_ms": ("it waited for what was still being said", "sipua record show ID"),
}


def _outage(row: Row) -> Iterator[Finding]:
    engine = row.engine
    if engine is not None and engine.outages:
        words = (
            f"the engine was gone {times(engine.outages)}, {_s(engine.outage_ms)} together: "
            "the caller heard the filler or silence"
        )
        yield Finding("outage", f"outage {_s(engine.outage_ms)}", words, MODEL)


def _unanswered(row: Row) -> Iterator[Finding]:
    count = _said(row).get("unanswered") or 0
    if count:
        words = f"the caller spoke and got no answer, {times(count)}"
        yield Finding("unanswered", f"{count} unanswered", words, "sipua record show ID")


def _late(row: Row) -> Iterator[Finding]:
    latency = _said(row).get("latency_ms") or {}
    usual, worst = latency.get("p50") or 0, latency.get("max") or 0
    if usual < LATE_MS and worst < LATEST_MS:
        return
    words = f"answers came late: the slowest after {_s(worst)}, half of them after {_s(usual)}"
    look = "sipua record show ID"
    slowest = _said(row).get("slowest") or {}
    stages = {name: slowest[name] for name in _STAGES if slowest.get(name)}
    if stages:
        name = max(stages, key=lambda stage: stages[stage])
        why, where = _STAGES[name]
        words += f"; {why} ({_s(stages[name])} of the slowest, in turn {slowest.get('turn')})"
        look = f"{where}; {look}"
    yield Finding("late", f"answers {_s(worst)} late", words, look)


def _first_word(row: Row) -> Iterator[Finding]:
    waited_ms = _said(row).get("first_word_ms") or 0
    if waited_ms >= FIRST_WORD_MS:
        words = f"after the answer the caller heard nothing for {_s(waited_ms)}"
        yield Finding("first_word", f"first word {_s(waited_ms)}", words, "calls.answer; greeting")


def _cut_off(row: Row) -> Iterator[Finding]:
    turns = _said(row).get("turns") or 0
    if row.interruptions >= _INTERRUPTIONS and row.interruptions * 2 >= turns:
        words = (
            f"the agent was cut off {times(row.interruptions)} in {turns} turns: by the caller, "
            "or by an echo or noise that was taken for him"
        )
        look = "docs/troubleshooting.md, The agent interrupts itself"
        yield Finding("cut_off", f"{row.interruptions} cut off", words, look)


def _tools(row: Row) -> Iterator[Finding]:
    count = _said(row).get("tool_errors") or 0
    if count:
        words = f"a tool failed, {times(count)}"
        yield Finding("tools", f"{count} tools failed", words, "tool.failed in the log")


def _transfers(row: Row) -> Iterator[Finding]:
    for one in row.transfers:
        if one.outcome == "failed":
            words = f"the transfer to {one.target} failed: {one.status} {one.reason}".rstrip()
            yield Finding("transfer", "transfer failed", words, "docs/calls.md, Transfer")


_RULES: Final = (
    _no_audio,
    _ending,
    _loss_in,
    _loss_out,
    _outage,
    _unanswered,
    _late,
    _first_word,
    _cut_off,
    _tools,
    _transfers,
    _uneven,
)


def _said(row: Row) -> Mapping[str, Any]:
    return row.conversation or {}


def _s(ms: float) -> str:
    return f"{ms / 1000:.1f} s"


def times(count: int) -> str:
    return "once" if count == 1 else "twice" if count == 2 else f"{count} times"
