"""The bed proves itself: peers against each other, without the edge.

When one of these fails, look here first: nothing that the edge's peer tests say counts.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from support.media import audio, g711
from support.media.rtp_far_end import RtpFarEnd
from support.peers import peer_versions
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import PASSWORD, SPEECH
from support.peers.pbx import heard
from support.peers.sipp import Sipp
from support.process import wait_until
from support.signalling import offers

FarEnds = Callable[..., RtpFarEnd]


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_a_caller_hears_its_echo(
    asterisk: Asterisk, sipp: Sipp, far_end: FarEnds, transport: str
) -> None:
    said = audio.speech("short")
    media = far_end(1, said)
    sipp.run(
        "uac_call", asterisk.address, media=media, service="600", pause_ms=1800, transport=transport
    )
    (stream,) = media.finish()
    assert audio.find(said, stream.pcm()).score > 0.99
    assert (stream.lost, stream.duplicates, stream.timestamp_breaks) == (0, 0, 0)
    assert stream.packets > 80


def test_many_calls_at_once(asterisk: Asterisk, sipp: Sipp, far_end: FarEnds) -> None:
    said = audio.speech("short")
    media = far_end(30, said)
    result = sipp.run(
        "uac_call", asterisk.address, media=media, service="600", calls=30, rate=30, pause_ms=2000
    )
    assert result.successful == 30
    streams = media.finish()
    assert min(audio.find(said, stream.pcm()).score for stream in streams) > 0.99
    assert sum(stream.lost for stream in streams) == 0
    assert median(stream.packets for stream in streams) > 80


def test_asterisk_records_what_it_hears_and_what_it_plays(
    asterisk: Asterisk, sipp: Sipp, far_end: FarEnds
) -> None:
    # Both sentences run for three and a half seconds; the last word may be cut by the hang-up.
    said, played = audio.speech("caller"), audio.speech(SPEECH)[:24000]
    laws = {g711.PCMU: offers.PCMU, g711.PCMA: offers.PCMA}
    ends = {law: far_end(1, said, law=law) for law in laws}
    calls = [
        sipp.start(
            "uac_call_ended_by_peer",
            asterisk.address,
            media=ends[law],
            service="60200",
            OFFER=laws[law],
        )
        for law in laws
    ]
    for call in calls:
        call.wait()
    for law in laws:
        (stream,) = ends[law].finish()
        assert set(stream.payload_type) == {law}
        assert stream.lost == 0
        heard(played, stream.pcm())
        recording = asterisk.wait_recording()
        received, sent, mixed = (
            audio.read_wav(path, rate_hz=8000)
            for path in (recording.received, recording.sent, recording.mixed)
        )
        heard(said[:24000], received)
        heard(played, sent)
        assert audio.find(played, received).score < 0.3
        for part in (said[:24000], played):
            # The other one speaks over it, and the mixer slips by a frame now and then.
            scores = [piece.score for piece in audio.find_pieces(part, mixed)]
            assert sum(score > 0.45 for score in scores) >= len(scores) * 0.4, scores


def test_every_peer_is_here_and_was_proved_in_some_version() -> None:
    assert peer_versions.found().keys() == peer_versions.proved().keys()


def test_asterisk_calls_somebody_who_answers(asterisk: Asterisk, sipp: Sipp) -> None:
    callee = sipp.start("uas_answer", pause_ms=100)
    asterisk.originate(f"PJSIP/trunk/sip:agent@{callee.address}", "6081")
    callee.wait()
    asterisk.wait_idle()


def test_asterisk_calls_somebody_who_hangs_up(asterisk: Asterisk, sipp: Sipp) -> None:
    callee = sipp.start("uas_hang_up", pause_ms=300, OFFER=offers.PCMA)
    asterisk.originate(f"PJSIP/trunk-alaw/sip:agent@{callee.address}", "6089")
    result = callee.wait()
    assert "8 101" in result.received("INVITE")[0].text
    asterisk.wait_idle(3)


def test_a_registered_endpoint_is_called_held_and_resumed(asterisk: Asterisk, sipp: Sipp) -> None:
    """What stands for the edge here gets a re-INVITE when the phone at the other end holds."""
    edge = sipp.start("uas_is_held", pause_ms=50, HELD="sendonly")
    contact = f"sip:sipua@{edge.address}"
    sipp.run("uac_register", asterisk.address, AOR="sipua", PASSWORD=PASSWORD, CONTACT_URI=contact)
    assert asterisk.wait_contact().uri == contact
    sipp.run(
        "uac_hold",
        asterisk.address,
        service="100",
        pause_ms=400,
        FROM="phone",
        HOLD=offers.HOLD_SENDONLY,
        ANSWER="recvonly",
    )
    result = edge.wait()
    assert len(result.received("INVITE")) == 3
    asterisk.wait_idle()


def test_a_wrong_password_does_not_register(asterisk: Asterisk, sipp: Sipp) -> None:
    result = sipp.run(
        "uac_register",
        asterisk.address,
        AOR="sipua",
        PASSWORD="wrong",
        CONTACT_URI="sip:sipua@127.0.0.1:9",
        check=False,
    )
    assert not result.ok
    assert len(result.received("SIP/2.0 401")) == 2
    assert asterisk.contacts() == []


def test_a_restarted_asterisk_serves_again(asterisk: Asterisk, sipp: Sipp) -> None:
    asterisk.restart()
    sipp.run("uac_options", asterisk.address, service="600")


def test_two_asterisks_do_not_meet(asterisk_factory: Callable[[], Asterisk], sipp: Sipp) -> None:
    one, other = asterisk_factory(), asterisk_factory()
    call = sipp.start("uac_call", one.address, service="600", pause_ms=800)
    wait_until(lambda: [c.application for c in one.channels()] == ["Echo"], 5, "the echo")
    assert other.channels() == []
    call.wait()


REFUSALS = {
    "busy": ("605", offers.AUDIO, "486"),
    "forbidden": ("609", offers.AUDIO, "403"),
    "no codec": ("600", offers.NO_COMMON_CODEC, "488"),
    "SAVP only": ("600", offers.SAVP_ONLY, "488"),
    "unknown extension": ("999", offers.AUDIO, "404"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(asterisk: Asterisk, sipp: Sipp, case: str) -> None:
    extension, offer, status = REFUSALS[case]
    sipp.run("uac_rejected", asterisk.address, service=extension, OFFER=offer, STATUS=status)


SCENARIOS: dict[str, dict[str, Any]] = {
    "uac_bye_while_ringing": {"service": "606"},
    "uac_cancel_while_ringing": {"service": "606"},
    "uac_delayed_offer": {},
    "uac_hold_by_update": {"HOLD": offers.HOLD_INACTIVE, "ANSWER": "inactive"},
    "uac_options": {},
    "uac_refer_out_of_dialog": {"TARGET": "sip:1@127.0.0.1", "STATUS": "501"},
    "uac_retransmitted_invite": {},
    "uac_session_refresh": {},
    "uac_session_refresh_by_update": {},
    "uac_wrong_tag": {},
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_asterisk_passes_the_scenarios(asterisk: Asterisk, sipp: Sipp, scenario: str) -> None:
    """What a mature user agent passes cannot be wrong by much."""
    values = {"service": "600"} | SCENARIOS[scenario]
    sipp.run(scenario, asterisk.address, pause_ms=150, timeout_s=10, **values)


@pytest.mark.slow
def test_a_far_end_hears_the_other(tmp_path: Path) -> None:
    """Two far ends, told of each other as a scenario does it: all that is sent arrives."""
    said = np.concatenate([audio.silence(200), audio.speech("short")])
    with RtpFarEnd(tmp_path, 50, said) as one, RtpFarEnd(tmp_path, 50, said) as other:
        one.targets.write_text(
            "".join(
                f"media {mine} 127.0.0.1 {yours}\n"
                for mine, yours in zip(one.ports, other.ports, strict=True)
            )
        )
        time.sleep(4)  # they talk for less than two
        with one.targets.open("a") as log:
            log.write("".join(f"over {port}\n" for port in one.ports))
        time.sleep(1)
        sending, answering = one.finish(), other.finish()
    assert min(audio.find(said, stream.pcm()).score for stream in sending + answering) > 0.99
    for stream, peer in zip(answering, sending, strict=True):
        assert (stream.packets, stream.lost, stream.sources) == (
            peer.sent,
            0,
            [("127.0.0.1", peer.port)],
        )


def test_a_registrar_wants_the_right_password_again_and_again(sipp: Sipp) -> None:
    registrar = sipp.start(
        "uas_registrar", calls=3, USERNAME="agent", PASSWORD="right", EXPIRES="60"
    )
    remote = ("127.0.0.1", registrar.port)
    contact = "sip:agent@127.0.0.1:9"
    for _ in range(2):
        sipp.run("uac_register", remote, AOR="agent", PASSWORD="right", CONTACT_URI=contact)
    wrong = sipp.run(
        "uac_register", remote, AOR="agent", PASSWORD="wrong", CONTACT_URI=contact, check=False
    )
    assert len(wrong.received("SIP/2.0 401")) == 2
    # SIPp gives a failed call up with a BYE of its own, which is none of the registrar's.
    answers = [m.first_line for m in registrar.messages() if m.sent and "REGISTER" in m.text]
    challenge, accepted = "SIP/2.0 401 Unauthorized", "SIP/2.0 200 OK"
    assert answers == [challenge, accepted, challenge, accepted, challenge, challenge]


def test_a_registrar_refuses(sipp: Sipp) -> None:
    registrar = sipp.start(
        "uas_registrar_refuses", STATUS="503 Service Unavailable", HEADERS="Retry-After: 2"
    )
    result = sipp.run(
        "uac_register",
        ("127.0.0.1", registrar.port),
        AOR="agent",
        PASSWORD="right",
        CONTACT_URI="sip:agent@127.0.0.1:9",
        check=False,
    )
    assert "Retry-After: 2" in result.received("SIP/2.0 503")[0].text
