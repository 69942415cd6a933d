"""The worker's samples of its calls: of each every five seconds, and every second while they are
looked at.

A few calls are sampled at a time, and the loop runs between them: what a thousand calls cost
together delays no packet.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Final

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.calls.call import Call
from sipua.calls.sample import Sample, sample
from sipua.log import logs
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import Samples

EVERY_S: Final = 1.0
SELDOM: Final = 5
"""Each call in so many rounds, while it is not looked at."""
_AT_ONCE: Final = 8
_BETWEEN_S: Final = 0.005


class CallSamples:
    def __init__(self, calls: Mapping[str, Call], send: Callable[[Samples], None]) -> None:
        """`calls`: those that are up, at any time."""
        self._calls = calls
        self._send = send
        self._faults = FaultOwner("samples.failed", logs.get(), nothing)
        self._watched_until = 0.0
        self._wake = asyncio.Event()

    def watch(self, for_s: float) -> None:
        """They are looked at: sample all of them each second, from now on."""
        now = time.monotonic()
        if now >= self._watched_until:
            self._wake.set()
        self._watched_until = now + for_s

    async def run(self) -> None:
        rounds = 0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._wake.wait()
            self._wake.clear()
            rounds += 1
            await self._sample(rounds)

    async def _sample(self, rounds: int) -> None:
        watched = time.monotonic() < self._watched_until
        due = [one for one in self._calls if watched or hash(one) % SELDOM == rounds % SELDOM]
        for begin in range(0, len(due), _AT_ONCE):
            self.tell(*due[begin : begin + _AT_ONCE])
            await asyncio.sleep(_BETWEEN_S)

    def tell(self, *call_ids: str) -> None:
        """Sample these now, as far as they are up."""
        taken: list[Sample] = []
        for call_id in call_ids:
            if call := self._calls.get(call_id):
                self._faults.run("sample", _sample, call, taken)
        with contextlib.suppress(LinkError):  # the next ones come soon
            self._send(Samples(tuple(taken)))


def _sample(call: Call, into: list[Sample]) -> None:
    into.append(sample(call.call_id, call.bridge, time.time()))
