"""What offer and answer have agreed on, read from pjsua2's objects. Runs on the pjsua2 thread."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pjsua2 as pj

from sipua.rtp.dtls.agreement import DtlsAgreement
from sipua.rtp.srtp.keys import SrtpKeys
from sipua.sip.messages import Direction, NegotiatedMedia
from sipua.sip.settings import AccountSettings
from sipua.sip.wire import sdp, texts
from sipua.sip.wire.addresses import address
from sipua.sip.wire.sdp import ExtendedRtcp
from sipua.sip.wire.srtp import dtls_keying, sdes
from sipua.sip.wire.srtp.keying import Keying
from sipua.sip.wire.srtp.policy import NOT_OFFERED, SrtpPolicy
from sipua.sip.wire.srtp.sdes_keying import SdesKeying

LAWS = {"PCMU": 0, "PCMA": 8}
NOWHERE = ("0.0.0.0", 0)  # noqa: S104 (no audio is ever sent there)


@dataclass(slots=True)
class Offered:
    """What the peer's offers say that pjsua2 does not tell."""

    rtcp_muxed: bool = False
    extended_rtcp: bool = False
    remote_ssrcs: frozenset[int] = frozenset()
    keying: Keying | None = None
    """None: `srtp = "off"`."""

    def read(self, offer: str, extended: ExtendedRtcp) -> None:
        self.rtcp_muxed = sdp.offers_rtcp_mux(offer)
        self.extended_rtcp = sdp.wants_extended_rtcp(offer, extended, self.extended_rtcp)
        self.remote_ssrcs = sdp.announced_ssrcs(offer) or self.remote_ssrcs

    def read_answer(self, message: str) -> str:
        """The answer in `message` to an offer of ours. Why the call cannot go on; empty: it can.
        pjsip takes a profile of SRTP as an answer to one without."""
        answer = texts.body(sdp.body(message))
        if self.keying and (cause := self.keying.read_answer(answer)):
            return cause
        plain = self.keys is None and self.agreement is None
        return NOT_OFFERED if plain and sdes.secured(sdp.audio(answer)) else ""

    @property
    def srtp(self) -> SrtpPolicy:
        return self.keying.policy if self.keying else "off"

    @property
    def keys(self) -> SrtpKeys | None:
        return self.keying.keys if self.keying else None

    @property
    def agreement(self) -> DtlsAgreement | None:
        return self.keying.agreement if self.keying else None


def keying_of(settings: AccountSettings) -> Keying | None:
    if settings.srtp == "off":
        return None
    if settings.srtp_keys == "dtls":
        return dtls_keying.of_today(settings.srtp)
    return SdesKeying(settings.srtp, _suites())


@functools.cache
def _suites() -> Sequence[str]:
    """Our build of pjsip passes over keys; the wheel of the package index has SRTP of its own, and
    ends a call for a suite that it does not know."""
    known = set(pj.Endpoint.instance().srtpCryptoEnum())
    return [suite for suite in sdes.OURS if not known or suite in known]


class CallWithMedia(Protocol):
    """A call of pjsua2's."""

    def getInfo(self) -> Any: ...  # noqa: N802 (pjsua2's names)

    def getStreamInfo(self, index: int) -> Any: ...  # noqa: N802


def of_call(
    call: CallWithMedia,
    last: NegotiatedMedia | None,
    offered: Offered,
    signalling_ip: str,
    codec: str,
) -> NegotiatedMedia | None:
    """The audio of a call; `last`: what it was before. None: there is none yet, or whether it is
    encrypted is not known yet.
    """
    if offered.keying is not None and offered.keying.open_question:
        return None
    info = call.getInfo()  # kept in a variable: its vector is freed with it
    for index, media in enumerate(info.media):
        if media.type != pj.PJMEDIA_TYPE_AUDIO:
            continue
        if media.status in (pj.PJSUA_CALL_MEDIA_NONE, pj.PJSUA_CALL_MEDIA_ERROR):
            break
        direction = direction_of(media.dir)
        if direction is Direction.INACTIVE:  # pjsua keeps no stream while nothing flows
            return _held(last or held_from_the_start(codec, signalling_ip), offered)
        try:
            stream = call.getStreamInfo(index)
        except pj.Error:
            break
        return dataclasses.replace(
            of_stream(stream, direction),
            signalling_ip=signalling_ip,
            rtcp_muxed=offered.rtcp_muxed,
            rtcp_extended=offered.extended_rtcp,
            remote_ssrcs=offered.remote_ssrcs,
            srtp=offered.keys,
            dtls=offered.agreement,
        )
    return None if last is None else _held(last, offered)


def _held(last: NegotiatedMedia, offered: Offered) -> NegotiatedMedia:
    return dataclasses.replace(
        last,
        direction=Direction.INACTIVE,
        rtcp_muxed=offered.rtcp_muxed,
        srtp=offered.keys,
        dtls=offered.agreement,
    )


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
