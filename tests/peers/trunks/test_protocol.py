"""How a trunk wants its calls: codecs, packet time, session timers, PRACK; both directions."""

import re
from collections.abc import Callable

import pytest

from sipua.calls.steer.commands import HangUp
from support.calls.steered_edge import SteeredEdge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import SipMessage, Sipp, SippResult
from support.ports import LOOPBACK
from support.signalling import offers

pytestmark = pytest.mark.peer

TrunkEdge = Callable[..., SteeredEdge]


def field(message: SipMessage, name: str) -> str:
    found = re.search(rf"^{name}: (.*)$", message.text, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def placed(edge: SteeredEdge) -> str:
    call_id = str(edge.place("100", origin="carrier")["id"])
    edge.wait_event("call.confirmed", call_id=call_id)
    edge.steer(call_id, HangUp("enough"))
    edge.wait_event("call.ended", call_id=call_id)
    return call_id


def answer_of(result: SippResult) -> SipMessage:
    return next(m for m in result.received("200") if "CSeq: 1 INVITE" in m.text)


def test_a_call_that_we_place_has_what_its_trunk_wants(trunk_edge: TrunkEdge, sipp: Sipp) -> None:
    timer = "Require: timer\nSession-Expires: 600;refresher=uac"
    far = sipp.start("uas_prack", OFFER=offers.PCMA, HEADERS=timer)
    edge = trunk_edge(
        far.address,
        codecs=["PCMA", "PCMU"],
        ptime_ms=30,
        session_timers="required",
        session_expires_s=600,
        min_session_expires_s=120,
        prack="required",
    )
    call_id = placed(edge)
    assert far.wait(check=False).ok, str(far.result())
    (invite,) = far.result().received("INVITE")
    assert re.search(r"^m=audio \d+ RTP/AVP 8 0 \d+$", invite.text, re.MULTILINE), invite.text
    assert "a=ptime:30" in invite.text
    required = {word.strip() for word in field(invite, "Require").split(",")}
    assert required == {"100rel", "timer"}
    assert field(invite, "Session-Expires").startswith("600")
    assert field(invite, "Min-SE") == "120"
    (media,) = edge.events(name="call.media", call_id=call_id)
    assert media["codec"] == "PCMA"


def test_S26_an_answer_with_srtp_that_was_not_offered_is_acknowledged_and_ended(
    trunk_edge: TrunkEdge, sipp: Sipp
) -> None:
    far = sipp.start("uas_answer", OFFER=offers.SAVP_ONLY, pause_ms=50)
    edge = trunk_edge(far.address)
    call_id = str(edge.place("100", origin="carrier")["id"])
    end = edge.wait_event("call.ended", call_id=call_id)["end"]
    assert end["detail"] == "the answer has SRTP that was not offered"
    assert far.wait(check=False).ok, str(far.result())  # its scenario: ACK, then BYE
    assert edge.events(name="trunk.server_down") == []


def test_a_trunk_without_any_of_it_is_called_as_before(trunk_edge: TrunkEdge, sipp: Sipp) -> None:
    far = sipp.start("uas_answer", pause_ms=50)
    edge = trunk_edge(far.address, session_timers="off", prack="off")
    placed(edge)
    assert far.wait(check=False).ok, str(far.result())
    (invite,) = far.result().received("INVITE")
    assert re.search(r"^m=audio \d+ RTP/AVP 0 8 \d+$", invite.text, re.MULTILINE), invite.text
    assert field(invite, "Require") == field(invite, "Session-Expires") == ""
    assert "timer" not in field(invite, "Supported")
    assert "100rel" not in field(invite, "Supported")
    assert "replaces" in field(invite, "Supported")
    # The next call, which is of no trunk, offers all again.
    other = sipp.start("uas_reject", STATUS="486 Busy Here")
    edge.place(f"sip:100@{other.address}")
    (invite,) = other.wait().received("INVITE")
    assert "100rel" in field(invite, "Supported")


def test_a_call_of_the_trunk_gets_its_codec_and_packets(
    trunk_edge: TrunkEdge, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = trunk_edge(
        hosts=[LOOPBACK],
        codecs=["PCMA", "PCMU"],
        ptime_ms=40,
        prack="preferred",
        config={"agent": {"greeting": True}},
    )
    media = far_end(1, audio.silence(20))
    result = sipp.run("uac_call", edge.address, media=media, pause_ms=1500)
    (stream,) = media.finish()
    answer = answer_of(result)
    assert re.search(r"^m=audio \d+ RTP/AVP 8 101$", answer.text, re.MULTILINE), answer.text
    assert "a=ptime:40" in answer.text
    assert set(stream.payload_type) == {8}
    assert {len(payload) for payload in stream.payloads} == {320}
    # This one says that it can ring reliably, and so it rings.
    result = sipp.run("uac_prack", edge.address, HEADERS="Supported: 100rel")
    assert any("100rel" in field(one, "Require") for one in result.received("180"))


@pytest.mark.parametrize(
    ("keys", "offer", "status"),
    [
        ({"codecs": ["PCMA"]}, offers.PCMU, "488"),
        ({"session_timers": "required"}, offers.AUDIO, "421"),
        ({"prack": "required"}, offers.AUDIO, "421"),
    ],
)
def test_what_the_trunk_must_have_and_its_call_has_not(
    trunk_edge: TrunkEdge, sipp: Sipp, keys: dict[str, object], offer: str, status: str
) -> None:
    """A trunk that is never called has no server."""
    edge = trunk_edge(hosts=[LOOPBACK], **keys)
    sipp.run("uac_rejected", edge.address, STATUS=status, OFFER=offer)
    rejected = edge.wait_event("call.rejected")
    assert rejected["status"] == int(status)
    assert edge.events(name="call.incoming") == []
