"""INFO in a call: read for its digit, and answered. pjsua2 thread only.

pjsua answers it by itself: 500 to what it does not know, digits as `application/dtmf` and the empty
one of a PBX that looks after its calls among it. pjsua2 has no function for another answer; pjsip
has, and every build exports it. Only pointers that pjsip gave are passed back: no structure of
pjsip is read or written here. Once the transaction has its answer, pjsua leaves it alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import time
from ctypes import byref, c_int, c_void_p
from functools import cache
from typing import Any

import pjsua2 as pj
from pjsua2 import _pjsua2

from sipua.sip.wire.info_digits import Info, InfoDigits


def answered(event: Any, digits: InfoDigits) -> Info | None:
    """What an event of a transaction of the call has told; None: it is no INFO of the peer."""
    if event.type != pj.PJSIP_EVENT_TSX_STATE:
        return None
    tsx = event.body.tsxState.tsx
    if tsx.method != "INFO" or tsx.role != pj.PJSIP_ROLE_UAS:
        return None
    if tsx.state != pj.PJSIP_TSX_STATE_TRYING:
        return None  # what the answer does to it
    request = event.body.tsxState.src.rdata
    info = digits.read(str(request.wholeMsg), time.monotonic())
    # A build without these functions answers as it likes: the digit counts all the same.
    with contextlib.suppress(AttributeError):
        _respond(int(tsx.pjTransaction), int(request.pjRxData), info.status)
    return info


def _respond(transaction: int, request: int, status: int) -> None:
    """What pjsip does not take has its own answer."""
    library = _library()
    response = c_void_p()
    failed = library.pjsip_endpt_create_response(
        c_void_p(library.pjsua_get_pjsip_endpt()),
        c_void_p(request),
        c_int(status),
        None,
        byref(response),
    )
    if not failed:
        library.pjsip_tsx_send_msg(c_void_p(transaction), response)


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(_pjsua2.__file__)
    library.pjsua_get_pjsip_endpt.restype = c_void_p
    return library
