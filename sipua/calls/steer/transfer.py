"""A call's transfers, one at a time: REFER out, its progress in, one outcome in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from sipua.calls.steer.refer import TIMEOUT_S, TransferAttempt, TransferOutcome, target_uri
from sipua.config.values.uri import UriError
from sipua.events import call_events
from sipua.events.event import Event
from sipua.sip.messages import CallCommand, EndedBy, Transfer, TransferNews


class CallTransfer:
    def __init__(
        self,
        call_id: str,
        peer: str,
        send: Callable[[CallCommand], None],
        tell: Callable[[Event], None],
    ) -> None:
        """`peer`: the host for a number without one."""
        self._call_id = call_id
        self._peer = peer
        self._send = send
        self._tell = tell
        self._attempt: TransferAttempt | None = None
        self._over = asyncio.Event()

    @property
    def under_way(self) -> bool:
        return self._attempt is not None

    async def run(self, target: str) -> TransferOutcome:
        if self._attempt is not None:
            return TransferOutcome(ok=False, status=491, reason="another transfer is under way")
        try:
            uri = target_uri(target, self._peer)
        except UriError as error:
            return TransferOutcome(ok=False, status=416, reason=f"{target} {error.what}")
        attempt = self._attempt = TransferAttempt()
        self._over.clear()
        self._tell(call_events.Transfer(target=uri))
        self._send(Transfer(self._call_id, uri))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TIMEOUT_S):
                    await self._over.wait()
        finally:
            self._attempt = None
        outcome = attempt.outcome or TransferOutcome(
            ok=False, status=408, reason=f"no outcome within {TIMEOUT_S:.0f} s"
        )
        change = call_events.Transferred if outcome.ok else call_events.TransferFailed
        self._tell(change(target=uri, status=outcome.status, reason=outcome.reason))
        return outcome

    def on_news(self, news: TransferNews) -> None:
        if self._attempt is None:
            return  # the transfer was given up
        self._attempt.on_news(news)
        if self._attempt.outcome is None:
            self._tell(call_events.TransferProgress(status=news.status, reason=news.reason))
        else:
            self._over.set()

    def on_ended(self, by: EndedBy) -> bool:
        """Note the end of the call; True when it means that the peer has reached the target."""
        if self._attempt is None:
            return False
        self._attempt.on_ended(by)
        self._over.set()
        return self._attempt.outcome is not None and self._attempt.outcome.ok
