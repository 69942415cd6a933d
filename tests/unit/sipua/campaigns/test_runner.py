"""A campaign from its first call to its last, with a network that answers as the test wants."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sipua.calls.steer.place_request import CannotPlaceError
from sipua.campaigns import runner as runner_module
from sipua.campaigns.rules.settings import Policy
from sipua.campaigns.runner import CampaignRunner
from sipua.campaigns.store import reading
from sipua.campaigns.store.leases import CampaignStore, Limits
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from support.calls.campaigns import POLICY, Network, campaign, contact

PERSON = {
    "status": "completed",
    "answered_by": {"verdict": "person", "ms": 900},
    "first_audio_ms": 1000,
    "duration_s": 3.0,
}
BUSY = {"status": "busy"}
NUMBERS = [f"+4930{n:05}" for n in range(30)]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_LOOK_S", 0.05)
    monkeypatch.setattr(runner_module, "_FAILED_S", 0.1)


class Bed:
    def __init__(
        self,
        directory: Path,
        answer: Callable[[str], Mapping[str, Any] | CannotPlaceError],
        policy: Policy = POLICY,
    ) -> None:
        self.directory = directory
        self.events = EventStream("edge")
        self.network = Network(self.events, answer)
        self.runner = CampaignRunner(directory, policy, self.network, self.events, made_by_api=True)

    def tell(self, kind: str) -> None:
        self.events.put(Told(kind, 0.0, "", b"{}"))

    def told(self, kind: str) -> list[dict[str, Any]]:
        every = self.events.after(0) or []
        return [msgspec.json.decode(one.told.data) for one in every if one.told.type == kind]

    async def until(self, happened: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not happened():
                await asyncio.sleep(0.01)

    async def finished(self) -> dict[str, Any]:
        await self.until(lambda: self.told("campaign.finished"))
        return self.told("campaign.finished")[0]


@asynccontextmanager
async def bed(*args: Any, **keys: Any) -> Any:
    made = Bed(*args, **keys)
    await made.runner.start()
    made.tell("edge.listening")
    try:
        yield made
    finally:
        await made.runner.stop()


async def test_every_contact_is_called_once_and_the_report_adds_up(tmp_path: Path) -> None:
    march = campaign(tmp_path, NUMBERS, max_calls=4)
    async with bed(tmp_path, lambda number: PERSON if number[-1] in "02468" else BUSY | {}) as one:
        await one.until(lambda: len(one.told("campaign.attempt")) == 30)
        assert one.network.most_up == 4
    assert sorted(one.network.numbers) == NUMBERS
    report = reading.report(tmp_path, march)
    assert (report.done, report.waiting) == ({"person": 15}, 15)  # the busy ones are called again
    assert report.contacts == report.waiting + report.calling + sum(report.done.values())
    (started,) = one.told("campaign.started")
    assert (started["by"], started["left"]) == ("edge", 30)


async def test_it_ends_when_each_contact_is_done(tmp_path: Path) -> None:
    campaign(tmp_path, NUMBERS[:5], max_attempts=1)
    async with bed(tmp_path, lambda _: BUSY) as one:
        finished = await one.finished()
    assert finished == {"campaign": "march", "contacts": 5, "done": {"busy": 5}}
    (found,) = reading.every(tmp_path)
    assert found.state == "finished"
    attempt = one.told("campaign.attempt")[0]
    assert (attempt["outcome"], attempt["attempt"]) == ("busy", 1)
    assert "again_in_s" not in attempt


async def test_what_is_said_of_each_call(tmp_path: Path) -> None:
    campaign(tmp_path, NUMBERS[:1], caller_id="+4930999", route="sales", on_voicemail="hangup")
    async with bed(tmp_path, lambda _: PERSON) as one:
        await one.finished()
    (request,) = one.network.placed
    assert (request.to, request.origin, request.route) == (NUMBERS[0], "carrier", "sales")
    assert (request.caller_id, request.by) == ("+4930999", "campaign:march")
    assert (request.answering, request.on_voicemail) == ("detect", "hangup")
    assert request.metadata == {"campaign": "march", "contact": "1", "attempt": "1"}


async def test_an_attempt_of_a_killed_edge_is_unknown_and_not_made_again(tmp_path: Path) -> None:
    march = campaign(tmp_path, NUMBERS[:4])
    killed = CampaignStore(tmp_path)
    killed.open()
    killed.lease(march.id, ["UTC"], 2, caller_id="", limits=Limits(0, 0), now_s=2000.0)
    killed.close()
    async with bed(tmp_path, lambda _: PERSON) as one:
        finished = await one.finished()
    assert finished["done"] == {"unknown": 2, "person": 2}
    assert sorted(one.network.numbers) == NUMBERS[2:4]


async def test_unless_the_campaign_wants_that(tmp_path: Path) -> None:
    march = campaign(tmp_path, NUMBERS[:1], call_unknown=True, retry_s={"failed": (1.0,)})
    killed = CampaignStore(tmp_path)
    killed.open()
    killed.lease(march.id, ["UTC"], 1, caller_id="", limits=Limits(0, 0), now_s=2000.0)
    killed.close()
    async with bed(tmp_path, lambda _: PERSON) as one:
        assert (await one.finished())["done"] == {"person": 1}


async def test_a_pause_and_more(tmp_path: Path) -> None:
    campaign(tmp_path, NUMBERS, calls_per_second=20.0)
    async with bed(tmp_path, lambda _: PERSON) as one:
        await one.until(lambda: one.network.placed)
        reading.change(tmp_path, "march", "paused", "me", 5000.0)
        await one.until(lambda: one.told("campaign.paused"))
        count = len(one.network.placed)
        assert count < len(NUMBERS)
        await asyncio.sleep(0.3)
        assert len(one.network.placed) == count
        reading.change(tmp_path, "march", "running", "me", 5001.0)
        await one.finished()
    assert sorted(one.network.numbers) == NUMBERS


async def test_nothing_begins_while_the_edge_drains(tmp_path: Path) -> None:
    campaign(tmp_path, NUMBERS[:3])
    one = Bed(tmp_path, lambda _: PERSON)
    await one.runner.start()
    one.tell("edge.draining")
    one.tell("edge.listening")
    await one.until(lambda: one.told("campaign.started"))
    await asyncio.sleep(0.2)
    assert one.network.placed == []
    one.tell("edge.drain_ended")
    await one.finished()
    await one.runner.stop()


async def test_a_network_that_fails_opens_the_breaker(tmp_path: Path) -> None:
    campaign(tmp_path, NUMBERS, max_calls=1)
    async with bed(tmp_path, lambda _: {"status": "failed"}) as one:
        await one.until(lambda: one.told("campaign.paused"))
    (paused,) = one.told("campaign.paused")
    assert (paused["by"], paused["cause"]) == ("breaker", "5 of the last 5 attempts have failed")
    assert len(one.network.placed) == 5


ABANDONED = {**PERSON, "first_audio_ms": 5000}


async def test_too_many_abandoned_calls_pause_it_until_somebody_starts_it(tmp_path: Path) -> None:
    march = campaign(tmp_path, NUMBERS, max_calls=1)
    policy = replace(POLICY, abandoned_percent=20, abandoned_least=5)
    left = NUMBERS[3:5] + NUMBERS[9:10]
    answer = lambda number: ABANDONED if number in left else PERSON  # noqa: E731
    async with bed(tmp_path, answer, policy) as one:
        await one.until(lambda: one.told("campaign.paused"))
        (paused,) = one.told("campaign.paused")
        assert (paused["by"], paused["rule"]) == ("breaker", "abandoned_percent")
        assert paused["cause"] == (
            "2 of 5 calls that persons have answered in 30 days were abandoned: 40.0 %, "
            "`outbound.abandoned_percent` is 20"
        )
        assert len(one.network.placed) == 5
        (stored,) = reading.every(tmp_path)
        assert (stored.state, stored.by, stored.cause) == ("paused", "breaker", paused["cause"])
        # What was abandoned before is known; the next one pauses it again.
        reading.change(tmp_path, "march", "running", "me", time.time())
        await one.until(lambda: len(one.told("campaign.paused")) == 2)
        assert len(one.network.placed) == 10
        reading.change(tmp_path, "march", "running", "me", time.time())
        await one.finished()
    assert reading.report(tmp_path, march).abandoned == 3


async def test_few_calls_say_nothing_of_the_share(tmp_path: Path) -> None:
    campaign(tmp_path, NUMBERS[:5])
    async with bed(tmp_path, lambda _: ABANDONED, replace(POLICY, abandoned_percent=5)) as one:
        await one.finished()
        assert one.told("campaign.paused") == []


async def test_no_call_before_its_moment(tmp_path: Path) -> None:
    """That of the campaign, and that of a contact."""
    march = campaign(tmp_path, NUMBERS[:1], not_before_s=time.time() + 1.0)
    later = contact(NUMBERS[1], not_before_s=time.time() + 2.0)
    reading.add(tmp_path, march, [later, contact(NUMBERS[2], not_before_s=1.0)])
    placed_s = []
    async with bed(tmp_path, lambda _: placed_s.append(time.time()) or PERSON) as one:
        await one.until(lambda: one.told("campaign.started"))
        await one.finished()
    settings = march.settings
    assert sorted(one.network.numbers[:2]) == [NUMBERS[0], NUMBERS[2]]
    assert min(placed_s) >= settings.not_before_s
    assert placed_s[2] >= later.not_before_s


async def test_a_campaign_whose_calls_cannot_be_placed_is_paused(tmp_path: Path) -> None:
    """Its contacts are kept: the fault is not theirs."""
    march = campaign(tmp_path, NUMBERS, max_calls=1)
    wrong = CannotPlaceError("invalid", "there is no account or trunk 'carrier'")
    async with bed(tmp_path, lambda _: wrong) as one:
        await one.until(lambda: one.told("campaign.paused"))
    assert one.told("campaign.paused")[0]["cause"] == str(wrong)
    report = reading.report(tmp_path, march)
    assert (report.waiting, report.attempts) == (30, {})


async def test_a_number_that_is_not_called_is_done(tmp_path: Path) -> None:
    march = campaign(tmp_path, NUMBERS[:3])
    listed = CannotPlaceError("blocked", "do_not_call: …", rule="do_not_call")
    async with bed(tmp_path, lambda number: listed if number == NUMBERS[1] else PERSON) as one:
        assert (await one.finished())["done"] == {"person": 2, "blocked": 1}
    assert reading.report(tmp_path, march).blocked == {"do_not_call": 1}


async def test_a_list_that_cannot_be_read_burns_no_contact(tmp_path: Path) -> None:
    march = campaign(tmp_path, NUMBERS[:3])
    unreadable = CannotPlaceError("list_unreadable", "do_not_call: …", rule="do_not_call")
    async with bed(tmp_path, lambda _: unreadable) as one:
        await one.until(lambda: len(one.network.placed) == 3)
        await one.until(lambda: reading.report(tmp_path, march).waiting == 3)
    assert one.told("campaign.paused") == []


async def test_no_room_is_waited_for(tmp_path: Path) -> None:
    campaign(tmp_path, NUMBERS[:3])
    one = Bed(tmp_path, lambda _: PERSON)
    one.network.full = True
    await one.runner.start()
    one.tell("edge.listening")
    await one.until(lambda: one.network.asked_busy > 1)
    assert one.network.placed == []
    one.network.full = False
    await one.finished()
    await one.runner.stop()


async def test_calls_of_the_day_that_show_one_number(tmp_path: Path) -> None:
    campaign(tmp_path, NUMBERS, caller_id="+4930999")
    policy = replace(POLICY, caller_id_calls_per_day=7)
    async with bed(tmp_path, lambda _: PERSON, policy) as one:
        await one.until(lambda: one.told("call.blocked"))
        assert len(one.network.placed) == 7
    (blocked,) = one.told("call.blocked")
    assert (blocked["rule"], blocked["limit"], blocked["by"]) == (
        "caller_id_calls_per_day",
        7,
        "campaign:march",
    )


async def test_hours_of_the_configuration_and_of_the_campaign(tmp_path: Path) -> None:
    never = replace(POLICY, hours=("mon 00:00-00:01",))
    campaign(tmp_path, NUMBERS[:1], hours=("tue 00:00-00:01",))
    async with bed(tmp_path, lambda _: PERSON, never) as one:
        await one.until(lambda: one.told("campaign.started"))
        await asyncio.sleep(0.2)
        assert one.network.placed == []


async def test_one_edge_runs_the_campaigns_of_a_folder(tmp_path: Path) -> None:
    campaign(tmp_path, NUMBERS[:3], calls_per_second=2.0)
    async with bed(tmp_path, lambda _: PERSON) as first:
        await first.until(lambda: first.told("campaign.started"))
        async with bed(tmp_path, lambda _: PERSON) as second:
            await second.until(lambda: second.told("campaigns.failing"))
            assert "another edge" in second.told("campaigns.failing")[0]["cause"]
            assert second.network.placed == []


def test_without_campaigns_nothing_is_made(tmp_path: Path) -> None:
    async def run() -> None:
        async with bed(tmp_path, lambda _: PERSON):
            await asyncio.sleep(0.2)

    asyncio.run(run())
    assert list(tmp_path.iterdir()) == []
