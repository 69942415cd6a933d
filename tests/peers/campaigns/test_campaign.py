"""A campaign against people, machines, busy and empty lines, with a kill -9 in its middle.

All is judged by what SIPp received: who was called, how often, how many at once, how fast.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.calls.steered_edge import TOKEN, SteeredEdge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import SipMessage, Sipp, SippRun
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.sound]

COUNT = 50
"""500 of them, and more kinds: benchmarks/experiments/campaign/run.py."""
AT_ONCE = 8
A_SECOND = 5.0
PATIENCE_S = 60 + COUNT
NUMBERS = [f"1{n:03}" for n in range(COUNT)]
"""By the last digit: 7 is busy, 8 does not answer, 9 is a machine, the others are persons."""
LISTED = NUMBERS[40]
SPEECH = audio.speech("pbx")
MACHINE = np.concatenate([audio.silence(600), *[SPEECH, audio.silence(300)] * 5])
PERSON = np.concatenate([audio.silence(300), audio.speech("short")[: 8 * 900], audio.silence(20)])
ACCESS: dict[str, Any] = {
    "name": "test",
    "token": TOKEN,
    "right": "admin",
    "place": {"prefixes": ["1"], "max_calls": 50, "per_minute": 3000},
}


@pytest.fixture
def trunk_edge(tmp_path: Path) -> Iterator[Callable[..., SteeredEdge]]:
    started: list[SteeredEdge] = []

    def start(server: str, **outbound: Any) -> SteeredEdge:
        trunk = {"name": "carrier", "hosts": ["192.0.2.1"], "proxy": f"sip:{server}"}
        started.append(
            SteeredEdge(
                tmp_path / "edge",
                {
                    "trunks": [trunk],
                    "api": {"tokens": [ACCESS]},
                    "outbound": {
                        "directory": tmp_path / "outbound",
                        "hours": ["mon-sun 00:00-24:00"],
                        "timezone": "UTC",
                        "calls_per_second": 100,
                        "max_calls": 50,
                        **outbound,
                    },
                    **({"agent": {"greeting": False}} if outbound else {}),
                },
            )
        )
        return started[-1]

    yield start
    for edge in started:
        edge.close()


def called(messages: list[SipMessage]) -> dict[str, list[SipMessage]]:
    """The INVITEs of each number, without retransmissions."""
    found: dict[str, list[SipMessage]] = {}
    seen = set()
    for one in messages:
        if one.sent or not (match := re.match(r"INVITE sip:(\d+)@", one.first_line)):
            continue
        call_id = _header(one, "Call-ID")
        if call_id not in seen:
            seen.add(call_id)
            found.setdefault(match[1], []).append(one)
    return found


def most_at_once(messages: list[SipMessage]) -> int:
    """Calls from their INVITE to their end, as the receiver has seen them."""
    up: set[str] = set()
    most = 0
    for one in messages:
        call_id = _header(one, "Call-ID")
        if not one.sent and one.first_line.startswith("INVITE"):
            up.add(call_id)
        elif re.search(r"BYE|CANCEL|^SIP/2.0 4", one.first_line):
            up.discard(call_id)
        most = max(most, len(up))
    return most


def begun(messages: list[SipMessage]) -> list[float]:
    return sorted(one.at_s for invites in called(messages).values() for one in invites)


def most_in_a_second(messages: list[SipMessage]) -> int:
    every = begun(messages)
    return max(sum(first <= at < first + 1 for at in every) for first in every)


def _header(one: SipMessage, name: str) -> str:
    match = re.search(rf"^{name}:\s*(\S+)", one.text, re.MULTILINE | re.IGNORECASE)
    return match[1] if match else ""


def people(
    sipp: Sipp, far_end: Callable[..., RtpFarEnd], calls: int, *, pause_ms: int = 3000
) -> SippRun:
    ports = min(calls, 4 * AT_ONCE)
    persons, machines = far_end(ports, PERSON), far_end(ports, MACHINE)
    return sipp.start(
        "uas_people",
        media=persons,
        second=machines,
        calls=calls,
        pause_ms=pause_ms,
        timeout_s=2 * PATIENCE_S,
    )


def test_no_number_is_called_twice_and_every_cap_is_kept(
    trunk_edge: Callable[[str], SteeredEdge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    tmp_path: Path,
) -> None:
    far = people(sipp, far_end, len(NUMBERS))
    edge = trunk_edge(far.address)
    assert edge.ask("/v1/dnc", {"numbers": [LISTED], "reason": "wants no calls"})["added"] == 1
    order = {
        "name": "march",
        "origin": "carrier",
        "max_calls": AT_ONCE,
        "calls_per_second": A_SECOND,
        "ring_timeout_s": 2,
        "on_voicemail": "hangup",
        "max_attempts": 1,
    }
    assert edge.ask("/v1/campaigns", order)["state"] == "new"
    file = tmp_path / "contacts.csv"
    file.write_text("number,name\n" + "".join(f"{number},Anna\n" for number in NUMBERS))
    command = ["sipua", "campaign", "run", "march", str(file), "--json"]
    done = subprocess.run(
        command, env=edge.client_env(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{COUNT} contacts added" in done.stderr

    wait_until(lambda: len(called(far.messages())) >= COUNT // 3, PATIENCE_S, "a third")
    edge.kill()
    before = far.messages()
    edge.start()
    finished = edge.wait_event("campaign.finished", timeout_s=PATIENCE_S)

    messages = far.messages()
    invites = called(messages)
    assert {number: len(found) for number, found in invites.items() if len(found) > 1} == {}
    assert LISTED not in invites
    assert most_at_once(before) <= AT_ONCE
    # What the killed edge had up has ended for it, and not for the receiver.
    assert most_at_once(messages[len(before) :]) <= AT_ONCE
    # A machine that stood still for a while sends together what was due one by one.
    assert most_in_a_second(messages) <= 2 * A_SECOND
    first, *_, eighth = begun(messages)[:8]
    assert eighth - first > 7 / A_SECOND / 2

    report = edge.get("/v1/campaigns/march/report")
    done_, attempts = report["done"], report["attempts"]
    assert (
        report["contacts"] == COUNT == report["waiting"] + report["calling"] + sum(done_.values())
    )
    assert finished["contacts"] == COUNT
    assert (report["waiting"], report["calling"]) == (0, 0)
    assert report["blocked"] == {"do_not_call": 1} == {"do_not_call": done_["blocked"]}
    assert sum(attempts.values()) == COUNT - 1
    # Those that were up in the moment of the kill; all others are known, each by its digit.
    assert 1 <= done_["unknown"] <= AT_ONCE
    lost = {
        event["contact"]
        for event in edge.events(name="campaign.attempt")
        if event["outcome"] == "unknown"
    }
    assert len(lost) == done_["unknown"]
    contacts = edge.get("/v1/campaigns/march/contacts?state=done&limit=1000")["contacts"]
    expected = Counter(
        _expected(one["number"])
        for one in contacts
        if one["id"] not in lost and one["number"] != LISTED
    )
    found = Counter({name: count for name, count in done_.items() if count})
    del found["unknown"], found["blocked"]
    assert found == expected
    assert report["answered_live"] == done_["person"]
    assert report["abandoned"] == 0
    rules = [event["rule"] for event in edge.events(name="call.blocked")]
    assert rules == ["do_not_call"]
    assert edge.events(name="campaigns.fault") == []


def test_an_agent_that_says_nothing_pauses_the_campaign(
    trunk_edge: Callable[..., SteeredEdge], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    """The person hears nothing for two seconds behind the greeting. No call before its moment."""
    far = people(sipp, far_end, 1, pause_ms=6000)
    edge = trunk_edge(far.address, abandoned_percent=0)
    edge.ask("/v1/campaigns", {"name": "march", "origin": "carrier"})
    moment = datetime.now(UTC) + timedelta(seconds=2)
    contacts = [{"number": "1000", "not_before": moment.isoformat()}]
    edge.ask("/v1/campaigns/march/contacts", {"contacts": contacts})
    edge.ask("/v1/campaigns/march/start", {})
    paused = edge.wait_event("campaign.paused", timeout_s=60)
    assert (paused["by"], paused["rule"]) == ("breaker", "abandoned_percent")
    (attempt,) = edge.events(name="campaign.attempt")
    assert (attempt["outcome"], attempt["abandoned"]) == ("person", True)
    assert datetime.fromisoformat(edge.events(name="call.placing")[0]["ts"]) >= moment
    assert edge.ask("/v1/campaigns/march/start", {})["state"] == "running"
    edge.wait_event("campaign.finished")
    assert len(edge.events(name="campaign.paused")) == 1
    report = edge.get("/v1/campaigns/march/report")
    assert (report["answered_live"], report["abandoned"]) == (1, 1)
    assert len(called(far.messages())) == 1


def _expected(number: str) -> str:
    return {"7": "busy", "8": "no_answer", "9": "machine"}.get(number[-1], "person")


def test_a_number_in_the_list_is_not_called_by_the_api(
    trunk_edge: Callable[[str], SteeredEdge], sipp: Sipp
) -> None:
    far = sipp.start("uas_reject", STATUS="486 Busy Here")
    edge = trunk_edge(far.address)
    edge.ask("/v1/dnc", {"numbers": ["1234"], "reason": "wants no calls"})
    refused = edge.place("1234", origin="carrier")
    assert refused["status"] == "blocked"
    assert "do_not_call: in the list since" in refused["detail"]
    blocked = edge.wait_event("call.blocked")
    assert (blocked["rule"], blocked["origin"], blocked["by"]) == ("do_not_call", "carrier", "test")
    assert far.messages() == []

    file = edge.file.parent.parent / "outbound" / "do_not_call.sqlite3"
    file.write_bytes(b"this is no database" * 1000)
    refused = edge.place("1235", origin="carrier")
    assert refused["status"] == "storage"
    assert "cannot be read" in refused["detail"]
    assert far.messages() == []
