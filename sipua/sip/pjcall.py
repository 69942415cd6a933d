"""One call as pjsua2 sees it. Runs on the pjsua2 thread only.

pjsua2 believes that a loop transport carries the audio; `onCallSdpCreated` puts our own RTP
port into each SDP that leaves. Every callback is wrapped: SWIG would swallow an exception
and leave the call hanging.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import pjsua2 as pj

from sipua.rtp.ports import ReservedPort
from sipua.sip import sdp
from sipua.sip.addresses import in_brackets
from sipua.sip.messages import (
    CallConfirmed,
    CallEnded,
    CallProgress,
    Direction,
    EndedBy,
    MediaReady,
    NegotiatedMedia,
    OfferRefused,
    PlaceCall,
    TransferDone,
    TransferFailed,
    TransferProgress,
    TransferRefused,
)
from sipua.sip.state import CallInput, CallState, advance

if TYPE_CHECKING:
    from sipua.sip.endpoint import SipEndpoint

P = ParamSpec("P")

LAWS = {"PCMU": 0, "PCMA": 8}
TRANSFER_REFUSED = 603
NOT_ACCEPTABLE = 488
REQUEST_TIMEOUT = 408
WRONG_STATE = 481
INTERNAL_ERROR = 500
NOWHERE = ("0.0.0.0", 0)  # noqa: S104 (no audio is ever sent there)
CHALLENGES = (401, 407)


def guarded(
    callback: Callable[Concatenate[PjCall, P], None],
) -> Callable[Concatenate[PjCall, P], None]:
    """A callback that fails ends its call with a logged cause, and nothing else."""

    def safe(self: PjCall, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self.endpoint.fault(callback.__name__, error, self.call_id)
            self.end(500, "Internal Error")

    safe.__name__ = callback.__name__
    return safe


def call_params(status: int = 0, reason: str = "", headers: dict[str, str] | None = None) -> Any:
    """CallOpParam with one audio line and nothing else (2.16+ would offer text otherwise)."""
    params = pj.CallOpParam(True)
    params.opt.audioCount = 1
    params.opt.videoCount = 0
    if hasattr(params.opt, "textCount"):
        params.opt.textCount = 0
    if status:
        params.statusCode = status
        params.reason = reason
    for name, value in (headers or {}).items():
        params.txOption.headers.push_back(sip_header(name, value))
    return params


def sip_header(name: str, value: str) -> Any:
    header = pj.SipHeader()
    header.hName, header.hValue = name, value
    return header


class PjCall(pj.Call):  # type: ignore[misc]  # SWIG classes are untyped
    def __init__(
        self,
        endpoint: SipEndpoint,
        account: Any,
        *,
        call_id: str,
        local: ReservedPort | None,
        signalling_ip: str,
        state: CallState,
        pj_id: int = -1,
        placed: PlaceCall | None = None,
    ) -> None:
        super().__init__(account, pj_id)
        self.account = account
        self.placed = placed
        self.endpoint = endpoint
        self.call_id = call_id
        self.local = local
        self.signalling_ip = signalling_ip
        self.state = state
        self._last_media: NegotiatedMedia | None = None
        self._rtcp_muxed = False

    # --- commands -------------------------------------------------------------------------

    def ring(self) -> None:
        if self._advance(CallInput.RING):
            self.answer(call_params(180))

    def accept(self) -> None:
        if self._advance(CallInput.ANSWER):
            self.answer(call_params(200))

    def end(
        self, status: int = 0, reason: str = "", retry_after_s: int = 0, contact: str = ""
    ) -> None:
        if self.state in (CallState.ANSWERED, CallState.CONFIRMED):
            status, reason, retry_after_s, contact = 0, "", 0, ""  # a BYE has no status
        if self._advance(CallInput.HANGUP):
            headers = {"Retry-After": str(retry_after_s)} if retry_after_s else {}
            if contact:
                headers["Contact"] = in_brackets(contact)
            self.hangup(call_params(status, reason, headers))

    def refer(self, target: str) -> None:
        """The outcome comes as an event, also when there was no REFER at all."""
        if self.state is not CallState.CONFIRMED:
            self._referred(WRONG_STATE, "the call is not up")
            return
        try:
            self.xfer(in_brackets(target), call_params())
        except pj.Error as error:
            self._referred(INTERNAL_ERROR, str(error.reason))

    def _advance(self, event: CallInput) -> bool:
        following = advance(self.state, event)
        if following is None:
            return False
        self.state = following
        return True

    # --- callbacks ------------------------------------------------------------------------

    @guarded
    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802 (pjsua2's name)
        if self.local is None:
            return
        if not prm.sdp.wholeSdp:  # the index's wheel hands none over above 1 KB
            raise ValueError("pjsua2 has no text for an SDP of this length")
        host = self.endpoint.media_host_towards(self.signalling_ip)
        # Empty when we make the offer: what its answer says of RTCP, pjsua2 would not tell.
        self._rtcp_muxed = sdp.offers_rtcp_mux(prm.remSdp.wholeSdp)
        prm.sdp.wholeSdp = sdp.rewrite_local(
            prm.sdp.wholeSdp,
            host,
            self.local.port,
            self.endpoint.ptime_ms,
            rtcp_mux=self._rtcp_muxed,
        )

    @guarded
    def onCallRxOffer(self, prm: Any) -> None:  # noqa: N802
        """Refused, the call goes on as it was. pjsip would look a host name up, on this thread."""
        if cause := self.endpoint.gate.misplaced(str(prm.offer.wholeSdp)):
            prm.statusCode = NOT_ACCEPTABLE
            self.endpoint.emit(OfferRefused(self.call_id, NOT_ACCEPTABLE, cause))

    @guarded
    def onCallMediaState(self, _prm: Any) -> None:  # noqa: N802
        media = self._negotiated()
        if media is not None and media != self._last_media:
            self._last_media = media
            self.endpoint.emit(MediaReady(self.call_id, media))

    @guarded
    def onCallState(self, prm: Any) -> None:  # noqa: N802
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            if info.lastStatusCode in CHALLENGES and self.state is CallState.CALLING:
                response = prm.e.body.tsxState.src.rdata
                if self.endpoint.place_again(self, response.srcAddress, response.wholeMsg):
                    return
            by = self._ended_by(info.lastStatusCode, prm.e)
            self._advance(CallInput.DISCONNECTED)
            self.endpoint.forget(self)
            self.endpoint.emit(
                CallEnded(self.call_id, by, int(info.lastStatusCode), str(info.lastReason))
            )
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            if self._advance(CallInput.ACKNOWLEDGED):
                self.endpoint.emit(CallConfirmed(self.call_id))
        elif info.state == pj.PJSIP_INV_STATE_EARLY and self._advance(CallInput.PROVISIONAL):
            self.endpoint.emit(
                CallProgress(self.call_id, int(info.lastStatusCode), str(info.lastReason))
            )

    @guarded
    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802
        # pjsua's default is 202 and a call to whatever the peer names.
        prm.statusCode = TRANSFER_REFUSED
        self.endpoint.emit(TransferRefused(self.call_id, str(prm.dstUri), TRANSFER_REFUSED))

    @guarded
    def onCallTransferStatus(self, prm: Any) -> None:  # noqa: N802
        self._referred(int(prm.statusCode), str(prm.reason), final=bool(prm.finalNotify))

    def _referred(self, status: int, reason: str, *, final: bool = True) -> None:
        """RFC 3515 2.4.5. Some peers end the subscription without a final status."""
        if 200 <= status < 300:
            self.endpoint.emit(TransferDone(self.call_id, status, reason))
        elif final or status >= 300:
            self.endpoint.emit(TransferFailed(self.call_id, status, reason))
        else:
            self.endpoint.emit(TransferProgress(self.call_id, status, reason))

    @guarded
    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802
        prm.statusCode = TRANSFER_REFUSED
        self.endpoint.emit(TransferRefused(self.call_id, "Replaces", TRANSFER_REFUSED))

    # --- reading pjsua2 -------------------------------------------------------------------

    def _ended_by(self, status: int, event: Any) -> EndedBy:
        if self.state is CallState.ENDING:
            return EndedBy.US
        unsent = event.body.tsxState.type == pj.PJSIP_EVENT_TRANSPORT_ERROR
        if status == REQUEST_TIMEOUT or unsent:
            return EndedBy.NETWORK
        return EndedBy.PEER

    def _negotiated(self) -> NegotiatedMedia | None:
        info = self.getInfo()  # kept in a name: its vector dies with it
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            if media.status in (pj.PJSUA_CALL_MEDIA_NONE, pj.PJSUA_CALL_MEDIA_ERROR):
                break
            direction = _direction(media.dir)
            if direction is Direction.INACTIVE:  # pjsua keeps no stream while nothing flows
                return self._held(self._last_media or self._held_from_the_start())
            try:
                stream = self.getStreamInfo(index)
            except pj.Error:
                break
            return self._from_stream(stream, direction)
        return None if self._last_media is None else self._held(self._last_media)

    def _from_stream(self, stream: Any, direction: Direction) -> NegotiatedMedia:
        host, port = _address(stream.remoteRtpAddress)
        codec = str(stream.codecName).upper()
        accepted = {static: name for name, static in LAWS.items()}
        accepted[int(stream.rxPt)] = codec
        events, send_events = int(stream.audRxEventPt), int(stream.audTxEventPt)
        return NegotiatedMedia(
            remote=(host, port),
            codec=codec,
            payload_type=int(stream.txPt),
            accepted_types=accepted,
            telephone_event_type=events if events > 0 else None,
            direction=direction,
            signalling_ip=self.signalling_ip,
            rtcp_remote=_address(stream.remoteRtcpAddress),
            rtcp_muxed=self._rtcp_muxed,
            telephone_event_send_type=send_events if send_events > 0 else None,
        )

    def _held(self, last: NegotiatedMedia) -> NegotiatedMedia:
        return dataclasses.replace(last, direction=Direction.INACTIVE, rtcp_muxed=self._rtcp_muxed)

    def _held_from_the_start(self) -> NegotiatedMedia:
        """The first offer holds: what flows, and from where, the resume will tell."""
        codec = self.endpoint.settings.codecs[0].upper()
        return NegotiatedMedia(
            remote=NOWHERE,
            codec=codec,
            payload_type=LAWS[codec],
            accepted_types={static: name for name, static in LAWS.items()},
            telephone_event_type=None,
            direction=Direction.INACTIVE,
            signalling_ip=self.signalling_ip,
        )


def _address(text: object) -> tuple[str, int]:
    host, _, port = str(text).rpartition(":")
    return host.strip("[]"), int(port or 0)


def _direction(bits: int) -> Direction:
    sends = bool(bits & pj.PJMEDIA_DIR_ENCODING)
    receives = bool(bits & pj.PJMEDIA_DIR_DECODING)
    if sends and receives:
        return Direction.SENDRECV
    if sends:
        return Direction.SENDONLY
    return Direction.RECVONLY if receives else Direction.INACTIVE
