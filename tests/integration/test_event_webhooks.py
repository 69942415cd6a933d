"""Webhooks that get events, against real servers, good and bad: delivery, order, spool."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sipua.outputs.hooks import intake, reading, webhooks
from sipua.outputs.hooks.settings import EndpointSettings
from sipua.outputs.hooks.spool import Spool
from support.calls.hook_bed import LOOPBACK, Bed
from support.calls.hook_receiver import NEW_SECRET, SECRET, in_order, verified
from support.calls.hook_server import (
    Behaviour,
    HookServer,
    answer,
    dripping,
    endless,
    later,
    nonsense,
    self_signed,
    vanish,
)
from support.process import until


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    made = Bed(tmp_path / "spool")
    yield made
    await made.stop()


async def test_an_event_arrives_signed_as_a_cloudevent(bed: Bed) -> None:
    with HookServer([answer(204)]) as server:
        await bed.start(f"{server.url}/hook", headers={"X-Tenant": "k-1"}, types=("call.*",))
        bed.happens("call.ended", number=7)
        bed.happens("worker.died", "")
        await until(lambda: server.requests, "the event")
        await bed.stop()
    (request,) = server.requests
    (event,) = verified(server.requests)
    assert (event["type"], event["subject"], event["data"]) == ("call.ended", "c-1", {"number": 7})
    assert event["source"] == "/sipua/berlin"
    assert request.headers["webhook-id"] == event["id"]
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    assert (request.path, request.headers["x-tenant"]) == ("/hook", "k-1")
    assert reading.endpoints(bed.home) == [], "nothing is left on disk"


async def test_the_plain_form_and_two_secrets(bed: Bed) -> None:
    with HookServer([answer(200, b"thanks")]) as server:
        await bed.start(server.url, format="plain", secrets=(SECRET, NEW_SECRET))
        bed.happens("call.ended", number=7)
        await until(lambda: server.requests, "the event")
    for secret in (SECRET, NEW_SECRET):
        (event,) = verified(server.requests, secret)
    assert list(event)[:3] == ["type", "timestamp", "call_id"]
    assert (event["type"], event["call_id"], event["data"]) == ("call.ended", "c-1", {"number": 7})


async def test_W1_a_receiver_that_was_down_gets_all_in_order(bed: Bed, closed_port: int) -> None:
    await bed.start(f"http://localhost:{closed_port}")
    for number in range(60):
        bed.happens("turn.caller", f"c-{number % 4}", number)
    await until(lambda: "webhook.failing" in bed.names(), "that it fails is told")
    with HookServer([answer(200)], port=closed_port) as server:
        await until(lambda: len(server.requests) >= 60, "all events")
        await until(lambda: "webhook.recovered" in bed.names(), "that it is back is told")
        await bed.stop()
    events = verified(server.requests)
    assert sorted(event["data"]["number"] for event in events) == list(range(60))
    assert in_order(events)


FAULTS: dict[str, tuple[list[Behaviour], str]] = {
    "500": ([answer(500)], "answered 500"),
    "404": ([answer(404)], "answered 404"),
    "redirect": ([answer(302, Location="/elsewhere")], "redirects are not followed"),
    "hangs": ([later(1.0, answer(200))], "no answer within 0.4 s"),
    "vanishes": ([vanish], "closed the connection without an answer"),
    "nonsense": ([nonsense], "broke the protocol"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_W1_a_fault_is_tried_again_to_the_end_and_then_a_dead_letter(
    bed: Bed, fault: str
) -> None:
    behaviours, cause = FAULTS[fault]
    with HookServer(behaviours) as server:
        await bed.start(server.url, retry_s=(0.0, 0.1, 0.1), timeout_s=0.4)
        bed.happens("call.ended")
        await until(lambda: reading.dead(bed.home), "the dead letter")
        await bed.stop()
    (letter,) = reading.dead(bed.home)
    assert (letter.webhook, letter.type, letter.call_id, letter.attempts) == (
        *("crm", "call.ended", "c-1"),
        3,
    )
    assert cause in letter.cause
    assert len({request.headers["webhook-id"] for request in server.requests}) == 1
    assert len(server.requests) == 3
    assert {request.path for request in server.requests} == {"/"}, "no redirect was followed"
    assert sorted(bed.names()) == ["webhook.dead_letter", "webhook.failing"]


@pytest.mark.parametrize("body", [dripping, endless])
async def test_W1_a_slow_or_endless_body_holds_nothing_up(bed: Bed, body: Behaviour) -> None:
    with HookServer([body, answer(200)]) as server:
        await bed.start(server.url)
        for number in range(3):
            bed.happens("turn.caller", number=number)
        await until(lambda: len(server.requests) == 3, "the others")
        await bed.stop()
    assert [event["data"]["number"] for event in verified(server.requests)] == [0, 1, 2]


async def test_W1_a_certificate_that_is_not_trusted_and_one_that_is(
    bed: Bed, tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path)
    with HookServer([answer(200)], certificate) as server:
        await bed.start(server.url, retry_s=(0.0,))
        bed.happens("call.ended")
        await until(lambda: reading.dead(bed.home), "the dead letter")
        await bed.stop()
        assert "its certificate is not trusted" in reading.dead(bed.home)[0].cause
        assert server.requests == []
        assert reading.redeliver(bed.home, "crm") == 1
        await bed.start(server.url, ca_file=str(certificate[0]))
        await until(lambda: server.requests, "the dead letter, sent again")


async def test_W1_410_disables_it_over_a_restart_until_it_is_enabled(bed: Bed) -> None:
    with HookServer([answer(200), answer(410), answer(200)]) as server:
        await bed.start(server.url)
        for number in range(4):
            bed.happens("turn.caller", number=number)
        await until(lambda: "webhook.disabled" in bed.names(), "that it is told")
        bed.happens("turn.caller", number=4)
        await bed.stop()
        await bed.start(server.url)
        bed.happens("turn.caller", number=5)
        await asyncio.sleep(0.3)
        assert len(server.requests) == 2
        (state,) = reading.endpoints(bed.home)
        assert (state.webhook, state.dead) == ("crm", 3)
        assert state.disabled is not None
        assert reading.enable(bed.home, "crm")
        assert reading.redeliver(bed.home, "crm") == 3
        await until(lambda: len(server.requests) == 5, "the dead letters, while it runs")
        bed.happens("turn.caller", number=6)
        await until(lambda: len(server.requests) == 6, "what happens from now on")
    numbers = [event["data"]["number"] for event in verified(server.requests)]
    assert numbers == [0, 1, 1, 2, 3, 6]


async def test_W1_410_is_forgotten_when_the_configuration_changes(bed: Bed) -> None:
    with HookServer([answer(410), answer(200)]) as server:
        await bed.start(server.url)
        bed.happens("call.ended")
        await until(lambda: "webhook.disabled" in bed.names(), "that it is told")
        await bed.stop()
        await bed.start(f"{server.url}/new")
        bed.happens("call.ended")
        await until(lambda: len(server.requests) == 2, "the event")


async def test_W1_too_much_at_once_is_slowed_down(bed: Bed) -> None:
    with HookServer([answer(429, Retry_After="1"), answer(200)]) as server:
        await bed.start(server.url)
        began = time.monotonic()
        bed.happens("call.ended")
        await until(lambda: len(server.requests) == 2, "the second attempt", 10)
    assert time.monotonic() - began >= 1.0


async def test_what_has_happened_before_the_end_is_sent_by_the_next_run(bed: Bed) -> None:
    with HookServer([answer(503), answer(200)]) as server:
        await bed.start(server.url, retry_s=(0.0, 3.0, 1.0))
        for number in range(5):
            bed.happens("turn.caller", number=number)
        await until(lambda: server.requests, "the first attempt")
        await bed.stop()
        assert [state.waiting for state in reading.endpoints(bed.home)] == [5]
        await bed.start(server.url)
        await until(lambda: len(server.requests) == 6, "all")
        await bed.stop()
    events = verified(server.requests)
    assert [event["data"]["number"] for event in events] == [0, 0, 1, 2, 3, 4]
    assert reading.endpoints(bed.home) == []


async def test_an_address_that_is_not_public_is_refused_unless_it_is_allowed(bed: Bed) -> None:
    with HookServer([answer(200)]) as server:
        await bed.start(server.url, allow=(), retry_s=(0.0,))
        bed.happens("call.ended")
        await until(lambda: reading.dead(bed.home), "the dead letter")
        assert "may not be reached" in reading.dead(bed.home)[0].cause
        assert server.requests == []


async def test_a_webhook_is_not_told_of_itself_but_others_are(bed: Bed) -> None:
    with HookServer([answer(200)]) as good, HookServer([answer(500)]) as bad:
        other = EndpointSettings("pager", good.url, (SECRET,), ("webhook.*",), allow=LOOPBACK)
        await bed.start(bad.url, other, retry_s=(0.0, 0.1, 0.1))
        bed.happens("call.ended")
        await until(lambda: len(good.requests) == 2, "two events about the other one")
        await bed.stop()
    assert {event["type"] for event in verified(good.requests)} == {
        *("webhook.failing", "webhook.dead_letter")
    }
    assert {event["type"] for event in verified(bad.requests)} == {"call.ended"}


async def test_what_finds_no_room_is_dropped_and_told(bed: Bed) -> None:
    with HookServer([answer(500)]) as server:
        await bed.start(server.url, retry_s=(0.0, 60.0), most_bytes=1000)
        for number in range(20):
            bed.happens("turn.caller", number=number)
        await until(lambda: "webhook.dropped" in bed.names(), "that it is told")
        await bed.stop()
    (state,) = reading.endpoints(bed.home)
    assert 0 < state.waiting < 20


async def test_one_edge_alone_has_a_spool(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_AGAIN_S", 0.1)
    with HookServer([answer(200)]) as server:
        await bed.start(server.url)
        other = Bed(bed.home)
        await asyncio.sleep(0.2)
        await other.start(server.url)
        other.happens("call.ended", "c-other")
        bed.happens("call.ended", "c-mine")
        await until(lambda: len(server.requests) == 1, "the first one's")
        await bed.stop()
        await until(lambda: len(server.requests) == 2, "the other's, when it is alone")
        await other.stop()
    assert [event["subject"] for event in verified(server.requests)] == ["c-mine", "c-other"]


async def test_W1_a_disk_that_takes_nothing_is_said_and_all_is_sent_later(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_AGAIN_S", 0.1)
    bed.home.parent.mkdir(exist_ok=True)
    bed.home.write_text("a file in the place of the directory")
    with HookServer([answer(200)]) as server:
        await bed.start(server.url)
        for number in range(3):
            bed.happens("turn.caller", number=number)
        await asyncio.sleep(0.4)
        assert server.requests == []
        bed.home.unlink()
        await until(lambda: len(server.requests) == 3, "all events")
    assert [event["data"]["number"] for event in verified(server.requests)] == [0, 1, 2]


async def test_events_that_outrun_the_disk_are_bounded_and_told(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_MOST_EVENTS", 10)
    with HookServer([answer(200)]) as server:
        await bed.start(server.url)
        for number in range(30):  # without a pause for the other thread to take them
            bed.happens("turn.caller", number=number)
        await until(lambda: "webhook.dropped" in bed.names(), "that it is told")
    told = [told for told in bed.told if told.type == "webhook.dropped"]
    assert b'"count":' in told[0].data


async def test_a_spool_of_another_version_is_left_alone(bed: Bed) -> None:
    spool = Spool(bed.home)
    spool.open()
    spool._open().execute("PRAGMA user_version = 99")
    spool.close()
    with pytest.raises(Exception, match="another version"):
        Spool(bed.home).open()
