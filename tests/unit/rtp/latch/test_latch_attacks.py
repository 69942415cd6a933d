"""R1: a second sender, before, with and after the caller, with and without NAT."""

from dataclasses import replace

import pytest

from sipua.rtp.events import Address, Frame, SourceChanged
from sipua.rtp.packet import parse
from support.media.netmodel import Packet, Talker
from support.media.rtp_session import make_session

SIGNALLING = "203.0.113.9"
ATTACKER: Address = ("192.0.2.66", 9999)
NO_NAT: Address = ("198.51.100.7", 4000)
BEHIND_NAT: Address = ("192.168.1.5", 4000)
NATTED: Address = (SIGNALLING, 31000)

CALLER_SSRC = 1
ATTACKER_SSRC = 2


def run(
    sdp: Address, streams: list[list[Packet]], seconds: float
) -> tuple[dict[Address, list[float]], dict[int, list[float]]]:
    """Both talk, we talk: when packets of ours went to whom, when frames of whom were heard."""
    session = make_session(remote=sdp, signalling_ip=SIGNALLING)
    arrivals = sorted((packet for stream in streams for packet in stream), key=lambda p: p.at)
    sent_to: dict[Address, list[float]] = {}
    heard: dict[int, list[float]] = {CALLER_SSRC: [], ATTACKER_SSRC: []}
    tick = 0
    for packet in arrivals:
        while tick * 0.02 <= min(packet.at, seconds):
            sent = session.send(bytes(160), 160)
            assert sent is not None
            sent_to.setdefault(sent[1], []).append(tick * 0.02)
            tick += 1
        ssrc = parse(packet.datagram).ssrc
        for event in session.receive(packet.datagram, packet.source, packet.at):
            if isinstance(event, Frame):
                heard[ssrc].append(packet.at)
    return sent_to, heard


@pytest.mark.parametrize(
    ("sdp", "caller_from"),
    [(NO_NAT, NO_NAT), (NO_NAT, (NO_NAT[0], 4002)), (NO_NAT, NATTED), (BEHIND_NAT, NATTED)],
    ids=["no NAT", "other port", "media from the signalling host", "NAT"],
)
@pytest.mark.parametrize("attack_at", [0.2, 0.5, 0.99, 1.0, 1.2, 5.0])
def test_R1_a_second_sender(sdp: Address, caller_from: Address, attack_at: float) -> None:
    caller = Talker(ssrc=CALLER_SSRC, source=caller_from).talk(500, start=1.0)
    attacker = Talker(ssrc=ATTACKER_SSRC, source=ATTACKER, first_sequence=40_000).talk(
        500, start=attack_at
    )
    sent_to, heard = run(sdp, [caller, attacker], 10.0)
    assert len(sent_to.get(ATTACKER, [])) <= 4
    assert [at for at in sent_to.get(ATTACKER, []) if at >= 1.2] == []
    assert heard[ATTACKER_SSRC] == []
    assert heard[CALLER_SSRC][0] <= 1.0 + 0.08
    assert len(heard[CALLER_SSRC]) >= 500 - 4
    assert max(sent_to[caller_from]) > 9.9


@pytest.mark.parametrize("lead_s", [2.0, 8.0])
def test_R1_a_stranger_long_before_the_caller_is_thrown_out_at_once(lead_s: float) -> None:
    """Behind a NAT an unknown source may be the caller, until a better one comes."""
    caller = Talker(ssrc=CALLER_SSRC, source=NATTED).talk(500, start=lead_s)
    attacker = Talker(ssrc=ATTACKER_SSRC, source=ATTACKER).talk(1000)
    sent_to, heard = run(BEHIND_NAT, [caller, attacker], lead_s + 9)
    assert heard[CALLER_SSRC][0] <= lead_s + 0.08
    assert max(heard[ATTACKER_SSRC]) <= heard[CALLER_SSRC][0]
    assert max(sent_to[ATTACKER]) <= heard[CALLER_SSRC][0] + 0.02


@pytest.mark.parametrize("lead_s", [0.5, 2.0, 8.0])
def test_R1_a_sender_on_the_callers_own_host_before_the_caller(lead_s: float) -> None:
    neighbour = (NO_NAT[0], 6666)
    caller = Talker(ssrc=CALLER_SSRC, source=NO_NAT).talk(500, start=lead_s)
    attacker = Talker(ssrc=ATTACKER_SSRC, source=neighbour).talk(1000)
    sent_to, heard = run(NO_NAT, [caller, attacker], lead_s + 9)
    assert heard[CALLER_SSRC][0] <= lead_s + 0.08
    assert max(heard[ATTACKER_SSRC]) <= heard[CALLER_SSRC][0]
    assert max(sent_to.get(neighbour, [0.0])) <= heard[CALLER_SSRC][0] + 0.02
    assert len(sent_to.get(neighbour, [])) <= max(0, lead_s - 1.0) / 0.02 + 4


def test_R1_nothing_injected_after_the_lock_even_with_the_callers_ssrc() -> None:
    caller = Talker(ssrc=CALLER_SSRC, source=NATTED).talk(500)
    session = make_session(remote=BEHIND_NAT, signalling_ip=SIGNALLING)
    for packet in caller[:251]:
        session.receive(packet.datagram, packet.source, packet.at)
    assert session.stats()["locked"] is True
    for packet in caller[251:]:
        for source in (ATTACKER, (SIGNALLING, 31002), (BEHIND_NAT[0], 4002)):
            forged = replace(packet, source=source)
            assert session.receive(forged.datagram, forged.source, forged.at) == ()
        assert len(session.receive(packet.datagram, packet.source, packet.at)) == 1


def test_R1_the_caller_takes_over_with_its_own_stream() -> None:
    session = make_session(remote=NO_NAT, signalling_ip=SIGNALLING)
    for packet in Talker(ssrc=ATTACKER_SSRC, source=NATTED).talk(30):
        session.receive(packet.datagram, packet.source, packet.at)
    packet = Talker(ssrc=CALLER_SSRC, source=NO_NAT).talk(1, start=1.0)[0]
    events = session.receive(packet.datagram, packet.source, packet.at)
    assert [type(event).__name__ for event in events] == ["SourceChanged", "SsrcChanged", "Frame"]
    assert events[0] == SourceChanged(NO_NAT, 1)
