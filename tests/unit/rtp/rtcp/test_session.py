"""Reports in simulated time: when they go, what they say, and what comes out of the peer's."""

import random
from itertools import pairwise

import pytest

from sipua.rtp.events import LossReported, MediaTimeout
from sipua.rtp.latch.latch import SourceLatch
from sipua.rtp.rtcp.packets import parse
from sipua.rtp.rtcp.session import RtcpSession, Sent
from support.media.netmodel import PEER, Talker
from support.media.rtcp_link import WALL_S, PooledSession, them, us
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

# -- when


def test_reports_go_every_five_seconds_at_random_and_the_first_after_half_of_it() -> None:
    firsts, intervals = [], []
    for seed in range(400):
        rtcp = RtcpSession(ssrc=1, wall_s=0, now=100.0, rng=random.Random(seed))
        firsts.append(rtcp.due - 100)
        rtcp.report(200.0, Sent(0, 0, 0), SourceLatch(), None)
        intervals.append(rtcp.due - 200)
    for times, middle in ((firsts, 2.5), (intervals, 5.0)):
        # RFC 3550 §6.3.1: 0.5 to 1.5 times the interval, divided by e - 3/2.
        assert middle * 0.5 / 1.2183 <= min(times) < middle * 0.6 / 1.2183
        assert middle * 1.4 / 1.2183 < max(times) <= middle * 1.5 / 1.2182
        assert sum(times) / len(times) == pytest.approx(middle / 1.2183, rel=0.05)


def test_a_stall_makes_no_burst_of_reports() -> None:
    session, rtcp = with_reports()
    assert due_report(session, 100.0) is not None
    assert rtcp.due > 101
    assert due_report(session, 100.0) is None


def test_the_timer_asks_for_reports_even_after_the_media_timeout() -> None:
    session, rtcp = with_reports()
    now, timeouts = 0.0, 0
    for _ in range(20):
        deadline = session.next_deadline()
        assert deadline is not None
        assert deadline > now
        now = deadline
        timeouts += sum(isinstance(event, MediaTimeout) for event in session.handle_timer(now))
    assert timeouts == 1
    assert rtcp.stats()["sent"] == 19


def test_R12_reports_alone_do_not_keep_a_call_alive() -> None:
    session, _ = with_reports()
    timeouts: list[tuple[int, type]] = []
    for second in range(1, 40):
        session.receive_control(report(block()), CONTROL_PORT, float(second))
        timeouts += [(second, type(event)) for event in session.handle_timer(float(second))]
    assert timeouts == [(20, MediaTimeout)]


def test_without_an_address_nothing_is_sent_and_time_goes_on() -> None:
    rtcp = RtcpSession(ssrc=OURS, wall_s=WALL_S, now=0.0)
    session = make_session(remote=None, rtcp=rtcp)
    assert due_report(session, 10.0) is None
    assert rtcp.due > 10
    assert session.goodbye(11.0) is None


# -- what they say


def test_who_only_listens_sends_a_receiver_report_and_a_sender_a_senders() -> None:
    session, _ = with_reports()
    for packet in Talker().talk(50):
        session.receive(packet.datagram, packet.source, packet.at)
    control = due_report(session, 4.0)
    assert control is not None
    compound = parse(control.datagram)
    (told,) = compound.reports
    assert (told.ssrc, told.sender) == (OURS, None)
    assert [(b.ssrc, b.lost, b.highest) for b in told.blocks] == [(THEIRS, 0, 1049)]
    assert list(compound.cnames) == [OURS]
    assert compound.goodbyes == []

    for _ in range(10):
        session.send(b"\xff" * 160, 160)
    control = due_report(session, 10.0)
    assert control is not None
    (told,) = parse(control.datagram).reports
    assert told.sender is not None
    assert (told.sender.packets, told.sender.octets) == (10, 1600)
    assert told.blocks == [], "nothing new was heard: nothing new to say"


def test_a_sender_that_stops_is_no_sender_two_reports_later() -> None:
    session, rtcp = with_reports()
    session.send(b"\xff" * 160, 160)
    kinds = []
    for _ in range(4):
        control = due_report(session, rtcp.due)
        assert control is not None
        kinds.append(parse(control.datagram).reports[0].sender is not None)
    assert kinds == [True, True, False, False]


def test_each_call_has_a_cname_of_its_own_that_tells_nothing() -> None:
    names = set()
    for _ in range(50):
        rtcp = RtcpSession(ssrc=1, wall_s=0, now=0.0)
        session = make_session(rtcp=rtcp)
        control = due_report(session, 10.0)
        assert control is not None
        names.add(parse(control.datagram).cnames[1])
    assert len(names) == 50
    assert {len(name) for name in names} == {16}


def test_the_fraction_is_of_the_packets_since_the_last_report() -> None:
    session, rtcp = with_reports()
    fractions = []
    packets = Talker().talk(600)
    for part, keep in ((packets[:200], 2), (packets[200:400], 4), (packets[400:], 1)):
        for packet in part:
            if packet.index % keep == 0:
                session.receive(packet.datagram, packet.source, packet.at)
        control = due_report(session, max(rtcp.due, part[-1].at))
        assert control is not None
        (told,) = parse(control.datagram).reports[0].blocks
        fractions.append((told.fraction_lost / 256, told.lost))
    # The last of each part is lost, and is missed only when a later one has come.
    assert fractions[0] == (pytest.approx(0.5, abs=0.01), 99)
    assert fractions[1] == (pytest.approx(0.75, abs=0.01), 247)
    assert fractions[2] == (pytest.approx(0.015, abs=0.01), 250)


def test_R5_the_highest_sequence_number_counts_its_wraps() -> None:
    session, _ = with_reports()
    for packet in Talker(first_sequence=65_530, first_timestamp=2**32 - 800).talk(70_000):
        session.receive(packet.datagram, packet.source, packet.at)
    control = due_report(session, 1400.0)
    assert control is not None
    (told,) = parse(control.datagram).reports[0].blocks
    assert told.highest == 65_530 + 69_999
    assert (told.highest >> 16, told.fraction_lost, told.lost) == (2, 0, 0)


def test_R5_our_own_counters_wrap() -> None:
    rtcp = RtcpSession(ssrc=OURS, wall_s=WALL_S, now=0.0)
    latch = SourceLatch()
    latch.set_remote(PEER, None)
    control = rtcp.report(5.0, Sent(2**32 + 7, 2**33 + 9, 2**32 + 11), latch, None)
    assert control is not None
    sender = parse(control.datagram).reports[0].sender
    assert sender is not None
    assert (sender.packets, sender.octets, sender.timestamp) == (7, 9, 11)


def test_the_timestamp_of_a_report_is_the_media_clock_at_that_moment() -> None:
    """No wavering by the 20 ms between packets: who computes our drift from it gets none."""
    one, other = us(), them()
    PooledSession(one, other).run(600)
    pairs = []
    for control in one.controls:
        sender = parse(control.datagram).reports[0].sender
        assert sender is not None
        pairs.append((sender.ntp / 2**32, sender.timestamp / 8000))
    steps = [(b[0] - a[0]) - (b[1] - a[1]) % (2**32 / 8000) for a, b in pairwise(pairs)]
    assert max(map(abs, steps)) < 0.001


# -- what comes back


@pytest.mark.parametrize("muxed", [False, True])
def test_the_round_trip_is_measured(muxed: bool) -> None:
    one, other = us(muxed=muxed), them(muxed=muxed)
    PooledSession(one, other, delay_ms=40).run(30)
    for party in (one, other):
        assert party.told["round_trip_ms"] == pytest.approx(80, abs=0.1)
        assert party.told["remote_lost"] == 0
        assert party.told["sent"] >= 4
        assert party.told["received"] >= 4
        assert party.told["dropped"] == {}
        assert {control.target[1] % 2 for control in party.controls} == {0 if muxed else 1}


def test_R7_loss_and_jitter_come_back_as_the_peer_saw_them() -> None:
    one, other = us(loss=0.1), them()
    PooledSession(one, other, delay_ms=30, jitter_ms=15, seed=3).run(60)
    told = one.told
    (stream,) = other.session.stats()["streams"]  # type: ignore[misc]  # a list in a dict
    assert told["remote_fraction_lost_max"] > 0.05
    assert told["remote_lost"] == pytest.approx(300, abs=60)
    assert told["remote_lost"] <= stream["lost"]
    assert told["remote_jitter_ms"] == pytest.approx(stream["jitter_ms"], abs=2)
    assert 60 <= told["round_trip_ms"] <= 90
    assert [event for event in one.events if isinstance(event, LossReported)]
    assert not [event for event in other.events if isinstance(event, LossReported)]
    assert other.told["remote_lost"] == 0


@pytest.mark.parametrize("drift_ppm", [-200, 0, 80, 200])
def test_R13_the_peers_drift_is_told_by_both_ways_of_measuring(drift_ppm: float) -> None:
    one, other = us(), them(drift_ppm=drift_ppm, begins_s=5000.0)
    PooledSession(one, other, jitter_ms=10, seed=4).run(600)
    assert one.told["drift_ppm"] == pytest.approx(drift_ppm, abs=5)
    assert one.told["drift_sr_ppm"] == pytest.approx(drift_ppm, abs=40)
    assert other.told["drift_ppm"] == pytest.approx(-drift_ppm, abs=5)


def test_H6_a_wall_clock_that_is_set_anew_changes_nothing() -> None:
    """It is read when the session is made; what it shows later is not told."""
    one, other = us(), them(begins_s=77_777.0)
    link = PooledSession(one, other, delay_ms=25)
    link.run(60)
    times = []
    for control in one.controls:
        sender = parse(control.datagram).reports[0].sender
        assert sender is not None
        times.append(sender.ntp / 2**32 - 2_208_988_800 - WALL_S)
    assert all(0 < time < 61 for time in times)
    assert times == sorted(times)
    for party in (one, other):
        assert party.told["round_trip_ms"] == pytest.approx(50, abs=0.1)


def test_R5_the_round_trip_over_the_wrap_of_the_ntp_middle() -> None:
    """Its 32 bits begin anew every 18 hours."""
    rtcp = RtcpSession(ssrc=OURS, wall_s=65536 * 40_000 - 2_208_988_800 - 3.0, now=0.0)
    session = make_session(rtcp=rtcp)
    session.send(b"\xff" * 160, 160)
    control = due_report(session, 4.0)
    assert control is not None
    sender = parse(control.datagram).reports[0].sender
    assert sender is not None
    quoted = sender.ntp >> 16 & 0xFFFFFFFF
    assert quoted == 65536
    answer = report(block(last_sr=quoted, delay_since_sr=65536))
    session.receive_control(answer, CONTROL_PORT, 5.080)
    assert rtcp.stats()["round_trip_ms"] == pytest.approx(80, abs=0.1)


def test_a_quoted_report_that_we_never_sent_or_a_delay_that_lies_measures_nothing() -> None:
    session, rtcp = with_reports()
    session.send(b"\xff" * 160, 160)
    control = due_report(session, 4.0)
    assert control is not None
    sender = parse(control.datagram).reports[0].sender
    assert sender is not None
    quoted = sender.ntp >> 16 & 0xFFFFFFFF
    for last_sr, delay in ((quoted + 1, 0), (quoted, 10 * 65536), (quoted, 2**32 - 1)):
        answer = report(block(last_sr=last_sr, delay_since_sr=delay))
        session.receive_control(answer, CONTROL_PORT, 5.0)
    session.receive_control(report(block(last_sr=quoted)), CONTROL_PORT, 400.0)
    stats = rtcp.stats()
    assert stats["round_trip_ms"] is None
    assert stats["dropped"] == {"lsr": 1, "dlsr": 3}
    assert stats["received"] == 4


def test_a_new_ssrc_of_the_peer_is_a_new_account() -> None:
    session, rtcp = with_reports()
    for packet in Talker(ssrc=1).talk(50):
        session.receive(packet.datagram, packet.source, packet.at)
    due_report(session, rtcp.due)
    for packet in Talker(ssrc=2, first_sequence=9).talk(50, start=5.0):
        session.receive(packet.datagram, packet.source, packet.at)
    control = due_report(session, 10.0)
    assert control is not None
    (told,) = parse(control.datagram).reports[0].blocks
    assert (told.ssrc, told.lost, told.fraction_lost, told.highest) == (2, 0, 0, 58)


# -- the end


def test_a_goodbye_ends_a_call_and_is_only_counted_when_it_comes() -> None:
    one, other = us(), them()
    link = PooledSession(one, other)
    link.run(10)
    link.carry(one, one.session.goodbye(one.clock(10)), 10)
    link.run(10.1)
    assert parse(one.controls[-1].datagram).goodbyes == [one.session.ssrc]
    assert other.told["goodbyes"] == 1
    heard = len(other.events)
    link.run(12)
    assert len(other.events) > heard, "a forged goodbye hangs up nothing"


def test_who_said_nothing_takes_no_leave() -> None:
    session, _ = with_reports()
    assert session.goodbye(1.0) is None
    session.send(b"\xff" * 160, 160)
    control = session.goodbye(1.0)
    assert control is not None
    assert parse(control.datagram).goodbyes == [OURS]
