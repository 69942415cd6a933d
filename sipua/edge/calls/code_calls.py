"""INVITEs to a code of ours become a leg of a call that is up: its worker gets their sockets.

One code is a supervisor's, the other fetches a parked call from its slot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

from sipua.calls.routes import addresses
from sipua.calls.steer.commands import Mode
from sipua.calls.supervise.codes import CallUp, CodeRule, DialledIn, ParkSlots, meant
from sipua.config import Config
from sipua.edge.calls.edge_call import EdgeCall
from sipua.edge.calls.legs import EdgeLegs
from sipua.edge.wiring import supervise_codes
from sipua.events import edge_events
from sipua.events.stream import EventStream
from sipua.record.transcript_redaction import number
from sipua.rtp.hostport import join
from sipua.sip.messages import Hangup, IncomingCall, SipCommand
from sipua.sip.wire.caller_id import ANONYMOUS

FORBIDDEN = 403
NO_SUCH_CALL = 404


class CodeCalls:
    def __init__(
        self,
        config: Config,
        calls: Mapping[str, EdgeCall],
        legs: EdgeLegs,
        send: Callable[[SipCommand], None],
        events: EventStream,
    ) -> None:
        self.slots = ParkSlots()
        self.use(config)
        self._calls = calls
        self._legs = legs
        self._send = send
        self._events = events

    def use(self, config: Config) -> None:
        self._supervise, self._fetch = supervise_codes.rules(config)
        self._mode = config.supervise.mode
        self.slots.most = config.park.slots
        self._numbers = config.record.numbers

    def take(self, event: IncomingCall, held: ExitStack) -> bool:
        """Whether it was to a code of ours. Then it is done with: handed over, or refused; `held`
        keeps what is to be given back. Raises LinkError."""
        uris = (event.request_uri, event.to_uri)
        if (slot := self._fetch.behind(uris)) is not None:
            found = self.slots.call_in(slot)
            self._begin(event, held, self._fetch, found, "takeover", fetches=True)
        elif (dialled := self._supervise.behind(uris)) is not None:
            call = meant(dialled, self._up())
            meant_id = None if call is None else call.call_id
            self._begin(event, held, self._supervise, meant_id, self._mode)
        else:
            return False
        return True

    def _begin(
        self,
        event: IncomingCall,
        held: ExitStack,
        rule: CodeRule,
        call_id: str | None,
        mode: Mode,
        *,
        fetches: bool = False,
    ) -> None:
        caller = event.parties.caller
        if refused := rule.refuses(event.origin, caller.uri):
            words = "the code may not be dialled by this caller, or from there"
            self.refuse(event, FORBIDDEN, f"{rule.section}.{refused}", words)
        elif call_id is None or call_id not in self._calls:
            self.refuse(event, NO_SUCH_CALL, "", "no call is up, or parked, that is meant by it")
        else:
            who = number(ANONYMOUS if caller.anonymous else event.from_uri, self._numbers)
            about = DialledIn(who or "a caller", mode, fetches)
            self._legs.take_in(event, call_id, self._calls[call_id].worker, about)
            held.pop_all()  # the leg's end gives the port back

    def _up(self) -> Iterator[CallUp]:
        for call_id, call in self._calls.items():
            if call.confirmed_at is not None:
                facts = call.facts
                called = (facts.called, addresses(facts.to_uri)[0])
                yield CallUp(call_id, called, facts.route, call.confirmed_at)

    def refuse(self, event: IncomingCall, status: int, rule: str, cause: str) -> None:
        self._send(Hangup(event.call_id, status))
        anonymous = event.parties.caller.anonymous
        self._events.teller().tell(
            edge_events.CallRejected(
                status=status,
                reason="Forbidden" if status == FORBIDDEN else "Not Found",
                sip_call_id=event.sip_call_id,
                from_=number(ANONYMOUS if anonymous else event.from_uri, self._numbers),
                to=event.to_uri,
                source=join(*event.source),
                cause=cause,
                origin=event.origin,
                rule=rule or None,
            )
        )
