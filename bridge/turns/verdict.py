"""What a turn amounts to: how long its answer took, stage by stage, and how it ended."""

from __future__ import annotations

from sipua.bridge.turns.model import Outcome, Stages, Turn, to_ms

# A caller who goes on within this has only taken a breath; after it, the answer was missing.
_BREATH_S = 2.0


def overlaps(turn: Turn) -> bool:
    """The answer began before the caller was done."""
    began_s, until_s = turn.began_s, turn.spoke_until_s
    return began_s is not None and until_s is not None and began_s < until_s


def stages(turn: Turn, answered_s: float | None) -> Stages:
    """Of an answer that is on the wire. `answered_s`: the ACK, from which a greeting counts."""
    began_s, left_s = turn.began_s, turn.left_s
    assert began_s is not None
    assert left_s is not None
    if turn.kind != "caller":
        since_s = turn.opened_s
        if turn.kind == "greeting":
            since_s = left_s if answered_s is None else answered_s
        began_s = max(began_s, since_s)
        return Stages(model_ms=to_ms(began_s - since_s), playout_ms=to_ms(left_s - began_s))
    until_s, stopped_s = turn.spoke_until_s, turn.stopped_s
    assert until_s is not None
    assert stopped_s is not None
    return Stages(
        endpointing_ms=to_ms(min(stopped_s, began_s) - until_s),
        model_ms=to_ms(turn.waits_s.get("model", 0)),
        tools_ms=to_ms(turn.waits_s.get("tools", 0)),
        outage_ms=to_ms(turn.waits_s.get("outage", 0)),
        playout_ms=to_ms(left_s - began_s),
    )


def judge(turn: Turn, now: float, *, call_ended: bool) -> Outcome:
    """Of a turn that is over now; notes how long the caller waited in vain."""
    if turn.left_s is not None:
        return "interrupted" if turn.interrupted else "answered"
    if turn.kind != "caller":
        return "ended" if call_ended else "continued"
    until_s = turn.spoke_until_s
    waited_s = 0.0 if until_s is None else now - until_s
    turn.waited_ms = to_ms(waited_s)
    if waited_s >= _BREATH_S or turn.failed:
        return "unanswered"
    return "ended" if call_ended else "continued"
