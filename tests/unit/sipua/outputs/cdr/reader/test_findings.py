"""What was wrong with a call, in words, by its row."""

from __future__ import annotations

from typing import Any

import pytest

from sipua.events.ending import End, Reason, SipEnd, ours
from sipua.outputs.cdr.reader import show
from sipua.outputs.cdr.reader.findings import _ENDS, findings
from sipua.outputs.cdr.row import EngineFigures, Hold, MediaFigures, Row, TransferTry
from support.calls.rows import row

GOOD = MediaFigures("PCMU", "192.0.2.1:4000", 500, 500, 2, 0, 3.0, 1, 2.0, 20.0)


def call(media: MediaFigures | None = GOOD, **changes: Any) -> Row:
    made = row("c-1", **{name: value for name, value in changes.items() if name in _OF_EVENT})
    made.media = media
    for name, value in changes.items():
        if name not in _OF_EVENT:
            setattr(made, name, value)
    return made


_OF_EVENT = ("end", "status", "answered", "duration_s", "conversation", "interruptions")


def names(one: Row) -> list[str]:
    return [found.name for found in findings(one)]


def words(one: Row) -> str:
    (found,) = findings(one)
    return found.words


def test_a_good_call_has_none() -> None:
    assert findings(call(conversation={"turns": 3, "latency_ms": {"p50": 900, "max": 1400}})) == []


def test_loss_is_told_by_direction() -> None:
    lost = call(MediaFigures("PCMU", "", 500, 450, 50))
    assert "10.0% of the caller's packets got lost on their way to us (50 of 500)" in words(lost)
    lost = call(MediaFigures("PCMU", "", 500, 500, 0, remote_lost=25))
    assert "5.0% of our packets got lost on their way to the caller (25 of 500)" in words(lost)
    both = call(MediaFigures("PCMU", "", 500, 450, 50, remote_lost=25))
    assert names(both) == ["loss_in", "loss_out"]


def test_of_a_few_packets_nothing_is_said() -> None:
    assert names(call(MediaFigures("PCMU", "", 50, 40, 10, remote_lost=20))) == []


def test_no_rtp_and_rtp_that_was_not_believed() -> None:
    silent = call(MediaFigures("PCMU", "", 400))
    assert "no RTP came from the other side, not one packet in 8.0 s" in words(silent)
    elsewhere = call(MediaFigures("PCMU", "", 400, refused=300))
    assert "300 packets came, but from a source that was not believed" in words(elsewhere)
    ended = End("edge", Reason.MEDIA_TIMEOUT, "network", "no RTP from the peer for 3 s")
    assert names(call(MediaFigures("PCMU", "", 400), end=ended)) == ["no_rtp", "media_timeout"]


def test_late_answers_name_the_stage() -> None:
    late = call(
        conversation={
            "turns": 4,
            "latency_ms": {"p50": 2100, "p95": 5600, "max": 5600},
            "slowest": {"turn": 3, "endpointing_ms": 500, "model_ms": 5100},
        }
    )
    assert words(late) == (
        "answers came late: the slowest after 5.6 s, half of them after 2.1 s; the model was slow "
        "(5.1 s of the slowest, in turn 3)"
    )
    tool = {"latency_ms": {"p50": 10, "max": 4000}, "slowest": {"turn": 1, "tools_ms": 3900}}
    assert "a tool was slow" in words(call(conversation=tool))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"engine": EngineFigures("a", outages=2, outage_ms=3000)}, "outage"),
        ({"conversation": {"turns": 3, "unanswered": 1}}, "unanswered"),
        ({"conversation": {"first_word_ms": 4000}}, "first_word"),
        ({"conversation": {"turns": 4}, "interruptions": 3}, "cut_off"),
        ({"conversation": {"turns": 4, "tool_errors": 1}}, "tools"),
        ({"transfers": [TransferTry("", "desk", "failed", 486, "Busy Here")]}, "transfer"),
        ({"media": MediaFigures("PCMU", "", 500, 500, jitter_ms=45.0)}, "jitter"),
        ({"media": MediaFigures("PCMU", "", 500, 500, round_trip_ms=900.0)}, "round_trip"),
        ({"media": MediaFigures("PCMU", "", 0, 500)}, "nothing_sent"),
    ],
)
def test_each_kind(changes: dict[str, Any], name: str) -> None:
    assert names(call(**changes)) == [name]


def test_a_call_that_was_not_answered_says_why() -> None:
    end = End("callee", Reason.BUSY, "callee", "Busy Here", SipEnd(486, "Busy Here"))
    busy = call(None, end=end, status="busy", answered=None, duration_s=0.0)
    assert words(busy) == "the other side was busy (SIP 486 Busy Here)"


def test_each_end_with_a_fault_has_its_words() -> None:
    """One that is new gets a sentence, or it would look like a good call."""
    good = {
        Reason.HANGUP,
        Reason.AGENT_HANGUP,
        Reason.OPERATOR_HANGUP,
        Reason.TRANSFERRED,
        Reason.TARGET_HANGUP,
        Reason.MENU,
        Reason.QUEUE,
        Reason.CLOSED,
        Reason.MACHINE,
    }
    assert set(_ENDS) == set(Reason) - good


def test_the_page_begins_with_what_was_wrong() -> None:
    bad = call(MediaFigures("PCMU", "", 500, 450, 50), end=ours(Reason.ENGINE_LOST, "\x1b[2J"))
    text = show.call(bad, colour=False)
    assert text.splitlines()[1].startswith("  ! the engine was lost in mid-call")
    assert "look at: " in text
    assert "\x1b" not in text
    good = show.call(call(), colour=False)
    assert "nothing is known to have been wrong" in good
    listed = show.overview([bad, call()], colour=False).splitlines()
    assert listed[1].endswith("edge: engine_lost (engine)  ! loss 10% in")
    assert listed[2].endswith("caller: hangup")


def test_one_of_a_thing_is_one() -> None:
    media = MediaFigures("PCMU", "192.0.2.1:4000", 500, 1, 0, 0, 3.0, 1, 2.0, 20.0)
    engine = EngineFigures("main", sessions=1, outages=1, outage_ms=1000)
    one = call(media, hold=Hold(1, 2000), engine=engine, conversation={"turns": 1})
    text = show.call(one, colour=False)
    for words in ("once, 2.0 s", "1 packet received", "1 session, 1 outage, 1.0 s", "1 turn"):
        assert words in text
