"""Which side has ended a call, by what pjsip tells of its end. Runs on the pjsua2 thread."""

from __future__ import annotations

from typing import Any

import pjsua2 as pj

from sipua.sip.messages import EndedBy
from sipua.sip.state import CallState

REQUEST_TIMEOUT = 408


def ended_by(state: CallState, status: int, event: Any) -> EndedBy:
    """`state`: of the call, until then."""
    if state is CallState.ENDING:
        return EndedBy.US
    why = event.body.tsxState.type
    placing = state in (CallState.CALLING, CallState.PROCEEDING)
    if placing and why == pj.PJSIP_EVENT_RX_MSG:
        return EndedBy.PEER  # a 408 of its own, too
    if status == REQUEST_TIMEOUT or why == pj.PJSIP_EVENT_TRANSPORT_ERROR:
        return EndedBy.NETWORK
    return EndedBy.PEER
