"""Requests inside a call that pjsua would answer by itself: read, and answered by us. pjsua2 thread
only.

pjsua2 has no function for the answer; pjsip has, and every build exports it. Only pointers that
pjsip gave are passed back: no structure of pjsip is read or written here. Once the transaction has
its answer, pjsua leaves it alone.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_int, c_void_p
from functools import cache
from typing import Any

import pjsua2 as pj
from pjsua2 import _pjsua2

from sipua.sip.wire import sdp


def request(event: Any, method: str) -> str | None:
    """The request of the peer that an event of a transaction tells, while it has no answer; None:
    it is none, or of another method."""
    if event.type != pj.PJSIP_EVENT_TSX_STATE:
        return None
    tsx = event.body.tsxState.tsx
    if tsx.method != method or tsx.role != pj.PJSIP_ROLE_UAS:
        return None
    if tsx.state != pj.PJSIP_TSX_STATE_TRYING:
        return None  # what the answer does to it
    return str(event.body.tsxState.src.rdata.wholeMsg)


def received(event: Any) -> Any | None:
    """The message that has changed the state of a transaction; None: none has."""
    if event.type != pj.PJSIP_EVENT_TSX_STATE or event.body.tsxState.type != pj.PJSIP_EVENT_RX_MSG:
        return None
    return event.body.tsxState.src.rdata


def answer(event: Any) -> str:
    """The response, or the ACK, that may have the answer to an offer of ours; empty: the event is
    another, or it has no body."""
    if event.type == pj.PJSIP_EVENT_RX_MSG:
        message = str(event.body.rxMsg.rdata.wholeMsg)
    elif (of_transaction := received(event)) is not None:
        message = str(of_transaction.wholeMsg)
    else:
        return ""
    if not message.startswith(("SIP/2.0 2", "SIP/2.0 18", "ACK ")):
        return ""
    return message if sdp.body(message) else ""


def respond(event: Any, status: int) -> bool:
    """Answer the request of `event`. False: this build has no functions for it, or pjsip does not
    take the answer; then pjsua's own follows."""
    tsx, received = event.body.tsxState.tsx, event.body.tsxState.src.rdata
    try:
        return _respond(int(tsx.pjTransaction), int(received.pjRxData), status)
    except AttributeError:
        return False


def _respond(transaction: int, received: int, status: int) -> bool:
    library = _library()
    response = c_void_p()
    failed = library.pjsip_endpt_create_response(
        c_void_p(library.pjsua_get_pjsip_endpt()),
        c_void_p(received),
        c_int(status),
        None,
        byref(response),
    )
    if failed:
        return False
    if library.pjsip_tsx_send_msg(c_void_p(transaction), response):
        library.pjsip_tx_data_dec_ref(response)  # pjsip has it only when it takes it
        return False
    return True


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(_pjsua2.__file__)
    library.pjsua_get_pjsip_endpt.restype = c_void_p
    return library
