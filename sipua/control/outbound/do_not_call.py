"""The list of numbers that are not called: looked at, added to, corrected."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from sipua.campaigns.do_not_call import DoNotCallList, Entry
from sipua.campaigns.rules.numbers import in_one_form
from sipua.campaigns.store.databases import StoreError
from sipua.config.change.in_force import InForce
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.outbound import models
from sipua.edge.wiring import outbound
from sipua.events.event import Event
from sipua.events.outbound_events import DoNotCallAdded, DoNotCallRemoved
from sipua.record.transcript_redaction import number as shown

Found = TypeVar("Found")


class DoNotCallResource:
    def __init__(self, in_force: InForce, link: EdgeLink, edge: EdgePort) -> None:
        self._in_force = in_force
        self._link = link
        self._edge = edge

    @property
    def _list(self) -> DoNotCallList:
        return outbound.do_not_call_list(self._in_force.config)

    def endpoints(self) -> Sequence[Endpoint]:
        broken = (Kind.STORAGE,)
        return (
            Endpoint(
                "GET",
                "/v1/dnc",
                "list_do_not_call",
                "The numbers that are not called.",
                self._entries,
                Right.OPERATOR,
                {200: models.DoNotCallPage},
                query=models.DoNotCallQuery,
                problems=broken,
            ),
            Endpoint(
                "POST",
                "/v1/dnc",
                "add_do_not_call",
                "Call these numbers no more.",
                self._add,
                Right.OPERATOR,
                {200: models.DoNotCallAdded},
                body=models.DoNotCallOrder,
                problems=broken,
            ),
            Endpoint(
                "GET",
                "/v1/dnc/{number}",
                "check_do_not_call",
                "Whether this number is not called, and since when.",
                self._check,
                Right.OPERATOR,
                {200: models.DoNotCallFound},
                problems=broken,
            ),
            Endpoint(
                "DELETE",
                "/v1/dnc/{number}",
                "remove_do_not_call",
                "Take it off the list.",
                self._remove,
                Right.ADMIN,
                {200: models.DoNotCallEntry},
                problems=broken,
            ),
        )

    async def _entries(self, asked: Asked) -> Answer:
        query, numbers = asked.query, self._list
        found = await on_disk(lambda: numbers.entries(after=query.after, limit=query.limit + 1))
        page = found[: query.limit]
        return Answer(
            models.DoNotCallPage(
                entries=[_entry(one) for one in page],
                count=await on_disk(numbers.count),
                next=page[-1].number if len(found) > len(page) else None,
            )
        )

    async def _add(self, asked: Asked) -> Answer:
        order: models.DoNotCallOrder = asked.body
        numbers = self._list
        added = await on_disk(
            lambda: numbers.add(order.numbers, by=asked.by, reason=order.reason, now_s=time.time())
        )
        if added:
            alone = self._shown(added[0].number) if len(added) == 1 else None
            reason = order.reason or None
            event = DoNotCallAdded(number=alone, by=asked.by, reason=reason, count=len(added))
            await self._tell(event)
        known = len(order.numbers) - len(added)
        return Answer(models.DoNotCallAdded(added=len(added), known=known))

    async def _check(self, asked: Asked) -> Answer:
        number, numbers = self._number(asked), self._list
        entry = await on_disk(lambda: numbers.find(number))
        return Answer(
            models.DoNotCallFound(
                number=number, listed=entry is not None, entry=_entry(entry) if entry else None
            )
        )

    async def _remove(self, asked: Asked) -> Answer:
        number, numbers = self._number(asked), self._list
        entry = await on_disk(lambda: numbers.remove(number))
        if entry is None:
            raise ProblemError(Kind.NOT_FOUND, "the list does not have it in this form")
        await self._tell(DoNotCallRemoved(number=self._shown(number), by=asked.by))
        return Answer(_entry(entry))

    def _number(self, asked: Asked) -> str:
        """Raises ProblemError."""
        number = in_one_form(asked.path["number"], self._in_force.config.outbound.country)
        if not number:
            raise ProblemError(Kind.NOT_FOUND, "that is no telephone number")
        return number

    def _shown(self, number: str) -> str | None:
        return shown(number, self._in_force.config.record.numbers)

    async def _tell(self, event: Event) -> None:
        await self._link.ask(lambda: self._edge.tell(event))


async def on_disk(ask: Callable[[], Found]) -> Found:
    """A disk may be slow. Raises ProblemError."""
    try:
        return await asyncio.to_thread(ask)
    except StoreError as error:
        raise ProblemError(Kind.STORAGE, str(error)) from None


def _entry(one: Entry) -> models.DoNotCallEntry:
    return models.DoNotCallEntry(
        number=one.number,
        since=datetime.fromtimestamp(one.at_s, UTC),
        by=one.by,
        reason=one.reason or None,
        call_id=one.call_id or None,
    )
