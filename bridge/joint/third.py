"""A third party on a call's leg: it hears both sides, and says who hears it.

    caller ─▶ came ───────────(+)──▶ the engine, or the joint: whatever the call ends in
                └─▶ [caller] ──▲─┐
                     [to agent]┘ │
    third  ◀── every 20 ms ◀───(+)┘ + [agent]
    third  ──▶ said ─▶ [to agent], [to caller]
    caller ◀── leaves ◀───────(+)◀── the playout, or the joint
                 └─▶ [agent]   ▲
                     [to caller]

                hears             is heard by
    listen      caller, agent     -
    whisper     caller, agent     agent
    barge       caller, agent     agent, caller

It stands between the leg and its peer, so it hears what really comes and what really leaves, and
need not know whether an engine or a second leg talks with the caller. A call without a third party
has none of this in its way. A fault in here is the third party's: the call's audio goes on.

When the caller's phone sends nothing in a pause, or a joint has nothing to pass on, what the third
party says goes without them. The pause that is told afterwards is shortened by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias

from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.joint.joint import LineOut
from sipua.bridge.joint.sum import Waiting, added, with_added
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm
from sipua.rtp.events import Frame, Lost, RtpEvent, Silence, SsrcChanged

Part: TypeAlias = Literal["listen", "whisper", "barge"]

FRAME: Final = 160
FRAME_S: Final = 0.02
_EARLY_S: Final = 0.002
"""A timer's grain: a frame that is due within it is due now."""
_MOST_AT_ONCE: Final = 5
"""Frames that were due while this process stood still; more are left out."""
_QUIET: Final = 5
"""Frames' time without a packet: then one is made."""

HEARD_BY_AGENT: Final = frozenset({"whisper", "barge"})
HEARD_BY_CALLER: Final = frozenset({"barge"})


class Between(Protocol):
    """Stands between a leg and its peer."""

    def came(self, events: Sequence[RtpEvent]) -> Sequence[RtpEvent]:
        """What the peer has sent; returns what the leg is given."""

    def leaves(self, payload: bytes) -> bytes:
        """What the leg sends; returns what the peer is sent."""


class Ticking(Protocol):
    def cancel(self) -> None: ...


class ThirdLine(LineOut, Protocol):
    @property
    def lent(self) -> bool: ...


class WatchedLeg(Protocol):
    """What is needed of the leg to the caller."""

    @property
    def laws(self) -> Mapping[int, Law]: ...

    @property
    def line(self) -> ThirdLine: ...

    def put_between(self, between: Between | None) -> None: ...

    def give(self, events: Sequence[RtpEvent]) -> None:
        """As if it had come from its peer."""


class ThirdLeg(Protocol):
    """And of the leg to the third party."""

    @property
    def laws(self) -> Mapping[int, Law]: ...

    @property
    def line(self) -> LineOut: ...

    def pace(self, callback: Callable[[float], float], now: float) -> Ticking: ...


class Third:
    """From `begin` to `end`; both on the loop that has the legs."""

    def __init__(
        self, leg: WatchedLeg, third: ThirdLeg, faults: FaultOwner, part: Part = "listen"
    ) -> None:
        """`faults`: the third party's."""
        self._leg, self._third = leg, third
        self._faults = faults
        self._caller, self._agent = Waiting(), Waiting()
        self._to_agent, self._to_caller = Waiting(), Waiting()
        self._by_agent = self._by_caller = False
        self._since_caller = self._since_agent = 0
        """Frames' time since each was last heard."""
        self._made = 0
        """Samples given to the leg that its peer has not sent."""
        self._due = 0.0
        self._ticking: Ticking | None = None
        self.set_part(part)

    def begin(self, now: float) -> None:
        self._third.line.lend()
        self._leg.put_between(self)
        self._due = now
        self._ticking = self._third.pace(self._tick, now)

    def end(self) -> None:
        """The call is as it was before; may be called twice."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
            self._leg.put_between(None)

    def set_part(self, part: Part) -> None:
        self._by_agent, self._by_caller = part in HEARD_BY_AGENT, part in HEARD_BY_CALLER
        for heard, waiting in (
            (self._by_agent, self._to_agent),
            (self._by_caller, self._to_caller),
        ):
            if not heard:
                waiting.clear()

    def counters(self) -> dict[str, Any]:
        """Samples that were dropped because they came too fast."""
        return {
            "caller": self._caller.dropped,
            "agent": self._agent.dropped,
            "to_agent": self._to_agent.dropped,
            "to_caller": self._to_caller.dropped,
        }

    def said(self, events: Sequence[RtpEvent]) -> None:
        """What the third party has sent."""
        if not self._by_agent:
            return
        for event in events:
            if type(event) is Frame and (law := self._third.laws.get(event.payload_type)):
                pcm = decode(law, event.payload)
                self._to_agent.put(pcm)
                if self._by_caller:
                    self._to_caller.put(pcm)

    # --- between the leg and its peer -----------------------------------------------------

    def came(self, events: Sequence[RtpEvent]) -> Sequence[RtpEvent]:
        try:
            return [one for event in events if (one := self._came(event)) is not None]
        except Exception as error:  # noqa: BLE001 (the call goes on without the third party)
            self._faults.failed("third party: what came", error)
            return events

    def leaves(self, payload: bytes) -> bytes:
        try:
            return self._leaves(payload)
        except Exception as error:  # noqa: BLE001 (as above)
            self._faults.failed("third party: what leaves", error)
            return payload

    def _came(self, event: RtpEvent) -> RtpEvent | None:
        if isinstance(event, Frame):
            return self._heard(event)
        if isinstance(event, Lost | Silence):
            made, self._made = self._made, max(0, self._made - event.samples)
            left = event.samples - made
            return type(event)(left) if left > 0 else None
        if isinstance(event, SsrcChanged):
            self._made = 0
        return event

    def _heard(self, frame: Frame) -> Frame:
        self._since_caller = self._made = 0
        law = self._leg.laws.get(frame.payload_type)
        if law is None or not frame.payload:
            return frame
        pcm = decode(law, frame.payload)
        self._caller.put(pcm)
        more = self._to_agent.take(len(pcm)) if self._by_agent else None
        if more is None:
            return frame
        return Frame(frame.payload_type, encode(law, added(pcm, more)), frame.received_at)

    def _leaves(self, payload: bytes) -> bytes:
        self._since_agent = 0
        law = self._leg.line.law
        self._agent.put(decode(law, payload))
        more = self._to_caller.take(len(payload)) if self._by_caller else None
        return payload if more is None else with_added(law, payload, more)

    # --- the third party's own clock ------------------------------------------------------

    def _tick(self, now: float) -> float:
        late = int((now - self._due) / FRAME_S)
        if late > _MOST_AT_ONCE:
            self._due += late * FRAME_S
            self._third.line.realign()
        while self._due <= now + _EARLY_S:
            self._due += FRAME_S
            self._send()
            self._without_the_others(now)
        return self._due

    def _send(self) -> None:
        law = self._third.line.law
        heard = _sum(self._caller.take(FRAME), self._agent.take(FRAME))
        payload = bytes([law.silence]) * FRAME if heard is None else encode(law, heard)
        self._third.line.relay(payload, FRAME, False)

    def _without_the_others(self, now: float) -> None:
        self._since_caller += 1
        self._since_agent += 1
        if self._by_agent and self._since_caller > _QUIET and self._leg.laws:
            pcm = self._to_agent.take(FRAME)
            if pcm is not None:
                payload_type, law = next(iter(self._leg.laws.items()))
                self._made += FRAME
                self._leg.give([Frame(payload_type, encode(law, pcm), now)])
        line, quiet = self._leg.line, self._since_agent
        if self._by_caller and quiet > _QUIET and line.lent and self._to_caller.samples:
            line.relay(bytes([line.law.silence]) * FRAME, FRAME, True)  # and so to `leaves`
            line.realign()
            self._since_agent = quiet


def _sum(one: Pcm | None, other: Pcm | None) -> Pcm | None:
    if one is None or other is None:
        return other if one is None else one
    return added(one, other)
