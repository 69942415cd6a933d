"""Whose reports are believed, and what a broken or hostile one does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.rtp.events import LossReported, PacketsRefused
from sipua.rtp.packet import build as build_rtp
from sipua.rtp.receive.stats import ReceiveStats
from sipua.rtp.rtcp.packets import ReportBlock, SenderInfo, parse
from sipua.rtp.rtcp.session import RtcpSession
from support.media.netmodel import PEER, Talker
from support.media.rtcp_link import WALL_S
from support.media.rtcp_reports import (
    CONTROL_PORT,
    OURS,
    THEIRS,
    block,
    due_report,
    report,
    with_reports,
)
from support.media.rtp_session import make_session

# -- who is believed


def test_R1_reports_of_strangers_are_not_read_and_move_nothing() -> None:
    session, rtcp = with_reports()
    forged = report(block(fraction_lost=255))
    for source in (("203.0.113.9", PEER[1] + 1), ("203.0.113.9", 5)):
        session.receive_control(forged, source, 1.0)
        session.receive(forged, source, 1.0)
    assert rtcp.stats()["dropped"] == {"source": 4}
    assert rtcp.stats()["remote_lost"] is None
    control = due_report(session, 4.0)
    assert control is not None
    assert control.target == CONTROL_PORT


def test_R1_a_neighbour_on_the_peers_host_must_know_an_ssrc_of_the_call() -> None:
    session, rtcp = with_reports()
    neighbour = (PEER[0], 61000)
    session.receive_control(report(block(ssrc=OURS + 1), ssrc=99), neighbour, 1.0)
    assert rtcp.stats()["dropped"] == {"ssrc": 1}
    control = due_report(session, 4.0)
    assert control is not None
    assert control.target == CONTROL_PORT


def test_behind_a_nat_reports_go_back_where_they_come_from() -> None:
    session, rtcp = with_reports()
    mapped = (PEER[0], 61000)
    assert list(session.receive_control(report(block()), mapped, 1.0)) == []
    control = due_report(session, 4.0)
    assert control is not None
    assert control.target == mapped
    assert not control.muxed
    rtcp.set_remote(None, False)  # the same offer again
    assert due_report(session, 10.0).target == mapped  # type: ignore[union-attr]


def test_when_audio_comes_from_behind_a_nat_the_sdps_rtcp_address_is_not_used() -> None:
    rtcp = RtcpSession(ssrc=OURS, wall_s=WALL_S, now=0.0)
    rtcp.set_remote(("192.168.1.5", 4001), False)
    session = make_session(remote=("192.168.1.5", 4000), signalling_ip="203.0.113.9", rtcp=rtcp)
    assert due_report(session, 4.0).target == ("192.168.1.5", 4001)  # type: ignore[union-attr]
    phone = ("203.0.113.9", 33000)
    for packet in Talker(source=phone).talk(10, start=5.0):
        session.receive(packet.datagram, packet.source, packet.at)
    assert session.latch.source == phone
    assert due_report(session, 11.0).target == ("203.0.113.9", 33001)  # type: ignore[union-attr]


def test_the_sdp_may_name_another_port_or_host_for_reports() -> None:
    session, rtcp = with_reports()
    elsewhere = ("198.51.100.99", 7001)
    rtcp.set_remote(elsewhere, False)
    assert due_report(session, 4.0).target == elsewhere  # type: ignore[union-attr]
    session.receive_control(report(block(lost=3)), elsewhere, 5.0)
    assert rtcp.stats()["remote_lost"] == 3
    for wrong in (("224.0.0.1", 5000), ("0.0.0.0", 5000), ("phone.local", 5000), (PEER[0], 0)):
        rtcp.set_remote(wrong, False)
        assert rtcp._target(session.latch) == CONTROL_PORT


def test_no_port_above_the_last_one() -> None:
    rtcp = RtcpSession(ssrc=OURS, wall_s=WALL_S, now=0.0)
    session = make_session(remote=(PEER[0], 65535), rtcp=rtcp)
    assert due_report(session, 4.0) is None


def test_a_new_answer_may_put_both_on_one_port() -> None:
    session, _ = with_reports()
    session.update(
        law_by_pt={0: "PCMU"},
        send_pt=0,
        telephone_event_pt=None,
        remote=PEER,
        signalling_ip=PEER[0],
        sending=True,
        on_hold=False,
        now=1.0,
        rtcp_remote=CONTROL_PORT,
        rtcp_muxed=True,
    )
    control = due_report(session, 4.0)
    assert control is not None
    assert (control.target, control.muxed) == (PEER, True)


# -- what is wrong with it


def test_R3_rtcp_on_the_rtp_port_is_read_without_having_been_negotiated() -> None:
    session, rtcp = with_reports()
    events = session.receive(report(block(fraction_lost=64, lost=7)), PEER, 1.0)
    assert list(events) == [LossReported(0.25, 7, 0.0, None)]
    assert rtcp.stats()["received"] == 1
    assert session.stats()["dropped"] == {}


def test_R3_whatever_comes_as_rtcp_is_counted_by_reason() -> None:
    session, rtcp = with_reports()
    good = report(block())
    for number, datagram in enumerate(
        (b"", b"\x80\xc8\0\0", good[:-1], b"\0" + good[1:], good + bytes(1500), bytes(65_507))
    ):
        assert list(session.receive_control(datagram, CONTROL_PORT, float(number))) == []
    assert session.receive(b"\x80\xc8\0\0", PEER, 9.0) == ()
    assert rtcp.stats()["dropped"] == {"short": 3, "length": 1, "version": 1, "oversize": 2}
    session.receive_control(good, CONTROL_PORT, 10.0)
    assert rtcp.stats()["received"] == 1


def test_R2_a_flood_of_reports_is_read_ten_times_a_second() -> None:
    session, rtcp = with_reports()
    good = report(block())
    for number in range(10_000):
        session.receive_control(good, CONTROL_PORT, 1.0 + number * 1e-4)
    assert rtcp.stats()["received"] == 10
    assert rtcp.stats()["dropped"] == {"rate": 9_990}
    session.receive_control(good, CONTROL_PORT, 2.5)
    assert rtcp.stats()["received"] == 11


def test_R2_many_refused_packets_are_told_once_a_report() -> None:
    session, rtcp = with_reports()
    stranger = build_rtp(b"\xff" * 160, payload_type=0, sequence=1, timestamp=0, ssrc=5)
    for _ in range(20_000):
        session.receive(stranger, ("203.0.113.9", 5), 0.5)
    assert list(session.handle_timer(rtcp.due)) == [PacketsRefused({"source": 20_000})]
    for _ in range(49):
        session.receive(stranger, ("203.0.113.9", 5), 5.0)
    assert list(session.handle_timer(rtcp.due)) == []
    session.receive(stranger, ("203.0.113.9", 5), 9.0)
    assert list(session.handle_timer(rtcp.due)) == [PacketsRefused({"source": 50})]


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.binary(max_size=60),
                st.builds(
                    lambda ssrc, target, figures, ntp: report(
                        ReportBlock(target, *figures), ssrc=ssrc, sender=ntp
                    ),
                    st.sampled_from([THEIRS, OURS, 5]),
                    st.sampled_from([THEIRS, OURS, 5]),
                    st.tuples(
                        st.integers(0, 255),
                        st.integers(-(2**23), 2**23 - 1),
                        *(st.integers(0, 2**32 - 1) for _ in range(4)),
                    ),
                    st.none()
                    | st.builds(
                        SenderInfo,
                        st.integers(0, 2**64 - 1),
                        *(st.integers(0, 2**32 - 1) for _ in range(3)),
                    ),
                ),
                st.integers(0, 50).map(lambda index: Talker().packet(index)),
            ),
            st.sampled_from([PEER, CONTROL_PORT, ("192.0.2.1", 7)]),
            st.booleans(),
            st.floats(0, 3),
        ),
        max_size=60,
    )
)
def test_R3_nothing_that_comes_makes_reports_fail(
    datagrams: list[tuple[bytes, tuple[str, int], bool, float]],
) -> None:
    session, rtcp = with_reports()
    now = 0.0
    for datagram, source, on_control_port, step in datagrams:
        now += step
        (session.receive_control if on_control_port else session.receive)(datagram, source, now)
        session.send(b"\xff" * 160, 160)
        if rtcp.due <= now:
            control = due_report(session, now)
            assert control is not None
            assert len(parse(control.datagram).reports) == 1
    session.goodbye(now)
    session.stats()


def test_memory_is_bounded() -> None:
    session, rtcp = with_reports()
    for _ in range(2000):
        session.send(b"\xff" * 160, 160)
        due_report(session, rtcp.due)
        session.receive_control(report(block()), CONTROL_PORT, rtcp.due - 0.1)
    assert len(rtcp._sr_times) == 16


def test_the_quickest_packet_of_a_while_is_taken_once() -> None:
    stats = ReceiveStats(1)
    assert stats.take_least_transit() is None
    for timestamp, now in ((0, 1.030), (160, 1.021), (320, 1.060)):
        stats.measure_jitter(timestamp, now)
    assert stats.take_least_transit() == (1.021, pytest.approx(1.001))
    assert stats.take_least_transit() is None
