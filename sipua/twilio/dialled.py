"""A `<Dial>`, done: its targets are called by a second leg, one after the other, until one answers.

Who answers has the caller until one of both hangs up, or the document's time is over. If the target
does, the caller is back with the documents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol

from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.calls.facts import CallFacts
from sipua.calls.legs.briefing.warm import Warm
from sipua.calls.legs.outcome import Cause, TransferOutcome, failed
from sipua.calls.legs.second_leg import SecondLeg
from sipua.calls.legs.targets import Destination
from sipua.calls.steer.refer import target_uri
from sipua.calls.steer.transfer import NO_NEXT
from sipua.config.values.uri import UriError
from sipua.events import call_events
from sipua.events.event import Event
from sipua.twilio import configured
from sipua.twilio.steps import Dialled, DialStatus
from sipua.twilio.twiml.attributes import SCHEMA
from sipua.twilio.twiml.verbs import Dial, Number, Remark, Sip

FORBIDDEN_NUMBER: Final = 13_225
"""As the vendor numbers it."""

_STATUSES: Final[dict[Cause | None, DialStatus]] = {
    None: "completed",
    "target_left": "completed",
    "busy": "busy",
    "no_answer": "no-answer",
    "accept_timeout": "no-answer",
    "voicemail": "no-answer",
    "caller_left": "canceled",
}
"""Every other cause: failed."""


def destination(
    named: Mapping[str, Destination], allowed: Iterable[str], text: str
) -> Destination | None:
    """What a document means by a number, a URI or a name of `tools.transfer`; None: it may not be
    called."""
    known = named.get(text)
    if known is not None:
        return None if known.targets[0].startswith(configured.QUEUE) else known
    found = configured.target(allowed, text)
    return None if found is None else Destination((found,), "dial")


class DialCall(Protocol):
    """What is needed of a call."""

    second: SecondLeg

    @property
    def transfer_under_way(self) -> bool: ...

    def facts(self) -> CallFacts: ...

    def tell(self, event: Event, /) -> None: ...


class Targets:
    """Those of one call."""

    def __init__(
        self,
        call: DialCall,
        destination: Callable[[str], Destination | None],
        remark: Callable[[Remark], None],
    ) -> None:
        """`destination`: what a document means by a number, a URI or a name; None: it may not be
        called by documents."""
        self._call = call
        self._destination = destination
        self._remark = remark
        self._loop = asyncio.get_running_loop()
        self._left = asyncio.Event()
        self.active = False
        """Somebody is called, or has the caller."""

    async def run(self, dial: Dial) -> Dialled:
        """Until nobody of them has the caller. Cancelled: nobody has any more."""
        for name in dial.without_effect:
            self._remark(Remark(SCHEMA, f"Dial: {name} has no effect here"))
        dialled = Dialled("failed")
        self._left.clear()
        self.active = True
        try:
            for target, warm in self._wanted(dial):
                outcome, dialled = await self._one(target, warm, dial)
                if self._left.is_set() or outcome.cause in (None, "target_left", *NO_NEXT):
                    break
        finally:
            self.active = False
        return dialled

    def _wanted(self, dial: Dial) -> Iterator[tuple[str, Warm | None]]:
        for one in dial.targets:
            destination = self.known(one)
            for target in destination.targets if destination else ():
                warm = destination.warm if destination and destination.mode == "warm" else None
                yield target, warm

    def known(self, one: Number | Sip) -> Destination | None:
        """Says so if it may not be called."""
        destination = self._destination(one.number if isinstance(one, Number) else one.uri)
        if destination is None:
            text = "this target may not be called by documents (`twilio.may_call`)"
            self._remark(Remark(FORBIDDEN_NUMBER, text))
        return destination

    def leave(self) -> None:
        """Whoever is called, or has the caller, is hung up; the documents go on."""
        self._call.second.dismiss()
        self._left.set()

    async def _one(
        self, target: str, warm: Warm | None, dial: Dial
    ) -> tuple[TransferOutcome, Dialled]:
        began = self._loop.time()
        try:
            outcome, sid = await self._called(target, warm, dial)
            joined_ms = outcome.phases.get("joined")
            if outcome.ok:
                try:
                    async with asyncio.timeout(dial.time_limit_s):
                        await self._left.wait()
                except TimeoutError:
                    self._call.second.dismiss()
        except asyncio.CancelledError:
            self._call.second.dismiss()
            raise
        status = _STATUSES.get(outcome.cause, "failed")
        if joined_ms is None:
            return outcome, Dialled(status, sid=sid)
        talked_s = self._loop.time() - began - joined_ms / 1000
        return outcome, Dialled(status, round(talked_s), sid)

    async def _called(
        self, target: str, warm: Warm | None, dial: Dial
    ) -> tuple[TransferOutcome, str]:
        """And the name of the leg, as REST has those of calls."""
        if self._call.transfer_under_way:
            return failed(491, "another transfer is under way"), ""
        try:
            uri = target_uri(target, self._call.facts().peer)
        except UriError as error:
            return failed(416, f"{target} {error.what}", "invalid"), ""
        self._call.tell(call_events.Transfer(target=uri, mode="warm" if warm else "dial"))
        leg = self._call.second.make(uri, warm, on_left=self._left.set)
        leaving = asyncio.ensure_future(self._left.wait())
        calling = asyncio.ensure_future(leg.run())
        try:
            # A target that is briefed has answered, and takes its time.
            await asyncio.wait(
                (leaving, calling),
                timeout=None if warm else dial.timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        except asyncio.CancelledError:
            calling.cancel()
            raise
        finally:
            leaving.cancel()
        if not leg.joined:
            calling.cancel()
        await asyncio.wait((calling,))
        if calling.cancelled():
            return failed(487, "nobody has answered in time", "no_answer"), call_sid(leg.leg_id)
        return calling.result(), call_sid(leg.leg_id)
