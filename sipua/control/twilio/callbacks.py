"""Status callbacks: an agent that has placed a call is told how it goes. On the API's loop.

A task for each call sends one after the other, so that they keep their order. What happens while
one is sent is seen behind it: a call that was answered at once may not have rung.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias, get_args

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.control.link.state import State
from sipua.control.twilio.view import rest_call
from sipua.control.view.calls import CallView
from sipua.log import logs
from sipua.twilio import request
from sipua.twilio.fetch import FetchError, WebClient
from sipua.twilio.request import CallStatus
from sipua.twilio.twiml.verbs import StatusCallback

MOST: Final = 1000
"""Calls with callbacks at once."""

Progress: TypeAlias = Literal["initiated", "ringing", "answered", "completed"]
PROGRESS: Final = frozenset(get_args(Progress))
_ORDER: Final[Sequence[Progress]] = ("initiated", "ringing", "answered", "completed")
_OF_STATUS: Final[dict[CallStatus, Progress]] = {
    "queued": "initiated",
    "initiated": "initiated",
    "ringing": "ringing",
    "in-progress": "answered",
}
"""Every other one is an end, and that is called `completed`, whatever it was."""


@dataclass(frozen=True, slots=True)
class Wanted:
    callback: StatusCallback
    events: frozenset[str]


class StatusCallbacks:
    def __init__(self, account_sid: str, auth_token: str, state: State, client: WebClient) -> None:
        self.account_sid = account_sid
        self._auth_token = auth_token
        self._state = state
        self._client = client
        self._tasks: set[asyncio.Task[None]] = set()
        self._faults = FaultOwner("api.fault", logs.get(), nothing)

    @property
    def full(self) -> bool:
        return len(self._tasks) >= MOST

    def may_tell(self, callback: StatusCallback) -> bool:
        return self._client.may_ask(callback.url)

    def follow(self, call: CallView, wanted: Wanted) -> None:
        task = self._faults.task(self._follow(call, wanted), f"status callbacks of {call.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._client.close()

    async def _follow(self, call: CallView, wanted: Wanted) -> None:
        sequence = 0
        reached = -1
        while True:
            for progress in _since(call, reached):
                reached = _ORDER.index(progress)
                if progress in wanted.events:
                    await self._send(call, progress, wanted.callback, sequence)
                    sequence += 1
            if reached == len(_ORDER) - 1:
                return
            if _progress(call) == _ORDER[reached]:
                if self._state.calls.get(call.id) is not call:
                    return  # there were too many calls: what becomes of it is not seen any more
                await self._state.news_of(call.id)

    async def _send(
        self, call: CallView, progress: Progress, callback: StatusCallback, sequence: int
    ) -> None:
        shown = rest_call(call)
        statuses: dict[Progress, CallStatus] = {
            "initiated": "initiated",
            "ringing": "ringing",
            "answered": "in-progress",
        }
        told = request.basics(
            self.account_sid,
            shown.sid,
            statuses.get(progress, shown.status),
            shown.direction,
            shown.from_,
            shown.to,
        )
        talked_s = shown.duration_s if shown.status == "completed" else None
        parameters = request.of_progress(
            told,
            sequence=sequence,
            at=datetime.now(UTC),
            duration_s=(talked_s or 0.0) if progress == "completed" else None,
        )
        asked = request.written(
            callback.url,
            callback.method,
            parameters,
            auth_token=self._auth_token,
            token=request.idempotency_token(call.id, sequence),
        )
        try:
            await self._client.tell(asked)
        except FetchError as error:
            log = logs.get().bind(call_id=call.id)
            log.warning(
                "twilio.callback_failed", event_told=progress, code=error.code, error=str(error)
            )


def _progress(call: CallView) -> Progress:
    return _OF_STATUS.get(rest_call(call).status, "completed")


def _since(call: CallView, reached: int) -> Iterator[Progress]:
    """What has come since then; of what was skipped only the beginning is told."""
    now = _progress(call)
    if reached < 0 and now != "initiated":
        yield "initiated"
    if _ORDER.index(now) > reached:
        yield now
