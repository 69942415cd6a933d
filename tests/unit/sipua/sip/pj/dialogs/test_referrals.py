"""REFER and Replaces of a peer: who answers for whom, and what is told, over a fake pjsua2."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pjsua2 as real
import pytest

from sipua.sip.messages import (
    Answer,
    CallConfirmed,
    CallEnded,
    Direction,
    EndedBy,
    Hangup,
    IncomingCall,
    MediaReady,
    TransferRefused,
)
from sipua.sip.parties.policy import PeerPolicy
from sipua.sip.parties.refer import ReferPolicy
from sipua.sip.pj.native import in_dialog
from sipua.sip.trunks.slots import Limits
from sipua.sip.wire.refer_messages import (
    FollowRefer,
    PartyChanged,
    ReferAsked,
    ReferNews,
    RefuseRefer,
)
from support.signalling.signalling import REGISTRAR, Signalling, invite, response

POLICY = PeerPolicy(refer=ReferPolicy(True, ("2??",), True, frozenset()))
TARGET = "<sip:201@192.0.2.9>"


@pytest.fixture
def statuses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What each REFER was answered with."""
    given: list[int] = []

    def respond(_event: Any, status: int) -> bool:
        given.append(status)
        return True

    monkeypatch.setattr(in_dialog, "respond", respond)
    return given


@pytest.fixture
def call(signalling: Signalling) -> Any:
    """A call of the PBX, which may name others."""
    signalling.admission.policies = {"pbx": POLICY}
    signalling.admission.slots.use({"pbx": Limits(max_calls=5)})
    signalling.invite(source=REGISTRAR)
    (event,) = signalling.take()
    assert isinstance(event, IncomingCall)
    call = signalling.call(event.call_id)
    signalling.endpoint.command(Answer(call.call_id))
    call.tell(real.PJSIP_INV_STATE_CONFIRMED, 200)
    flows(call, "192.0.2.9:4000")
    signalling.take()
    return call


def flows(call: Any, remote: str) -> None:
    media = real.CallMediaInfo()
    media.type, media.status = real.PJMEDIA_TYPE_AUDIO, 1
    media.dir = real.PJMEDIA_DIR_ENCODING | real.PJMEDIA_DIR_DECODING
    call.info.media = real.CallMediaInfoVector()
    call.info.media.append(media)
    stream = real.StreamInfo()
    stream.codecName, stream.remoteRtpAddress = "PCMU", remote
    call.streams[0] = stream
    call.onCallMediaState(real.OnCallMediaStateParam())


def refers(call: Any, target: str = TARGET, number: int = 2, more: str = "") -> None:
    event = real.SipEvent()
    event.type = real.PJSIP_EVENT_TSX_STATE
    state = event.body.tsxState
    state.tsx.method, state.tsx.role = "REFER", real.PJSIP_ROLE_UAS
    state.tsx.state = real.PJSIP_TSX_STATE_TRYING
    state.src.rdata.wholeMsg = (
        "REFER sip:agent@127.0.0.1 SIP/2.0\r\nFrom: <sip:100@192.0.2.9>;tag=1\r\n"
        f"CSeq: {number} REFER\r\nRefer-To: {target}\r\n{more}\r\n"
    )
    params = real.OnCallTsxStateParam()
    params.e = event
    call.onCallTsxState(params)


def placed(signalling: Signalling, call: Any) -> Any:
    """The call to the target, once the edge has allowed it."""
    refers(call)
    (asked,) = signalling.take()
    assert isinstance(asked, ReferAsked)
    assert signalling.admission.slots.take("pbx", asked.leg_id, "outgoing") is None
    follow(signalling, asked)
    return signalling.call(asked.leg_id)


def follow(signalling: Signalling, asked: ReferAsked) -> None:
    headers = {"Referred-By": f"<{asked.referred_by}>"}
    target = f"sip:{asked.target}@192.0.2.9"
    signalling.endpoint.command(FollowRefer(asked.call_id, asked.leg_id, target, "", headers))
    signalling.take()


def answers(signalling: Signalling, new: Any) -> None:
    flows(new, "192.0.2.9:6000")
    new.tell(real.PJSIP_INV_STATE_CONFIRMED, 200)
    signalling.pass_time(0.0)


def by_peer() -> Any:
    return response("")


def notified(signalling: Signalling) -> list[tuple[str, str]]:
    """State and status line of each NOTIFY."""
    found = []
    for method, *headers, body in signalling.pj.asked("sendRequest"):
        assert method == "NOTIFY"
        found.append((dict(headers)["Subscription-State"], str(body).strip()))  # type: ignore[call-overload]
    return found


def test_the_target_answers_for_the_peer(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    call_id = call.call_id
    new = placed(signalling, call)
    assert statuses == [202]
    assert new.local is call.local
    assert signalling.pj.asked("makeCall")[-1] == (
        "sip:201@192.0.2.9",
        ("Referred-By", "<sip:100@192.0.2.9>"),
    )
    new.tell(real.PJSIP_INV_STATE_EARLY, 180)
    assert signalling.take() == [ReferNews(call_id, "201", "progress", 180, "reason 180")]
    answers(signalling, new)
    changed, media = signalling.take()
    assert isinstance(changed, PartyChanged)
    assert (changed.call_id, changed.way, changed.number) == (call_id, "refer", "201")
    assert isinstance(media, MediaReady)
    assert (media.call_id, media.media.remote) == (call_id, ("192.0.2.9", 6000))
    assert notified(signalling) == [
        ("active;expires=60", "SIP/2.0 100 Trying"),
        ("active;expires=60", "SIP/2.0 180 reason 180"),
        ("terminated;reason=noresource", "SIP/2.0 200 OK"),
    ]
    # The peer hangs up: the call goes on, and ends by what the new party does.
    call.tell(real.PJSIP_INV_STATE_DISCONNECTED, 200, by_peer())
    assert signalling.take() == []
    assert signalling.admission.slots.calls("pbx") == 1
    new.tell(real.PJSIP_INV_STATE_DISCONNECTED, 200, by_peer())
    assert signalling.take() == [CallEnded(call_id, EndedBy.PEER, 200, "reason 200")]
    assert signalling.calls == signalling.admission.slots.calls("pbx") == 0


def test_a_peer_that_stays_is_hung_up(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    answers(signalling, placed(signalling, call))
    signalling.take()
    signalling.pass_time(1.9)
    assert signalling.calls == 2
    signalling.pass_time(0.2)
    assert signalling.take() == []
    assert signalling.calls == 1


def test_commands_reach_the_new_party(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    call_id = call.call_id
    new = placed(signalling, call)
    answers(signalling, new)
    signalling.take()
    signalling.endpoint.command(Hangup(call_id))
    assert signalling.take() == [CallEnded(call_id, EndedBy.US, 200, "reason 200")]
    assert new.info.state == real.PJSIP_INV_STATE_DISCONNECTED


def test_S13_a_target_that_fails(signalling: Signalling, call: Any, statuses: list[int]) -> None:
    call_id = call.call_id
    new = placed(signalling, call)
    new.tell(real.PJSIP_INV_STATE_DISCONNECTED, 486, by_peer())
    assert signalling.take() == [ReferNews(call_id, "201", "failed", 486, "reason 486")]
    assert notified(signalling)[-1] == (
        "terminated;reason=noresource",
        "SIP/2.0 486 reason 486",
    )
    assert (signalling.calls, signalling.admission.slots.calls("pbx")) == (1, 1)
    # It may try another one; its second REFER has a number.
    refers(call, number=7)
    assert isinstance(signalling.take()[0], ReferAsked)
    events = [step[1] for step in signalling.pj.asked("sendRequest")]
    assert [dict([event])["Event"] for event in events] == ["refer", "refer", "refer;id=7"]  # type: ignore[list-item]


def test_S13_a_target_that_does_not_answer(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    new = placed(signalling, call)
    new.tell(real.PJSIP_INV_STATE_EARLY, 180)
    signalling.take()
    signalling.pass_time(45.0)
    assert [event.status for event in signalling.take_of_calls()] == [408]  # type: ignore[union-attr]
    assert notified(signalling)[-1][1].startswith("SIP/2.0 408")
    assert signalling.calls == 1


def test_S12_the_edge_may_refuse_it(signalling: Signalling, call: Any, statuses: list[int]) -> None:
    refers(call)
    (asked,) = signalling.take()
    assert isinstance(asked, ReferAsked)
    signalling.endpoint.command(
        RefuseRefer(call.call_id, asked.leg_id, 403, "allowed_destinations")
    )
    assert signalling.take() == [
        ReferNews(call.call_id, "201", "failed", 403, "allowed_destinations")
    ]
    assert notified(signalling)[-1][1] == "SIP/2.0 403 allowed_destinations"
    assert signalling.pj.asked("makeCall") == []
    assert signalling.calls == 1


def test_a_peer_that_wants_no_notify_gets_none(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    refers(call, more="Refer-Sub: false\r\n")
    (asked,) = signalling.take()
    assert isinstance(asked, ReferAsked)
    follow(signalling, asked)
    answers(signalling, signalling.call(asked.leg_id))
    assert isinstance(signalling.take()[0], PartyChanged)
    assert signalling.pj.asked("sendRequest") == []


def test_a_refer_that_the_edge_never_answers(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    refers(call)
    signalling.take()
    signalling.pass_time(45.0)
    assert [event.status for event in signalling.take_of_calls()] == [408]  # type: ignore[union-attr]
    refers(call, number=3)
    assert statuses == [202, 202]


def test_S12_a_second_refer_meanwhile(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    placed(signalling, call)
    refers(call, "<sip:202@192.0.2.9>", 3)
    assert statuses == [202, 603]
    assert signalling.take() == [
        TransferRefused(call.call_id, "<sip:202@192.0.2.9>", 603, "another transfer is under way")
    ]
    assert len(signalling.pj.asked("makeCall")) == 1


def test_S12_a_refer_of_a_peer_that_may_not(signalling: Signalling, statuses: list[int]) -> None:
    call = signalling.begin()
    signalling.endpoint.command(Answer(call.call_id))
    call.tell(real.PJSIP_INV_STATE_CONFIRMED, 200)
    signalling.take()
    refers(call, "<sip:900@198.51.100.1>")
    assert statuses == [603]
    assert signalling.take() == [
        TransferRefused(call.call_id, "<sip:900@198.51.100.1>", 603, "refer")
    ]
    assert signalling.pj.asked("makeCall") == signalling.pj.asked("sendRequest") == []


def test_a_peer_that_hangs_up_at_once_has_passed_the_call_on(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    call_id = call.call_id
    new = placed(signalling, call)
    call.tell(real.PJSIP_INV_STATE_DISCONNECTED, 200, by_peer())
    (held,) = signalling.take()
    assert isinstance(held, MediaReady)
    assert (held.call_id, held.media.direction) == (call_id, Direction.INACTIVE)
    answers(signalling, new)
    changed, media = signalling.take()
    assert isinstance(changed, PartyChanged)
    assert isinstance(media, MediaReady)
    assert media.media.direction is Direction.SENDRECV
    assert signalling.admission.slots.calls("pbx") == 1
    signalling.endpoint.command(Hangup(call_id))
    assert [type(event) for event in signalling.take()] == [CallEnded]
    assert signalling.calls == signalling.admission.slots.calls("pbx") == 0


@pytest.mark.parametrize("how", ["target fails", "we hang up", "edge refuses"])
def test_a_call_without_a_peer_ends_with_its_refer(
    signalling: Signalling, call: Any, statuses: list[int], how: str
) -> None:
    call_id = call.call_id
    refers(call)
    (asked,) = signalling.take()
    assert isinstance(asked, ReferAsked)
    if how != "edge refuses":
        follow(signalling, asked)
    call.tell(real.PJSIP_INV_STATE_DISCONNECTED, 200, by_peer())
    signalling.take()
    by = EndedBy.PEER
    if how == "target fails":
        signalling.call(asked.leg_id).tell(real.PJSIP_INV_STATE_DISCONNECTED, 486, by_peer())
    elif how == "we hang up":
        by = EndedBy.US
        signalling.endpoint.command(Hangup(call_id))
    else:
        signalling.endpoint.command(RefuseRefer(call_id, asked.leg_id, 503, "full"))
    ends = [event for event in signalling.take() if isinstance(event, CallEnded)]
    assert ends == [CallEnded(call_id, by, 200, "reason 200")]
    assert signalling.calls == 0


def test_when_we_hang_up_the_target_stops_ringing(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    call_id = call.call_id
    new = placed(signalling, call)
    signalling.endpoint.command(Hangup(call_id))
    assert [type(event) for event in signalling.take()] == [CallEnded]
    assert new.info.state == real.PJSIP_INV_STATE_DISCONNECTED
    assert signalling.calls == signalling.admission.slots.calls("pbx") == 0


def test_an_order_that_comes_too_late_gives_its_slot_back(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    refers(call)
    (asked,) = signalling.take()
    assert isinstance(asked, ReferAsked)
    signalling.admission.slots.take("pbx", asked.leg_id, "outgoing")
    signalling.endpoint.command(Hangup(call.call_id))
    follow(signalling, asked)
    assert signalling.pj.asked("makeCall") == []
    assert signalling.admission.slots.calls("pbx") == 0


# --- Replaces ---------------------------------------------------------------------------------


def replacing(call: Any, source: str = REGISTRAR) -> tuple[int, Any]:
    """An INVITE with Replaces, for which pjsip has found the call: our status, and the new call."""
    message = invite("new@192.0.2.9").replace("caller", "boss")
    params = SimpleNamespace(rdata=SimpleNamespace(wholeMsg=message, srcAddress=source))
    call.onCallReplaceRequest(params)
    if params.statusCode != 200:
        return int(params.statusCode), None
    new, _ = call._successor
    call.onCallReplaced(real.OnCallReplacedParam())
    return 200, new


def test_a_call_is_taken_over(signalling: Signalling, call: Any, statuses: list[int]) -> None:
    call_id = call.call_id
    status, new = replacing(call)
    assert status == 200
    assert signalling.take() == [
        PartyChanged(call_id, "new@192.0.2.9", "<sip:boss@192.0.2.1>;tag=1", "replaces", "boss")
    ]
    call.tell(real.PJSIP_INV_STATE_DISCONNECTED, 200)  # pjsip's BYE
    flows(new, "192.0.2.9:6000")
    new.tell(real.PJSIP_INV_STATE_CONFIRMED, 200)
    (media,) = signalling.take()
    assert isinstance(media, MediaReady)
    assert media.call_id == call_id
    assert signalling.admission.slots.calls("pbx") == 1
    new.tell(real.PJSIP_INV_STATE_DISCONNECTED, 200, by_peer())
    assert signalling.take() == [CallEnded(call_id, EndedBy.PEER, 200, "reason 200")]
    assert signalling.calls == signalling.admission.slots.calls("pbx") == 0


def test_a_takeover_without_ack_ends_the_call(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    call_id = call.call_id
    replacing(call)
    signalling.take()
    signalling.pass_time(32.0)
    assert signalling.take_of_calls() == [CallEnded(call_id, EndedBy.NETWORK, 408, "no ACK came")]


def test_S12_another_trunk_takes_nothing_over(signalling: Signalling, call: Any) -> None:
    assert replacing(call, "192.0.2.77:5060") == (403, None)
    assert signalling.take() == [
        TransferRefused(call.call_id, "Replaces", 403, "from another trunk")
    ]


def test_S12_no_call_is_taken_over_that_may_not_be(signalling: Signalling, call: Any) -> None:
    signalling.admission.policies = {"pbx": PeerPolicy()}
    assert replacing(call) == (603, None)
    assert signalling.take() == [TransferRefused(call.call_id, "Replaces", 603, "replaces")]


def test_an_early_call_is_not_taken_over(signalling: Signalling) -> None:
    signalling.admission.policies = {"pbx": POLICY}
    signalling.invite(source=REGISTRAR)
    (event,) = signalling.take()
    assert replacing(signalling.call(event.call_id))[0] == 603  # type: ignore[union-attr]
    assert not any(isinstance(event, CallConfirmed) for event in signalling.take())


def test_a_takeover_ends_a_refer_that_is_under_way(
    signalling: Signalling, call: Any, statuses: list[int]
) -> None:
    target = placed(signalling, call)
    status, _ = replacing(call)
    assert status == 200
    assert target.info.state == real.PJSIP_INV_STATE_DISCONNECTED
    assert [type(event) for event in signalling.take()] == [PartyChanged]
