"""What offer and answer have agreed on, read from pjsua2's objects. Runs on the pjsua2 thread."""

from __future__ import annotations

from typing import Any

import pjsua2 as pj

from sipua.sip.messages import Direction, NegotiatedMedia
from sipua.sip.wire.addresses import address

LAWS = {"PCMU": 0, "PCMA": 8}
NOWHERE = ("0.0.0.0", 0)  # noqa: S104 (no audio is ever sent there)


def of_stream(stream: Any, direction: Direction) -> NegotiatedMedia:
    """As far as a StreamInfo has it."""
    codec = str(stream.codecName).upper()
    accepted = {static: name for name, static in LAWS.items()}
    accepted[int(stream.rxPt)] = codec
    events, send_events = int(stream.audRxEventPt), int(stream.audTxEventPt)
    return NegotiatedMedia(
        remote=address(str(stream.remoteRtpAddress)),
        codec=codec,
        payload_type=int(stream.txPt),
        accepted_types=accepted,
        telephone_event_type=events if events > 0 else None,
        direction=direction,
        signalling_ip="",
        rtcp_remote=address(str(stream.remoteRtcpAddress)),
        telephone_event_send_type=send_events if send_events > 0 else None,
    )


def held_from_the_start(codec: str, signalling_ip: str) -> NegotiatedMedia:
    """The media of a first offer on hold: the resume will say what is sent, and from where."""
    return NegotiatedMedia(
        remote=NOWHERE,
        codec=codec,
        payload_type=LAWS[codec],
        accepted_types={static: name for name, static in LAWS.items()},
        telephone_event_type=None,
        direction=Direction.INACTIVE,
        signalling_ip=signalling_ip,
    )


def direction_of(bits: int) -> Direction:
    sends = bool(bits & pj.PJMEDIA_DIR_ENCODING)
    receives = bool(bits & pj.PJMEDIA_DIR_DECODING)
    if sends and receives:
        return Direction.SENDRECV
    if sends:
        return Direction.SENDONLY
    return Direction.RECVONLY if receives else Direction.INACTIVE
