"""The status callbacks of calls that came in: an agent's server is told of each end, of a call that
was answered as of one that was refused or given up.

A route has the address (`voice_status_url`), as a number has it at Twilio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from structlog.typing import FilteringBoundLogger

from sipua.calls.facts import CallFacts
from sipua.events.ended import Ended
from sipua.events.event import Event
from sipua.twilio import request
from sipua.twilio.request import WebRequest
from sipua.twilio.twiml.verbs import StatusCallback

Tell: TypeAlias = Callable[[Event], None]


class EndCallbacks:
    def __init__(
        self,
        callbacks: Mapping[str, StatusCallback],
        account_sid: str,
        auth_token: str,
        send: Callable[[WebRequest, FilteringBoundLogger], None],
    ) -> None:
        """`callbacks`: by the name of the route. `send`: returns at once."""
        self._callbacks = callbacks
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._send = send

    def watching(self, facts: CallFacts, tell: Tell, log: FilteringBoundLogger) -> Tell:
        """`tell` of a call, which is told to the server as well where its route wants it."""
        callback = self._callbacks.get(facts.route)
        if callback is None or facts.direction == "outgoing":
            return tell

        def told(event: Event) -> None:
            tell(event)
            if isinstance(event, Ended):
                self._send(self._request(callback, facts, event), log)

        return told

    def _request(self, callback: StatusCallback, facts: CallFacts, ended: Ended) -> WebRequest:
        end = ended.end
        sip_status = end.sip.status if end.sip else 0
        status = request.ended_status(ended.status, end.reason, sip_status)
        parameters = request.of_progress(
            request.of_call(facts, self._account_sid, status),
            sequence=0,
            at=datetime.now(UTC),
            duration_s=ended.duration_s,
        )
        return request.written(
            callback.url,
            callback.method,
            parameters,
            auth_token=self._auth_token,
            token=request.idempotency_token(f"{facts.call_id} {status}", 0),
        )
