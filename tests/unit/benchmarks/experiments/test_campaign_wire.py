"""SIPp's trace of messages as calls, and whether they are what the edge reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sipua.bench.experiments.campaign import cast, proof, wire
from sipua.bench.experiments.campaign.proof import Told
from sipua.bench.experiments.campaign.wire import Call, Trace

EPOCH = datetime.fromisoformat("2026-03-02T12:00:00")
"""As SIPp writes it: in the zone of the machine."""
NOON = EPOCH.timestamp()
PLAN = cast.cast(50)
KILLED = NOON + 100


def line(at_s: float, sent: bool, first: str, call_id: str = "a", cseq: str = "1 INVITE") -> str:
    at = (EPOCH + timedelta(seconds=at_s)).isoformat(" ", "microseconds")
    did = "sent" if sent else "received"
    text = f"{first}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n\r\n"
    return f"{'-' * 47} {at}\nUDP message {did} [{len(text)}] bytes:\n\n{text}\n"


def read(tmp_path: Path, *lines: str) -> list[Call]:
    (tmp_path / "messages").write_text("".join(lines))
    return Trace(tmp_path / "messages", "carrier").read(to_the_end=True)


@pytest.mark.parametrize(
    ("messages", "ended_s", "outcome"),
    [
        ([(1, True, "SIP/2.0 486 Busy Here", "1 INVITE")], 1, "busy"),
        ([(1, True, "SIP/2.0 603 Decline", "1 INVITE")], 1, "rejected"),
        ([(1, True, "SIP/2.0 503 Service Unavailable", "1 INVITE")], 1, "failed"),
        (
            [
                (1, True, "SIP/2.0 180 Ringing", "1 INVITE"),
                (3, False, "CANCEL sip:100007@a SIP/2.0", "1 CANCEL"),
                (4, True, "SIP/2.0 200 OK", "1 CANCEL"),
                (4, True, "SIP/2.0 487 Request Terminated", "1 INVITE"),
            ],
            3,
            "no_answer",
        ),
        (
            [
                (1, True, "SIP/2.0 200 OK", "1 INVITE"),
                (5, True, "BYE sip:us@a SIP/2.0", "1 BYE"),
                (6, True, "BYE sip:us@a SIP/2.0", "1 BYE"),
                (7, False, "SIP/2.0 200 OK", "1 BYE"),
            ],
            5,
            "answered",
        ),
    ],
)
def test_what_ends_a_call(tmp_path: Path, messages: Any, ended_s: float, outcome: str) -> None:
    invite = line(0, False, "INVITE sip:100007@127.0.0.1:5060 SIP/2.0")
    more = [line(at, sent, first, cseq=cseq) for at, sent, first, cseq in messages]
    (call,) = read(tmp_path, invite, invite, *more)
    assert (call.number, call.trunk, call.begun_s) == ("100007", "carrier", NOON)
    assert (call.ended_s, call.outcome) == (NOON + ended_s, outcome)


def test_a_trace_that_grows_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "messages"
    trace = Trace(file, "carrier")
    assert trace.read() == []
    first = line(0, False, "INVITE sip:1@a SIP/2.0", "a")
    second = line(1, False, "INVITE sip:2@a SIP/2.0", "b")
    text = first + second
    for end in range(0, len(text), 40):
        file.write_text(text[:end])
        found = [call.number for call in trace.read()]
        assert found in ([], ["1"])
    file.write_text(text)
    assert [call.number for call in trace.read(to_the_end=True)] == ["1", "2"]


def test_most_at_once_and_within() -> None:
    calls = [Call("carrier", "1", NOON + at, NOON + at + 2) for at in (0, 1, 2, 9)]
    assert wire.most_at_once(calls) == 2, "one that ends as the next begins makes room"
    assert wire.most_in(calls, 1.5) == 2
    assert wire.most_in(calls, 10) == 4
    nothing = [Call("carrier", "1", NOON), Call("carrier", "2", NOON + wire.RING_S - 0.5)]
    assert wire.most_at_once(nothing) == 2
    assert wire.most_at_once(wire.cut(nothing, NOON + 1)) == 1
    early = wire.cut(nothing, NOON + 60)
    assert wire.most_at_once(early) == 2, "they had ended long before"
    assert [one.ended_s for one in early] == [None, None]


# --- the proof --------------------------------------------------------------------------------


def made() -> tuple[list[Call], dict[str, Told]]:
    """A run in which all was kept: each contact is called once, 10 s behind the one before."""
    calls, told, at_s = [], {}, NOON
    for campaign in PLAN.campaigns:
        contacts, done, attempts = [], dict[str, int](), dict[str, int]()
        for number in campaign.numbers:
            outcome, rule = "blocked", "do_not_call"
            if cast.may_be_called(number):
                at_s += 60.0
                part = cast.part_of(number)
                call = Call(campaign.trunk, number, at_s, at_s + 1)
                call.outcome = {"404": "rejected", "503": "failed", "480": "no_answer"}.get(
                    part, "answered" if part in ("person", "machine") else part
                )
                if part == "nothing":
                    call.outcome, call.ended_s = "", None
                calls.append(call)
                outcome, rule = proof.outcome_of(call), ""
                attempts[outcome] = attempts.get(outcome, 0) + 1
            done[outcome] = done.get(outcome, 0) + 1
            tries = int(not rule)
            contacts.append(
                {"number": number, "state": "done", "outcome": outcome, "attempts": tries}
                | ({"rule": rule} if rule else {})
            )
        report = {"contacts": len(contacts), "waiting": 0, "calling": 0, "done": done}
        told[campaign.name] = Told({**report, "attempts": attempts}, contacts)
    return calls, told


def faults(calls: list[Call], told: dict[str, Told]) -> list[str]:
    return proof.faults(PLAN, calls, told, KILLED)


def test_nothing_is_found_where_all_was_kept() -> None:
    assert faults(*made()) == []


def test_a_call_more_than_the_report_knows() -> None:
    calls, told = made()
    again = replace(calls[0], begun_s=calls[-1].begun_s + 900, ended_s=calls[-1].begun_s + 901)
    found = faults([*calls, again], told)
    assert f"{again.number} was called again after `person`" in found
    assert f"{again.number}: 1 attempts, and 2 INVITEs" in found


def test_a_number_that_must_not_be_called() -> None:
    calls, told = made()
    listed = replace(calls[0], number=cast.LISTED[0])
    assert f"{cast.LISTED[0]} was called, and must not be" in faults([*calls, listed], told)


def test_more_calls_at_once_than_may_be() -> None:
    calls, told = made()
    carrier = [one for one in calls if one.trunk == "carrier"][:11]
    together = [replace(one, begun_s=NOON, ended_s=NOON + 5) for one in carrier]
    found = faults([*together, *(one for one in calls if one not in carrier)], told)
    assert "trunk carrier: 11 calls at once, and at most 10 may be" in found


def test_an_outcome_that_was_another_one_on_the_wire() -> None:
    calls, told = made()
    busy = next(one for one in calls if one.outcome == "busy")
    busy.outcome = "rejected"
    assert f"{busy.number}: busy, and on the wire it was rejected" in faults(calls, told)


def test_what_the_kill_has_left_may_have_been_called_or_not() -> None:
    calls, told = made()
    march = told["march"]
    number = calls[0].number
    contact = next(one for one in march.contacts if one["number"] == number)
    contact["outcome"] = "unknown"  # type: ignore[index]
    for table in ("done", "attempts"):
        march.report[table]["person"] -= 1
        march.report[table]["unknown"] = 1
    assert faults(calls[1:], told) == []
    calls[0].begun_s, calls[0].ended_s = KILLED - 1, KILLED + 4
    assert faults(calls, told) == []
    calls[0].begun_s, calls[0].ended_s = KILLED + 1, KILLED + 4
    assert f"{number}: `unknown`, and it was called after the kill" in faults(calls, told)
