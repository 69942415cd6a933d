"""One call over pjsua2: media, hold, transfers, and that it ends once, whatever fails."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pjsua2 as real
import pytest

from sipua.sip.messages import (
    Answer,
    BeHeard,
    CallConfirmed,
    CallEnded,
    CallInvited,
    CallProgress,
    Direction,
    EndedBy,
    Hangup,
    HoldDone,
    HoldRefused,
    MediaReady,
    NegotiatedMedia,
    SetHold,
    SignallingFault,
    Transfer,
    TransferRefused,
)
from sipua.sip.wire.transfer_messages import TransferDone, TransferFailed, TransferProgress
from support.signalling.fake_pj import pj_error
from support.signalling.signalling import Signalling

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\na=rtcp:4001 IN IP4 10.0.0.1\r\na=sendrecv\r\n"
)
BOTH = real.PJMEDIA_DIR_ENCODING | real.PJMEDIA_DIR_DECODING


def answered(signalling: Signalling) -> Any:
    call = signalling.begin()
    signalling.endpoint.command(Answer(call.call_id))
    return call


def confirmed(signalling: Signalling) -> Any:
    call = answered(signalling)
    call.tell(real.PJSIP_INV_STATE_CONFIRMED, 200)
    signalling.take()
    return call


def flows(call: Any, direction: int = BOTH, remote: str = "192.0.2.1:4000") -> None:
    """Offer and answer are settled like this."""
    media = real.CallMediaInfo()
    media.type, media.status, media.dir = real.PJMEDIA_TYPE_AUDIO, 1, direction
    call.info.media = real.CallMediaInfoVector()
    call.info.media.append(media)
    stream = real.StreamInfo()
    stream.codecName, stream.txPt, stream.rxPt = "PCMU", 0, 0
    stream.audRxEventPt, stream.audTxEventPt = 101, 96
    host, _, port = remote.rpartition(":")
    stream.remoteRtpAddress, stream.remoteRtcpAddress = remote, f"{host}:{int(port) + 1}"
    call.streams[0] = stream
    call.onCallMediaState(real.OnCallMediaStateParam())


def medias(signalling: Signalling) -> list[NegotiatedMedia]:
    return [event.media for event in signalling.take() if isinstance(event, MediaReady)]


# --- the story --------------------------------------------------------------------------------


def test_ack_and_bye(signalling: Signalling) -> None:
    call = answered(signalling)
    call.tell(real.PJSIP_INV_STATE_CONNECTING, 200)
    call.tell(real.PJSIP_INV_STATE_CONFIRMED, 200)
    call.tell(real.PJSIP_INV_STATE_CONFIRMED, 200)
    call.tell(real.PJSIP_INV_STATE_DISCONNECTED, 200)
    assert signalling.take() == [
        CallConfirmed(call.call_id),
        CallEnded(call.call_id, EndedBy.PEER, 200, "reason 200"),
    ]
    assert signalling.calls == 0


def test_the_caller_hears_us_before_the_answer(signalling: Signalling) -> None:
    """The media is told with the 183, and not again with the 200, which has the same SDP."""
    call = signalling.begin()
    call.info.remOfferer = True
    signalling.pj.steps.clear()
    media_state = real.OnCallMediaStateParam()
    call.answer = lambda params: (flows(call), call.onCallMediaState(media_state))
    signalling.endpoint.command(BeHeard(call.call_id))
    assert [media.remote for media in medias(signalling)] == [("192.0.2.1", 4000)]
    signalling.endpoint.command(BeHeard(call.call_id))
    signalling.endpoint.command(Answer(call.call_id))
    assert medias(signalling) == []
    call.tell(real.PJSIP_INV_STATE_CONFIRMED, 200)
    assert signalling.take() == [CallConfirmed(call.call_id)]


def test_a_caller_without_an_offer_hears_that_it_rings(signalling: Signalling) -> None:
    call = signalling.begin()
    signalling.endpoint.command(BeHeard(call.call_id))
    assert signalling.pj.asked("answer") == [(180,)]
    assert medias(signalling) == []


def test_a_call_of_ours_rings_and_is_answered(signalling: Signalling) -> None:
    call = signalling.place()
    call.tell(real.PJSIP_INV_STATE_EARLY, 180)
    call.tell(real.PJSIP_INV_STATE_CONFIRMED, 200)
    assert signalling.take() == [
        CallProgress("c-ours", 180, "reason 180"),
        CallConfirmed("c-ours"),
    ]
    assert signalling.invited == [CallInvited("c-ours", "1@edge")]


@pytest.mark.parametrize(
    ("status", "kind", "by"),
    [
        (486, real.PJSIP_EVENT_RX_MSG, EndedBy.PEER),
        (408, real.PJSIP_EVENT_TIMER, EndedBy.NETWORK),
        (503, real.PJSIP_EVENT_TRANSPORT_ERROR, EndedBy.NETWORK),
    ],
)
def test_it_is_told_who_ended_it(
    signalling: Signalling, status: int, kind: int, by: EndedBy
) -> None:
    call = signalling.place()
    event = real.SipEvent()
    event.body.tsxState.type = kind
    call.tell(real.PJSIP_INV_STATE_DISCONNECTED, status, event)
    assert signalling.take() == [CallEnded("c-ours", by, status, f"reason {status}")]


def test_our_own_hang_up_is_ours(signalling: Signalling) -> None:
    call = confirmed(signalling)
    signalling.endpoint.command(Hangup(call.call_id, 503, "ignored", 5))
    assert signalling.pj.asked("hangup") == [(0, "")], "a BYE has no status"
    assert signalling.take() == [CallEnded(call.call_id, EndedBy.US, 200, "reason 200")]


# --- the end comes, whatever happens -----------------------------------------------------------


def test_H11_an_end_that_pjsip_never_tells_is_told_by_us_after_32_s(
    signalling: Signalling,
) -> None:
    signalling.pj.ends_told = False
    call = confirmed(signalling)
    signalling.endpoint.command(Hangup(call.call_id))
    signalling.pass_time(31.9)
    assert signalling.take_of_calls() == []
    signalling.pass_time(0.2)
    fault, ended = signalling.take_of_calls()
    assert isinstance(fault, SignallingFault)
    assert ended == CallEnded(call.call_id, EndedBy.US, 408, "the end was never told")
    assert signalling.calls == 0
    call.tell(real.PJSIP_INV_STATE_DISCONNECTED, 200)
    assert signalling.take_of_calls() == [], "once"


def test_H11_an_end_that_was_told_is_not_looked_after(signalling: Signalling) -> None:
    call = confirmed(signalling)
    signalling.endpoint.command(Hangup(call.call_id))
    signalling.take_of_calls()
    signalling.pass_time(100)
    assert signalling.take_of_calls() == []


@pytest.mark.parametrize("error", [pj_error("session terminated"), RuntimeError("whatever")])
def test_H11_a_call_that_pjsip_refuses_to_end_is_over_at_once(
    signalling: Signalling, error: Exception
) -> None:
    call = confirmed(signalling)
    signalling.pj.fail("hangup", error)
    signalling.endpoint.command(Hangup(call.call_id))
    fault, ended = signalling.take_of_calls()
    assert isinstance(fault, SignallingFault)
    assert ended == CallEnded(call.call_id, EndedBy.US, 500, "Internal Error")
    assert signalling.calls == 0


def test_S10_a_200_without_an_ack_is_over_after_32_s(signalling: Signalling) -> None:
    """And not after 64: behind its own time pjsip would wait for the answer to its BYE."""
    call = answered(signalling)
    signalling.pass_time(31.8)
    assert signalling.take_of_calls() == []
    signalling.pass_time(0.2)
    assert signalling.take_of_calls() == [
        CallEnded(call.call_id, EndedBy.NETWORK, 408, "no ACK came")
    ]
    assert signalling.calls == 0
    assert signalling.pj.asked("hangup") == [(0, "")], "pjsip sends BYE when its time is over"


def test_S5_an_offer_of_ours_without_an_answer_ends_the_call(signalling: Signalling) -> None:
    """Else it would be up for ever: what has no media has no timeout of media."""
    call = confirmed(signalling)
    signalling.pass_time(2.9)
    assert signalling.take_of_calls() == []
    signalling.pass_time(0.2)
    assert signalling.take_of_calls() == [
        CallEnded(call.call_id, EndedBy.PEER, 488, "our offer got no answer")
    ]
    assert signalling.pj.asked("hangup") == [(0, "")]
    assert signalling.calls == 0


def test_S10_an_acknowledged_call_goes_on(signalling: Signalling) -> None:
    call = confirmed(signalling)
    flows(call)
    call.onCallMediaState(real.OnCallMediaStateParam())
    signalling.pass_time(100)
    assert signalling.calls == 1
    assert signalling.pj.asked("hangup") == []


def test_a_hang_up_before_the_ack_ends_at_once(signalling: Signalling) -> None:
    """For us; pjsip keeps its BYE until the ACK comes."""
    call = answered(signalling)
    signalling.endpoint.command(Hangup(call.call_id))
    assert [type(event) for event in signalling.take_of_calls()] == [CallEnded]
    signalling.pass_time(40)
    assert signalling.take_of_calls() == []


CALLBACKS = {
    "onCallState": real.OnCallStateParam,
    "onCallMediaState": real.OnCallMediaStateParam,
}


@pytest.mark.parametrize("error", [pj_error("no such call"), TypeError("not a text")])
@pytest.mark.parametrize("callback", CALLBACKS)
def test_a_callback_that_fails_ends_its_call_and_nothing_else(
    signalling: Signalling, callback: str, error: Exception
) -> None:
    other = signalling.begin()
    call = confirmed(signalling)
    signalling.pj.fail("getInfo", error)
    getattr(call, callback)(CALLBACKS[callback]())
    fault, ended = signalling.take()
    assert isinstance(fault, SignallingFault)
    assert fault.where == callback
    assert isinstance(ended, CallEnded)
    assert ended.call_id == call.call_id
    assert signalling.call(other.call_id) is other


@pytest.mark.parametrize("callback", CALLBACKS)
def test_a_callback_that_fails_ends_its_call_also_when_pjsip_refuses(
    signalling: Signalling, callback: str
) -> None:
    call = confirmed(signalling)
    signalling.pj.fail("getInfo", pj_error("no such call"))
    signalling.pj.fail("hangup", pj_error("no such call"))
    getattr(call, callback)(CALLBACKS[callback]())
    assert [type(event) for event in signalling.take()] == [
        SignallingFault,
        SignallingFault,
        CallEnded,
    ]
    assert signalling.calls == 0


def test_a_fault_while_we_answer_is_a_500(
    signalling: Signalling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pjsua2 asks for our SDP from within `answer`."""
    call = signalling.begin()

    def answer(params: object) -> None:
        call.onCallSdpCreated(real.OnCallSdpCreatedParam())

    monkeypatch.setattr(call, "answer", answer)
    signalling.endpoint.command(Answer(call.call_id))
    assert signalling.pj.asked("hangup") == [(500, "Internal Error")]


def test_S6_an_offer_that_pjsip_cannot_read_is_refused_and_no_fault(signalling: Signalling) -> None:
    """Its 488 has left already: the gate does not look for all that pjsip looks for."""
    call = signalling.begin()
    signalling.take()
    signalling.pj.fail("answer", pj_error("Not Acceptable Here", 170_488))
    signalling.endpoint.command(Answer(call.call_id))
    assert signalling.pj.asked("hangup") == [(488, "Not Acceptable Here")]
    assert not any(isinstance(event, SignallingFault) for event in signalling.take())


def test_our_200_leaves_before_its_media_are_read(
    signalling: Signalling, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = signalling.begin()

    def answer(params: object) -> None:
        flows(call)  # pjsua2 tells it before it sends
        assert medias(signalling) == []

    monkeypatch.setattr(call, "answer", answer)
    signalling.endpoint.command(Answer(call.call_id))
    (media,) = medias(signalling)
    assert media.codec == "PCMU"


def test_media_of_our_200_that_cannot_be_read_are_a_bye(
    signalling: Signalling, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = signalling.begin()
    signalling.pj.fail("getInfo", pj_error("no such call"))
    signalling.endpoint.command(Answer(call.call_id))
    assert signalling.pj.asked("answer") == [(200,)]
    assert signalling.pj.asked("hangup") == [(0, "")]


# --- media ------------------------------------------------------------------------------------


def test_our_port_is_in_the_sdp_that_leaves(signalling: Signalling) -> None:
    call = signalling.begin()
    params = real.OnCallSdpCreatedParam()
    params.sdp.wholeSdp = OFFER
    params.remSdp.wholeSdp = OFFER + "a=rtcp-mux\r\n"
    call.onCallSdpCreated(params)
    lines = params.sdp.wholeSdp.splitlines()
    assert f"m=audio {call.local.port} RTP/AVP 0" in lines
    assert "c=IN IP4 127.0.0.1" in lines
    assert "a=rtcp-mux" in lines
    assert not any(line.startswith("a=rtcp:") for line in lines)


def test_media_is_told_when_it_changes(signalling: Signalling) -> None:
    call = answered(signalling)
    flows(call)
    flows(call)
    (media,) = medias(signalling)
    assert media.remote == ("192.0.2.1", 4000)
    assert media.rtcp_remote == ("192.0.2.1", 4001)
    assert (media.codec, media.payload_type) == ("PCMU", 0)
    assert (media.telephone_event_type, media.telephone_event_send_type) == (101, 96)
    assert (media.direction, media.signalling_ip) == (Direction.SENDRECV, "192.0.2.1")
    flows(call, remote="192.0.2.1:5000")
    assert medias(signalling)[0].remote == ("192.0.2.1", 5000)


@pytest.mark.parametrize(
    ("bits", "direction"),
    [
        (real.PJMEDIA_DIR_ENCODING, Direction.SENDONLY),
        (real.PJMEDIA_DIR_DECODING, Direction.RECVONLY),
        (0, Direction.INACTIVE),
    ],
)
def test_hold_and_resume(signalling: Signalling, bits: int, direction: Direction) -> None:
    call = confirmed(signalling)
    flows(call)
    flows(call, bits)
    flows(call)
    assert [media.direction for media in medias(signalling)] == [
        Direction.SENDRECV,
        direction,
        Direction.SENDRECV,
    ]


def test_a_call_that_is_held_from_the_start_has_nowhere_to_send(signalling: Signalling) -> None:
    call = answered(signalling)
    flows(call, 0)
    (media,) = medias(signalling)
    assert (media.remote, media.direction) == (("0.0.0.0", 0), Direction.INACTIVE)


def test_a_stream_that_pjsip_has_lost_is_hold_and_no_fault(signalling: Signalling) -> None:
    call = confirmed(signalling)
    flows(call)
    signalling.pj.fail("getStreamInfo", pj_error("no stream"))
    flows(call, real.PJMEDIA_DIR_ENCODING)
    assert [media.direction for media in medias(signalling)] == [
        Direction.SENDRECV,
        Direction.INACTIVE,
    ]
    assert signalling.calls == 1


# --- transfers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "final", "expected"),
    [
        (100, False, TransferProgress),
        (180, False, TransferProgress),
        (200, True, TransferDone),
        (202, False, TransferDone),
        (486, True, TransferFailed),
        (503, False, TransferFailed),
        (100, True, TransferFailed),
    ],
)
def test_T3_what_a_notify_means(
    signalling: Signalling, status: int, final: bool, expected: type
) -> None:
    call = confirmed(signalling)
    params = real.OnCallTransferStatusParam()
    params.statusCode, params.reason, params.finalNotify = status, "so", final
    call.onCallTransferStatus(params)
    assert signalling.take() == [expected(call.call_id, status, "so")]


def test_S12_a_refer_is_refused_and_told(signalling: Signalling) -> None:
    call = confirmed(signalling)
    params = real.OnCallTransferRequestParam()
    params.dstUri = "sip:900@198.51.100.1"
    call.onCallTransferRequest(params)
    replaces = real.OnCallReplaceRequestParam()
    call.onCallReplaceRequest(replaces)
    assert params.statusCode == replaces.statusCode == 603
    assert signalling.take() == [
        TransferRefused(call.call_id, "sip:900@198.51.100.1", 603, "refer"),
        TransferRefused(call.call_id, "Replaces", 603, "replaces"),
    ]


@pytest.mark.parametrize(("host", "status"), [("192.0.2.7", 200), ("2001:db8::7", 488)])
def test_a_reinvite_of_the_other_family_is_refused(
    signalling: Signalling, host: str, status: int
) -> None:
    call = answered(signalling)
    params = real.OnCallRxOfferParam()
    params.statusCode = 200
    family = "IP6" if ":" in host else "IP4"
    params.offer.wholeSdp = f"v=0\r\nc=IN {family} {host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    call.onCallRxOffer(params)
    assert params.statusCode == status


# --- our own hold -----------------------------------------------------------------------------


def transaction(state: int, status: int, number: int = 1, method: str = "INVITE") -> Any:
    """What pjsua2 tells of one: a stand-in, because its real one cannot be filled."""
    tsx = SimpleNamespace(
        method=method,
        role=real.PJSIP_ROLE_UAC,
        state=state,
        statusCode=status,
        statusText="words",
        pjTransaction=number,
    )
    event = SimpleNamespace(
        type=real.PJSIP_EVENT_TSX_STATE,
        body=SimpleNamespace(tsxState=SimpleNamespace(tsx=tsx, type=real.PJSIP_EVENT_TIMER)),
    )
    return SimpleNamespace(e=event)


def holding(signalling: Signalling, on: bool = True) -> Any:
    call = confirmed(signalling)
    signalling.endpoint.command(SetHold(call.call_id, on))
    call.onCallTsxState(transaction(real.PJSIP_TSX_STATE_CALLING, 0))
    return call


def test_our_hold_and_our_resume(signalling: Signalling) -> None:
    call = holding(signalling)
    assert signalling.pj.asked("setHold") == [()]
    call.onCallTsxState(transaction(real.PJSIP_TSX_STATE_PROCEEDING, 100))
    assert signalling.take() == []
    call.onCallTsxState(transaction(real.PJSIP_TSX_STATE_TERMINATED, 200))
    assert signalling.take() == [HoldDone(call.call_id, True)]
    signalling.endpoint.command(SetHold(call.call_id, False))
    assert signalling.pj.asked("reinvite") == [(real.PJSUA_CALL_UNHOLD,)]
    call.onCallTsxState(transaction(real.PJSIP_TSX_STATE_CALLING, 0, 2))
    call.onCallTsxState(transaction(real.PJSIP_TSX_STATE_TERMINATED, 200, 2))
    assert signalling.take() == [HoldDone(call.call_id, False)]


@pytest.mark.parametrize("status", [488, 491, 500, 603])
def test_our_hold_is_refused(signalling: Signalling, status: int) -> None:
    call = holding(signalling)
    call.onCallTsxState(transaction(real.PJSIP_TSX_STATE_COMPLETED, status))
    call.onCallTsxState(transaction(real.PJSIP_TSX_STATE_TERMINATED, status))
    assert signalling.take() == [HoldRefused(call.call_id, True, status, "words")]


def test_a_challenge_that_pjsip_answers_is_not_the_outcome(signalling: Signalling) -> None:
    """It begins the next transaction before it tells the end of the first."""
    call = holding(signalling)
    call.onCallTsxState(transaction(real.PJSIP_TSX_STATE_CALLING, 0, 2))
    call.onCallTsxState(transaction(real.PJSIP_TSX_STATE_COMPLETED, 407, 1))
    call.onCallTsxState(transaction(real.PJSIP_TSX_STATE_TERMINATED, 407, 1))
    assert signalling.take() == []
    call.onCallTsxState(transaction(real.PJSIP_TSX_STATE_TERMINATED, 200, 2))
    assert signalling.take() == [HoldDone(call.call_id, True)]


@pytest.mark.parametrize(
    ("error", "status"), [(pj_error("under way", 70013), 491), (pj_error("other"), 500)]
)
def test_our_hold_cannot_be_sent(signalling: Signalling, error: Exception, status: int) -> None:
    call = confirmed(signalling)
    signalling.pj.fail("setHold", error)
    signalling.endpoint.command(SetHold(call.call_id, True))
    (refused,) = signalling.take()
    assert isinstance(refused, HoldRefused)
    assert refused.status == status
    signalling.endpoint.command(SetHold(call.call_id, True))  # it may be tried again
    assert len(signalling.pj.asked("setHold")) == 2


def test_there_is_no_hold_before_the_answer(signalling: Signalling) -> None:
    call = signalling.begin()
    signalling.take()
    signalling.endpoint.command(SetHold(call.call_id, True))
    assert [type(event) for event in signalling.take()] == [HoldRefused]
    assert signalling.pj.asked("setHold") == []


def test_a_leg_of_ours_is_to_be_taken_over(signalling: Signalling) -> None:
    call, leg = confirmed(signalling), confirmed(signalling)
    signalling.endpoint.command(Transfer(call.call_id, "sip:200@pbx", leg.call_id))
    assert signalling.pj.asked("xferReplaces") == [(leg.info.callIdString,)]
    # One that has ended is not called anew.
    signalling.endpoint.command(Transfer(call.call_id, "sip:200@pbx", "c-gone"))
    assert signalling.pj.asked("xfer") == []
    assert signalling.take() == [TransferFailed(call.call_id, 481, "the call is not up")]
