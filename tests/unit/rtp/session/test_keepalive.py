"""RTP keep-alives (RFC 6263), in virtual time."""

import random

import pytest

from sipua.rtp.events import Address
from sipua.rtp.packet import parse
from sipua.rtp.rtcp.session import RtcpSession
from sipua.rtp.session.config import RtpConfig
from sipua.rtp.session.session import RtpSession
from support.media.netmodel import PEER
from support.media.rtp_session import make_session

EVERY_S = 15.0
CONFIG = RtpConfig(keepalive_s=EVERY_S, timeout_s=1000, hold_timeout_s=1000)
Sent = tuple[float, bytes, Address]


def run(session: RtpSession, until: float, *, talks: tuple[float, float] = (0, 0)) -> list[Sent]:
    """What keeps the way open; meanwhile audio leaves within `talks`."""
    sent: list[Sent] = []
    now = 0.0
    while now < until:
        if talks[0] <= now < talks[1]:
            session.send(b"\xff" * 160, 160)
        due = session.next_deadline()
        if due is not None and due <= now:
            session.handle_timer(now)
            session.take_control()
            if (packet := session.keepalive.take()) is not None:
                sent.append((now, *packet))
        now += 0.02
    return sent


def test_none_leaves_while_audio_does() -> None:
    assert run(make_session(config=CONFIG), 60, talks=(0, 60)) == []


def test_the_first_is_soon_enough_after_the_last_audio_and_then_one_in_an_interval() -> None:
    times = [at for at, _, _ in run(make_session(config=CONFIG), 90, talks=(0, 31))]
    gaps = [later - earlier for earlier, later in zip([31.0, *times], times, strict=False)]
    assert len(times) == 4
    assert 5 <= gaps[0] <= EVERY_S
    assert gaps[1:] == pytest.approx([EVERY_S] * 3, abs=0.1)


def test_on_hold_they_go_to_where_audio_would() -> None:
    session = make_session(config=CONFIG)
    session.update(
        law_by_pt={0: "PCMU"},
        send_pt=0,
        telephone_event_pt=127,
        remote=PEER,
        signalling_ip=PEER[0],
        sending=False,
        on_hold=True,
        now=0.0,
    )
    sent = run(session, 40)
    assert [target for _, _, target in sent] == [PEER] * 3
    packets = [parse(datagram) for _, datagram, _ in sent]
    assert {packet.payload_type for packet in packets} == {126}, "one that the peer does not know"
    assert {len(packet.payload) for packet in packets} == {0}
    sequences = [packet.sequence for packet in packets]
    assert sequences == [sequences[0], sequences[0] + 1, sequences[0] + 2]
    assert session.stats()["keepalives"] == 3
    assert session.stats()["sent"] == 0


def test_audio_goes_on_behind_them_without_a_gap_in_the_numbers() -> None:
    session = make_session(config=CONFIG)
    (_, last, _) = run(session, 20)[-1]
    packet = session.send(b"\xff" * 160, 160)
    assert packet is not None
    assert parse(packet[0]).sequence == parse(last).sequence + 1


def test_with_reports_on_the_same_port_none_is_needed() -> None:
    rtcp = RtcpSession(ssrc=0xCAFE, wall_s=0, now=0.0, rng=random.Random(1))
    session = make_session(config=CONFIG, rtcp=rtcp)
    rtcp.set_remote(PEER, muxed=True)
    assert run(session, 60) == []


@pytest.mark.parametrize(
    ("config", "remote"), [(RtpConfig(timeout_s=1000), PEER), (CONFIG, ("0.0.0.0", 0))]
)
def test_off_or_without_a_target_none_leaves(config: RtpConfig, remote: Address) -> None:
    assert run(make_session(config=config, remote=remote), 60) == []
