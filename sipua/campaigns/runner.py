"""Runs the campaigns of an edge: whom next, when, and what came of it.

    database ─ lease, on the disk ─▶ place, as POST /v1/calls does ─▶ call.ended ─▶ outcome ─┐
       ▲  ▲                                                                                  │
       │  └────────────────────────────── done, or again at … ───────────────────────────────┘
       └── the API writes: contacts, running, paused, stopped

On the edge's loop; the database has a thread of its own, so that no call waits for a disk. While
the edge drains, nothing begins. A campaign that ran when the edge ended runs again at its start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.campaigns import telling
from sipua.campaigns.attempts import AGAIN_S, Attempts, Clocks, Places, Told
from sipua.campaigns.calling import Calling
from sipua.campaigns.choosing import Chooser
from sipua.campaigns.rules import abandonment
from sipua.campaigns.rules.outcomes import again_after_s
from sipua.campaigns.rules.settings import Campaign, Policy, State
from sipua.campaigns.store import reading, tables
from sipua.campaigns.store.databases import StoreError, exists
from sipua.campaigns.store.leases import DAY_S, CampaignStore, Ended, Lost, News
from sipua.events import outbound_events
from sipua.events.stream import EventStream, Happened
from sipua.log import logs
from sipua.outputs.hooks.spool import lock

T = TypeVar("T")
_LOOK_S: Final = 1.0
"""Between two looks at the database, which the API writes to."""
_FAILED_S: Final = 5.0
_BUSY_S: Final = 0.25
_NEVER_S: Final = 3600.0


class CampaignRunner:
    def __init__(
        self,
        directory: Path,
        policy: Policy,
        places: Places,
        events: EventStream,
        *,
        made_by_api: bool,
        clocks: Clocks = Clocks(),  # noqa: B008 (it has no state)
    ) -> None:
        """`made_by_api`: whether campaigns may yet come."""
        self._policy = policy
        self._directory = directory
        self._places = places
        self._tell = events.teller().tell
        self._made_by_api = made_by_api
        self._clocks = clocks
        self._store = CampaignStore(directory)
        self._chooser = Chooser(self._store)
        self._thread = ThreadPoolExecutor(1, "campaigns")
        self._held = ExitStack()
        self._opened = False
        self._failing = False
        self._campaigns: dict[int, Campaign] = {}
        self._unfit: dict[int, str] = {}
        """Campaigns whose calls cannot be placed, and why."""
        self._left_alone: set[int] = set()
        """Campaigns of which a call was abandoned; it may not be written yet."""
        self._to_judge: set[int] = set()
        """The same, written."""
        self._used_up: set[int] = set()
        """Campaigns whose number has made its calls of the day; told."""
        self._takes_calls = False
        self._draining = False
        self._wake = asyncio.Event()
        self._faults = FaultOwner("campaigns.fault", logs.get(), nothing)
        self._calling = Calling()
        self._attempts = Attempts(
            places,
            self._calling,
            self._faults,
            clocks,
            on_ended=self._on_ended,
            on_unfit=self._on_unfit,
        )
        self._work: asyncio.Task[None] | None = None
        self._unsubscribe = events.subscribe(self._read)

    async def start(self) -> None:
        self._work = self._faults.task(self._run(), "campaigns")

    async def stop(self) -> None:
        """Behind the last call."""
        self._unsubscribe()
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        if self._opened:
            try:
                await self._write()
            except StoreError as error:
                self._fail(error)
        await self._on_thread(self._close)
        self._thread.shutdown(wait=False)

    def use(self, policy: Policy) -> None:
        self._policy = policy
        self._wake.set()

    def _read(self, happened: Happened) -> None:
        told = happened.told
        match told.type:
            case "call.ended":
                if len(self._calling):
                    self._attempts.ended(told.call_id, msgspec.json.decode(told.data))
            case "edge.listening":
                self._takes_calls = True
                self._wake.set()
            case "edge.draining":
                self._draining = True
            case "edge.drain_ended":
                self._draining = False
                self._wake.set()

    def _on_ended(self, told: Told) -> None:
        if told.abandoned:
            self._left_alone.add(told.campaign.id)
        self._wake.set()
        # Not from within: readers of an event tell none themselves.
        self._faults.call_soon("attempt", self._tell_attempt, told)

    def _tell_attempt(self, told: Told) -> None:
        self._tell(telling.attempt(told, self._policy))

    def _on_unfit(self, campaign: Campaign, cause: str) -> None:
        self._unfit[campaign.id] = cause
        self._wake.set()

    # --- the loop -------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                wait_s = await self._step()
            except StoreError as error:
                self._fail(error)
                wait_s = _FAILED_S
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            self._wake.clear()

    async def _step(self) -> float:
        """How long nothing is to be done. Raises StoreError."""
        if not self._takes_calls:
            return _LOOK_S
        if not self._opened and not await self._open():
            return _LOOK_S if self._made_by_api else _NEVER_S
        await self._write()
        await self._look()
        if self._failing:
            self._failing = False
            self._tell(outbound_events.CampaignsRecovered())
        running = [one for one in self._campaigns.values() if one.state == "running"]
        return min([_LOOK_S, *[await self._advance(one) for one in running]])

    async def _advance(self, campaign: Campaign) -> float:
        """How long it has nothing to do. Raises StoreError."""
        if cause := self._unfit.pop(campaign.id, ""):
            await self._pause(campaign, "edge", cause)
        elif cause := self._calling.breaker(campaign).broken():
            await self._pause(campaign, "breaker", cause)
        elif cause := await self._abandoned(campaign):
            await self._pause(campaign, "breaker", cause, abandonment.RULE)
        elif not self._draining and not await self._finished(campaign):
            return await self._call(campaign)
        return _LOOK_S

    async def _abandoned(self, campaign: Campaign) -> str:
        """Why it is to be paused; empty: it is not."""
        if campaign.id not in self._to_judge:
            return ""
        since_s = self._clocks.wall() - self._policy.abandoned_days * DAY_S
        live = await self._on_thread(self._store.live, campaign.id, since_s)
        self._to_judge.discard(campaign.id)
        return abandonment.too_many(live, self._policy, campaign.state_s)

    async def _call(self, campaign: Campaign) -> float:
        if campaign.id in self._left_alone:
            return 0.0  # it is judged first
        now = self._clocks.monotonic()
        count = self._calling.room(campaign, self._policy, now)
        if count <= 0:
            return self._calling.wait_s(campaign, now) or _LOOK_S
        if self._places.busy(campaign.settings.origin):
            return _BUSY_S
        wall = self._clocks.wall()
        chosen = await self._on_thread(self._chooser.choose, campaign, self._policy, count, wall)
        for one in chosen.postponed:
            self._tell(telling.blocked(campaign, self._policy, one.rule, one.limit, one.number))
        self._tell_used_up(campaign, used_up=chosen.caller_id_used_up)
        self._calling.begin(campaign, chosen.leased, self._policy, now)
        for leased in chosen.leased:
            self._attempts.begin(campaign, leased)
        if not chosen.leased:
            return _LOOK_S
        return self._calling.wait_s(campaign, self._clocks.monotonic())

    def _tell_used_up(self, campaign: Campaign, *, used_up: bool) -> None:
        if not used_up:
            self._used_up.discard(campaign.id)
        elif campaign.id not in self._used_up:
            self._used_up.add(campaign.id)
            limit = self._policy.caller_id_calls_per_day
            rule = "caller_id_calls_per_day"
            self._tell(telling.blocked(campaign, self._policy, rule, limit))

    # --- states ---------------------------------------------------------------------------

    async def _look(self) -> None:
        """What the API has changed."""
        if not await self._on_thread(self._store.changed):
            return
        before = self._campaigns
        every = await self._on_thread(self._store.campaigns)
        self._campaigns = {one.id: one for one in every}
        self._calling.keep_only(set(self._campaigns))
        for one in every:
            known = before.get(one.id)
            if known is None or known.state != one.state:
                fresh = one.state_s > self._clocks.wall() - 2 * _LOOK_S
                await self._tell_state(one, by_api=bool(before) or fresh)

    async def _tell_state(self, one: Campaign, *, by_api: bool) -> None:
        """`by_api`: otherwise it was in that state when the edge was started."""
        left = await self._on_thread(self._store.left, one.id)
        if one.state == "running":
            self._to_judge.add(one.id)
            self._calling.breaker(one).reset()
            self._unfit.pop(one.id, None)
        if event := telling.state(one, left, by_api=by_api):
            self._tell(event)

    async def _pause(self, campaign: Campaign, by: str, cause: str, rule: str = "") -> None:
        if await self._change(campaign, "paused", by, cause):
            self._tell(
                outbound_events.CampaignPaused(
                    campaign=campaign.name, by=by, cause=cause, rule=rule or None
                )
            )

    async def _finished(self, campaign: Campaign) -> bool:
        if self._calling.of(campaign) or self._attempts.news:
            return False
        if not await self._on_thread(self._store.is_done, campaign.id):
            return False
        if await self._change(campaign, "finished", "edge", ""):
            found = await self._on_thread(reading.report, self._directory, campaign)
            self._tell(
                outbound_events.CampaignFinished(
                    campaign=campaign.name, contacts=found.contacts, done=found.done
                )
            )
        return True

    async def _change(self, campaign: Campaign, state: State, by: str, cause: str) -> bool:
        """False: the API was first."""
        now_s = self._clocks.wall()
        done = await self._on_thread(self._store.set_state, campaign, state, by, cause, now_s)
        if done:
            self._campaigns[campaign.id] = replace(campaign, state=state, by=by, cause=cause)
        return done

    # --- the database ---------------------------------------------------------------------

    async def _open(self) -> bool:
        """False: there are no campaigns. Raises StoreError."""
        if not await self._on_thread(exists, tables.file_in(self._directory)):
            return False
        lost, campaigns = await self._on_thread(self._open_here)
        self._opened = True
        known = {one.id: one for one in campaigns}
        for one in lost:
            self._attempts.news.ended.append(self._left_behind(one, known.get(one.campaign)))
        return True

    def _open_here(self) -> tuple[list[Lost], list[Campaign]]:
        """What the last run of the edge has left behind, and whose it is."""
        try:
            ours = lock(self._directory, self._held)
        except OSError as error:
            raise StoreError(f"{self._directory}: {error}") from None
        if not ours:
            raise StoreError(f"{self._directory}: another edge runs the campaigns in it")
        try:
            self._store.open()
            self._store.tidy(self._clocks.wall())
            return self._store.lost(), self._store.campaigns()
        except BaseException:
            self._close()
            raise

    def _left_behind(self, lost: Lost, campaign: Campaign | None) -> Ended:
        """Whether its INVITE has left is not known."""
        again_in, now_s = None, self._clocks.wall()
        if campaign is not None and campaign.settings.call_unknown:
            settings = campaign.settings
            delays = {"unknown": settings.retry_s.get("failed") or (AGAIN_S,)}
            again_in = again_after_s("unknown", lost.attempts, delays, settings.max_attempts)
        self._tell(telling.lost(lost, campaign, self._policy, again_in))
        again_s = None if again_in is None else now_s + again_in
        return Ended(lost.attempt, lost.contact, "unknown", now_s, again_s)

    def _close(self) -> None:
        self._store.close()
        self._held.close()

    async def _write(self) -> None:
        """Raises StoreError; what could not be written is kept for the next time."""
        news: News = self._attempts.take_news()
        self._to_judge |= self._left_alone
        self._left_alone.clear()
        if not news:
            return
        try:
            await self._on_thread(self._store.write, news)
        except BaseException:
            self._attempts.put_back(news)
            raise

    def _fail(self, error: StoreError) -> None:
        if not self._failing:
            self._failing = True
            self._tell(outbound_events.CampaignsFailing(cause=str(error)))

    async def _on_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
