"""Statuses of SIP, errors of pjsip, and how long a call waits for its peer."""

from sipua.sip.state import LONGEST_TRANSACTION_S

TRANSFER_REFUSED = 603
NOT_ACCEPTABLE = 488
WRONG_STATE = 481
INTERNAL_ERROR = 500
GLARE = 491
CHALLENGES = (401, 407)

UNREADABLE_OFFER = 170_000 + NOT_ACCEPTABLE
"""PJSIP_ERRNO_FROM_SIP_STATUS: pjsip has refused an offer by itself."""
UNDER_WAY = (70013, 220040)
"""PJ_EINVALIDOP, PJMEDIA_SDPNEG_EINSTATE: another offer, the peer's or ours, has no answer yet."""

ACK_WITHIN_S = LONGEST_TRANSACTION_S - 0.1
"""Just before pjsip's own limit, after which pjsip would wait as long again for the answer to its
BYE. A BYE that we want earlier waits for the ACK, or for pjsip's 32 s (RFC 3261 15)."""
MEDIA_WITHIN_S = 3.0
"""Of a call that is up: its media may come behind its ACK, as pjsip has it."""
