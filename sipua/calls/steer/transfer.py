"""A call's transfers, one at a time, in the mode that is configured.

    refer   REFER: the peer is asked to call the target in our place
    dial    a second leg of ours, joined to the call (`Dialling`); with `leave_path` the peer is
            asked afterwards to take it over (REFER with Replaces), and if it does not, it stays
    auto    REFER; a second leg when the peer takes no REFER
    warm    a second leg, which is joined once the target knows who waits, and accepts

A destination may have several targets: they are tried in turn. The same one, asked for again
meanwhile, gets the same outcome; another one is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from sipua.calls.legs.briefing.warm import Warm
from sipua.calls.legs.dialling import Dialling
from sipua.calls.legs.modes import TransferMode
from sipua.calls.legs.outcome import Cause, TransferOutcome, failed, told
from sipua.calls.legs.targets import (
    Destination,
    TransferSettings,
    Wanted,
    asked,
)
from sipua.calls.steer.refer import TIMEOUT_S, TransferAttempt, target_uri
from sipua.config.values.uri import UriError
from sipua.events import call_events
from sipua.events.event import Event
from sipua.sip.messages import (
    CallCommand,
    EndedBy,
    Transfer,
)
from sipua.sip.wire.transfer_messages import TransferNews

NO_NEXT: Final[frozenset[Cause]] = frozenset({"caller_left", "limit", "internal"})
"""Behind these no further target is tried: the caller has gone, or it is not about the target."""


@dataclass(frozen=True, slots=True)
class _UnderWay:
    target: str
    outcome: asyncio.Future[TransferOutcome]


class MakesLegs(Protocol):
    @property
    def up(self) -> bool: ...

    def make(self, target: str, warm: Warm | None = None) -> Dialling: ...

    def leave(self, on: bool) -> str:
        """See `SecondLeg`."""


class CallTransfer:
    def __init__(
        self,
        call_id: str,
        peer: str,
        send: Callable[[CallCommand], None],
        tell: Callable[[Event], None],
        *,
        settings: TransferSettings | None = None,
        legs: MakesLegs | None = None,
    ) -> None:
        """`peer`: the host for a number without one. `legs`: None, only REFER is possible."""
        self._call_id = call_id
        self._peer = peer
        self._send = send
        self._tell = tell
        self._settings = settings or TransferSettings()
        self._legs = legs
        self._under_way: _UnderWay | None = None
        self._attempt: TransferAttempt | None = None
        self._referred = asyncio.Event()
        self._over = False

    @property
    def under_way(self) -> bool:
        """Also while both talk: the leg is still ours."""
        return self._under_way is not None or (self._legs is not None and self._legs.up)

    async def run(self, wanted: Wanted) -> TransferOutcome:
        destination = self._settings.destination(asked(wanted))
        uris: list[str] = []
        for target in destination.targets:
            try:
                uris.append(target_uri(target, self._peer))
            except UriError as error:
                return failed(416, f"{target} {error.what}")
        if (under_way := self._under_way) is not None and under_way.target == uris[0]:
            return await asyncio.shield(under_way.outcome)
        if self.under_way:
            return failed(491, "another transfer is under way")
        self._under_way = under_way = _UnderWay(uris[0], asyncio.get_running_loop().create_future())
        outcome = failed(487, "the transfer was given up", "internal")
        try:
            for uri in uris:
                outcome = await self._transfer(uri, destination)
                if outcome.ok or self._over or outcome.cause in NO_NEXT:
                    break
        finally:
            self._under_way = None
            under_way.outcome.set_result(outcome)
        return outcome

    async def _transfer(self, uri: str, destination: Destination) -> TransferOutcome:
        mode: TransferMode = "refer" if self._legs is None else destination.mode
        if self._legs is not None and mode in ("dial", "warm"):
            return await self._by_leg(uri, self._legs, destination.warm if mode == "warm" else None)
        outcome = await self._by_refer(uri)
        if self._legs is not None and mode == "auto" and outcome.refused:
            return await self._by_leg(uri, self._legs, None)
        return outcome

    async def _by_refer(self, uri: str, leg: str = "") -> TransferOutcome:
        """`leg`: of the target, which is to be taken over."""
        attempt = self._attempt = TransferAttempt()
        self._referred.clear()
        self._tell(call_events.Transfer(target=uri, mode="attended" if leg else "refer"))
        self._send(Transfer(self._call_id, uri, leg))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TIMEOUT_S):
                    await self._referred.wait()
        finally:
            self._attempt = None
        late = replace(
            failed(408, f"no outcome within {TIMEOUT_S:.0f} s"), accepted=attempt.accepted
        )
        outcome = attempt.outcome or late
        self._tell(told(uri, outcome))
        return outcome

    async def _by_leg(self, uri: str, legs: MakesLegs, warm: Warm | None) -> TransferOutcome:
        self._tell(call_events.Transfer(target=uri, mode="warm" if warm else "dial"))
        outcome = await legs.make(uri, warm).run()
        if outcome.ok and (leg := legs.leave(True)):
            left = await self._by_refer(uri, leg)
            if left.ok:
                return left
            legs.leave(False)
        return outcome

    def on_news(self, news: TransferNews) -> None:
        if self._attempt is None:
            return  # the transfer was given up
        self._attempt.on_news(news)
        if self._attempt.outcome is None:
            self._tell(call_events.TransferProgress(status=news.status, reason=news.reason))
        else:
            self._referred.set()

    def on_ended(self, by: EndedBy) -> bool:
        """Note the end of the call; True when it means that the peer has reached the target."""
        self._over = True
        if self._attempt is None:
            return False
        self._attempt.on_ended(by)
        self._referred.set()
        return self._attempt.outcome is not None and self._attempt.outcome.ok
