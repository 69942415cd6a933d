"""The vCon of a call against what draft-ietf-vcon-vcon-core-04 demands."""

from __future__ import annotations

import json
import uuid

import pytest

from sipua.events.ending import End, Reason
from sipua.outputs.cdr.reader import vcon
from support.calls.rows import row

DISPOSITIONS = ("no-answer", "congestion", "failed", "busy", "hung-up", "voicemail-no-message")
ENTRIES = [
    {"kind": "caller", "start_ms": 1000, "end_ms": 2500, "text": "where is my order?"},
    {"kind": "latency", "total_ms": 500},
    {"kind": "agent", "start_ms": 3000, "end_ms": 5000, "text": "on its way"},
    {"kind": "agent", "start_ms": 6000, "end_ms": 7000},
]


def test_the_members_that_a_vcon_must_have() -> None:
    made = vcon.of_call(row("c-1"), ENTRIES)
    assert json.loads(json.dumps(made)) == made
    assert {"vcon", "uuid", "created_at", "parties"} <= made.keys()
    assert made["parties"] == [
        {"name": "…3456", "validation": "none"},
        {"sip": "sip:100@edge", "name": "support", "validation": "none", "type": "bot"},
    ]
    assert [said["body"] for said in made["dialog"]] == ["where is my order?", "on its way"]
    for said in made["dialog"]:
        assert said["type"] == "text"
        assert {"start", "parties", "mediatype", "encoding", "body"} <= said.keys()
        assert all(party < len(made["parties"]) for party in said["parties"])
    assert made["dialog"][0]["start"] == "2026-11-18T11:06:43.000Z"
    assert made["dialog"][0]["duration"] == 1.5
    assert [said["parties"] for said in made["dialog"]] == [[0, 1], [1, 0]], "the speaker first"
    (attached,) = made["attachments"]
    assert attached["body"]["id"] == "c-1"
    assert (attached["party"], attached["dialog"]) == (1, 0)


def test_its_uuid_is_of_version_8_with_the_time_of_the_call_and_the_same_each_time() -> None:
    first, again, other = (uuid.UUID(vcon.of_call(row(name))["uuid"]) for name in ("a", "a", "b"))
    assert first == again != other
    assert (first.version, first.variant) == (8, uuid.RFC_4122)
    assert first.int >> 80 == 1_795_000_000_000
    assert first.int & (1 << 62) - 1 == other.int & (1 << 62) - 1


@pytest.mark.parametrize("reason", Reason)
def test_a_call_that_was_not_answered_is_incomplete_with_a_disposition(reason: Reason) -> None:
    end = End("callee", reason, "callee")
    made = vcon.of_call(row("c-1", answered=None, duration_s=0.0, status="failed", end=end))
    (dialog,) = made["dialog"]
    assert dialog["type"] == "incomplete"
    assert dialog["disposition"] in DISPOSITIONS
    assert not {"body", "url", "mediatype", "encoding"} & dialog.keys()
