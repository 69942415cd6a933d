"""The end of a call behind what is being said to the caller."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from sipua.bridge.call.call_bridge import CallBridge
from sipua.calls.steer import waiting
from sipua.events.ending import Reason

LONGEST_S: Final = 30.0
ON_ITS_WAY_S: Final = 0.3
"""The last packet has left, and the other side's jitter buffer still plays it."""
LONGEST_TRANSFER_S: Final = 300.0
_ASKER: Final = "goodbye"


class Talk(Protocol):
    """What is needed of a call."""

    bridge: CallBridge

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None: ...


class PassedOn(Talk, Protocol):
    lost_aside: tuple[Reason, str] | None

    @property
    def put_through(self) -> bool: ...
    @property
    def transfer_under_way(self) -> bool: ...


async def after_speech(call: Talk, reason: Reason, detail: str) -> None:
    """Hang up when it has been heard. A cough neither cuts it off nor begins another turn."""
    await _said(call.bridge)
    call.hang_up(reason, detail)


async def of_agent(call: PassedOn, detail: str) -> None:
    """The agent has ended its part. So the call ends, unless it is passed on, or has been: then the
    agent is missed if the caller comes back to it."""
    if not call.put_through:
        await _said(call.bridge)
    await waiting.until(lambda: not call.transfer_under_way, LONGEST_TRANSFER_S)
    if call.put_through:
        call.lost_aside = (Reason.AGENT_HANGUP, detail)
    else:
        call.hang_up(Reason.AGENT_HANGUP, detail)


async def _said(bridge: CallBridge) -> None:
    bridge.interruptible = False
    bridge.listen(False, _ASKER)
    try:
        if await waiting.played_out(lambda: bridge.speaking, LONGEST_S):
            await asyncio.sleep(ON_ITS_WAY_S)
    except asyncio.CancelledError:  # the call goes on
        bridge.interruptible = True
        bridge.listen(True, _ASKER)
        raise
