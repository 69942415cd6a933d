"""What is told when a call begins, or cannot. No I/O."""

from __future__ import annotations

from typing import Final

from sipua.calls.facts import CallFacts
from sipua.calls.steer.place_request import PlaceRequest
from sipua.events import call_events, edge_events
from sipua.record.settings import Numbers
from sipua.record.transcript_redaction import caller, number
from sipua.rtp.hostport import join
from sipua.sip.messages import IncomingCall
from sipua.sip.wire.caller_id import ANONYMOUS

NO_WORKER: Final = "No Worker"


def incoming(
    event: IncomingCall, facts: CallFacts, worker: int, config: str, numbers: Numbers
) -> call_events.Incoming:
    """`config`: the hash of its configuration."""
    trace = facts.trace
    return call_events.Incoming(
        sip_call_id=event.sip_call_id,
        from_=number(facts.from_uri, numbers),
        to=event.to_uri,
        caller=caller(facts.caller, numbers),
        called=facts.called or None,
        source=join(*event.source),
        origin=event.origin,
        route=facts.route,
        rtp_port=event.local.port,
        worker=worker,
        altered=list(event.altered) or None,
        config=config,
        trace_id=None if trace is None else trace.trace_id,
        trace_parent_id=None if trace is None else trace.parent_id or None,
    )


def no_worker(event: IncomingCall, numbers: Numbers) -> edge_events.CallRejected:
    """It has come in, and there is no worker for it."""
    anonymous = event.parties.caller.anonymous
    return edge_events.CallRejected(
        status=503,
        reason=NO_WORKER,
        sip_call_id=event.sip_call_id,
        from_=number(ANONYMOUS if anonymous else event.from_uri, numbers),
        to=event.to_uri,
        source=join(*event.source),
        cause="no worker is ready",
        origin=event.origin,
    )


def placing(
    facts: CallFacts, request: PlaceRequest, worker: int, config: str, numbers: Numbers
) -> call_events.Placing:
    return call_events.Placing(
        to=number(facts.to_uri, numbers),
        caller=caller(facts.caller, numbers),
        called=number(facts.called, numbers) or None,
        account=facts.origin,
        route=facts.route,
        worker=worker,
        by=request.by or None,
        config=config,
        trace_id=None if facts.trace is None else facts.trace.trace_id,
    )
