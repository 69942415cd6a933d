"""Whether a call that a server did not take may go to another server of its trunk.

RFC 3263 4.3 names three reasons: no answer, no connection, 503. Trunks say 500, 502 and 504 in
the same sense (RFC 3398 makes them of causes of the network), and a 408 of a proxy means that the
server behind it said nothing. All else is an answer about the callee or about the call (busy, no
such number, declined, forbidden, an offer that cannot be met): the next server would say the same,
or ring the callee again. A 5xx with a cause of the callee in its Reason header is such an answer,
too. A callee whose phone has rung is not called a second time.
"""

from __future__ import annotations

import re

BAD_GATEWAY, GATEWAY_TIMEOUT = 502, 504
_OF_SERVER = frozenset({408, 500, BAD_GATEWAY, 503, GATEWAY_TIMEOUT})
_NO_CALLS = frozenset({408, 503})
"""It takes no calls at present; the others may be about this call alone."""
_OF_CALLEE = frozenset({1, 16, 17, 18, 19, 20, 21, 22, 28})
"""Causes of Q.850: the number is unknown, busy, silent, absent, unwilling, or has changed."""
_Q850 = re.compile(r"\bQ\.850\b[^,]{0,64}?;\s{0,8}cause\s{0,8}=\s{0,8}([0-9]{1,3})", re.IGNORECASE)
_MOST = 512


def may_try_next(status: int, reason_header: str = "") -> bool:
    """`reason_header`: RFC 3326, as it came."""
    cause = _Q850.search(reason_header[:_MOST])
    of_callee = cause is not None and int(cause[1]) in _OF_CALLEE
    return status in _OF_SERVER and not of_callee


def takes_no_calls(status: int) -> bool:
    """Whether the server is to be left out for a while after this answer."""
    return status in _NO_CALLS
