from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.rtp.events import Frame, Lost, MediaTimeout, Silence, SourceChanged, SsrcChanged
from sipua.rtp.latch.latch import Policy
from sipua.rtp.packet import build, parse
from sipua.rtp.session.config import RtpConfig
from support.media.netmodel import (
    PEER,
    Packet,
    Talker,
    audio,
    play,
    samples,
    waits_ms,
    widest_gap_ms,
)
from support.media.rtp_session import make_session


def stream_stats(stats: dict[str, object]) -> dict[str, float]:
    streams = stats["streams"]
    assert isinstance(streams, list)
    last = streams[-1]
    assert isinstance(last, dict)
    return last


def test_first_packet_tells_source_and_ssrc() -> None:
    session = make_session()
    packet = Talker().talk(1, start=1.0)[0]
    events = session.receive(packet.datagram, packet.source, packet.at)
    assert list(events) == [
        SourceChanged(PEER, 1),
        SsrcChanged(None, 0x5EED),
        Frame(0, parse(packet.datagram).payload, 1.0),
    ]


def test_R3_whatever_comes_is_counted_by_reason() -> None:
    session = make_session()
    good = Talker().talk(1)[0].datagram
    for datagram in (
        b"",
        b"\x80",
        good[:11],
        b"\0" + good[1:],
        b"\x8f" + good[1:60],
        b"\x90" + good[1:12],
        b"\xa0" + good[1:12],
        good + bytes(1400),
        good + bytes(65000),
        b"\x81\xc9\0\x07" + bytes(28),
        b"\x80\xc8\0\0",
    ):
        assert session.receive(datagram, PEER, 0.0) == ()
    assert session.stats()["dropped"] == {
        "short": 3,
        "version": 1,
        "csrc": 1,
        "extension": 1,
        "padding": 1,
        "oversize": 2,
        "rtcp": 2,
    }
    assert audio(play(session, Talker().talk(3))) == [0, 1, 2]


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.binary(max_size=40),
                st.builds(
                    lambda first, second, rest: bytes([first, second]) + rest,
                    st.sampled_from([0x80, 0x90, 0xA0, 0xB3]),
                    st.sampled_from([0, 8, 13, 101, 0x80, 200]),
                    st.binary(min_size=10, max_size=30),
                ),
                st.builds(
                    lambda sequence, timestamp, ssrc, payload, payload_type: build(
                        payload,
                        payload_type=payload_type,
                        sequence=sequence,
                        timestamp=timestamp,
                        ssrc=ssrc,
                    ),
                    st.integers(0, 65535),
                    st.integers(0, 2**32 - 1),
                    st.integers(0, 1),
                    st.binary(max_size=20),
                    st.sampled_from([0, 8, 13, 18, 101]),
                ),
            ),
            st.sampled_from([PEER, (PEER[0], 4), ("192.0.2.1", 7)]),
            st.floats(0, 0.5),
        ),
        max_size=60,
    )
)
def test_R3_no_datagrams_make_the_session_raise(
    datagrams: list[tuple[bytes, tuple[str, int], float]],
) -> None:
    session = make_session()
    now = 0.0
    for datagram, source, step in datagrams:
        now += step
        session.receive(datagram, source, now)
        deadline = session.next_deadline()
        if deadline is not None and deadline <= now:
            session.handle_timer(now)
            deadline = session.next_deadline()
            assert deadline is None or deadline > now
    session.stats()


def test_R4_ssrc_change_goes_on_without_losing_a_packet() -> None:
    session = make_session()
    old = Talker(ssrc=1).talk(100)
    new = Talker(ssrc=2, first_sequence=60_000, first_timestamp=7).talk(100, start=2.0, first=100)
    happened = play(session, old + new)
    assert audio(happened) == list(range(200))
    assert widest_gap_ms(happened) <= 60
    assert [item.event for item in happened if isinstance(item.event, SsrcChanged)] == [
        SsrcChanged(None, 1),
        SsrcChanged(1, 2),
    ]
    streams = session.stats()["streams"]
    assert isinstance(streams, list)
    assert [(one["ssrc"], one["received"], one["lost"]) for one in streams] == [
        (1, 100, 0),
        (2, 100, 0),
    ]


def test_R4_what_the_old_ssrc_held_is_not_lost() -> None:
    session = make_session()
    old = Talker(ssrc=1).talk(10)
    del old[7]
    new = Talker(ssrc=2).talk(10, start=0.2, first=10)
    happened = play(session, old + new)
    assert audio(happened) == [0, 1, 2, 3, 4, 5, 6, 8, 9, *range(10, 20)]
    assert samples(happened)["lost"] == 160


def test_R4_a_single_packet_of_another_ssrc_is_not_heard() -> None:
    session = make_session()
    packets = Talker(ssrc=1).talk(50)
    stray = Talker(ssrc=9).talk(1, start=0.51, first=900)
    assert audio(play(session, sorted(packets + stray, key=lambda p: p.at))) == list(range(50))
    assert session.stats()["dropped"] == {"ssrc": 1}


def test_R4_two_streams_mixed_into_one_do_not_make_it_jump() -> None:
    session = make_session()
    one = Talker(ssrc=1).talk(100)
    two = Talker(ssrc=2).talk(100, start=0.01, first=1000)
    happened = play(session, sorted(one + two, key=lambda p: p.at))
    assert audio(happened) == [*range(100)]
    assert session.stats()["dropped"] == {"ssrc": 100}


def test_R4_statistics_of_many_ssrcs_are_bounded() -> None:
    session = make_session()
    packets: list[Packet] = []
    for ssrc in range(100):
        packets += Talker(ssrc=ssrc).talk(2, start=ssrc * 0.04)
    play(session, packets)
    streams = session.stats()["streams"]
    assert isinstance(streams, list)
    assert len(streams) == 9
    assert session.stats()["ssrc_changes"] == 99


def test_R5_sequence_wrap() -> None:
    session = make_session()
    happened = play(session, Talker(first_sequence=65_530).talk(20))
    assert audio(happened) == list(range(20))
    assert samples(happened) == {"frames": 3200, "lost": 0, "silence": 0}


def test_R5_sequence_and_timestamp_wrap_at_once_with_loss_and_reordering() -> None:
    talker = Talker(first_sequence=65_536 - 10, first_timestamp=2**32 - 10 * 160)
    packets = talker.talk(20)
    # 9 is the last before both wraps, 10 the first after them
    order = [*packets[:9], packets[10], packets[9], packets[11], *packets[13:]]
    arrivals = [replace(packet, at=0.02 * index) for index, packet in enumerate(order)]
    session = make_session()
    happened = play(session, arrivals)
    assert audio(happened) == [n for n in range(20) if n != 12]
    assert samples(happened) == {"frames": 19 * 160, "lost": 160, "silence": 0}
    stats = stream_stats(session.stats())
    assert (stats["resets"], stats["timestamp_resets"], stats["lost"]) == (0, 0, 1)


@pytest.mark.slow
def test_R5_two_hours_of_wraps_stay_in_order() -> None:
    session = make_session()
    # 60 ms packets, to save the test's time: the sequence numbers wrap twice all the same.
    talker = Talker(first_sequence=65_000, first_timestamp=2**32 - 5000, ptime_ms=60)
    packets = talker.talk(round(2 * 3600 / 0.06))
    assert len(packets) > 65_536 + 536
    happened = play(session, packets)
    assert audio(happened) == list(range(len(packets)))
    assert max(waits_ms(happened)) == 0


@pytest.mark.parametrize("jump", [5000, -200, 30_000])
def test_R6_sequence_jump(jump: int) -> None:
    session = make_session()
    before = Talker(first_sequence=10_000).talk(50)
    after = Talker(first_sequence=10_000 + jump).talk(50, start=1.0, first=50)
    happened = play(session, before + after)
    assert audio(happened) == list(range(100))
    assert widest_gap_ms(happened) <= 60
    assert stream_stats(session.stats())["resets"] == 1


@pytest.mark.parametrize("steps", [1, 10, 60, 199])
@pytest.mark.parametrize("timestamps_too", [False, True])
def test_R6_small_step_back_is_not_mistaken_for_duplicates(
    steps: int, timestamps_too: bool
) -> None:
    session = make_session()
    before = Talker(first_sequence=10_000).talk(300)
    talker = Talker(
        first_sequence=10_000 - steps,
        first_timestamp=160_000 - (steps * 160 if timestamps_too else 0),
    )
    heard = audio(play(session, before + talker.talk(300, start=6.0, first=300)))
    assert heard[-1] == 599
    assert len(heard) >= (588 if timestamps_too else 599)
    assert heard == sorted(set(heard))


def test_duplicates_in_a_burst_are_no_step_back() -> None:
    session = make_session()
    packets = Talker().talk(200)
    again = [replace(packet, at=3.981 + n * 0.0001) for n, packet in enumerate(packets[100:150])]
    arrivals = sorted(packets + again, key=lambda p: p.at)
    assert audio(play(session, arrivals)) == list(range(200))


@pytest.mark.parametrize("hours", [1, -1])
def test_R6_timestamp_jump_of_an_hour(hours: int) -> None:
    session = make_session()
    before = Talker().talk(50)
    after = Talker(first_timestamp=160_000 + hours * 3600 * 8000).talk(50, start=1.0, first=50)
    happened = play(session, before + after)
    assert audio(happened) == list(range(100))
    assert samples(happened) == {"frames": 16_000, "lost": 0, "silence": 0}
    assert max(waits_ms(happened)) == 0


def test_R8_comfort_noise_keeps_the_timeline() -> None:
    session = make_session()
    talker = Talker()
    speech = talker.talk(50)
    noise = [
        Packet(
            1.0 + n * 0.2,
            build(
                b"\x40",
                payload_type=13,
                sequence=1050 + n,
                timestamp=160_000 + 8000 + n * 1600,
                ssrc=talker.ssrc,
            ),
            0,
        )
        for n in range(150)
    ]
    again = Talker(first_sequence=1150, first_timestamp=160_000 + 30 * 8000).talk(
        50, start=31.0, first=50
    )
    happened = play(session, speech + noise + again, until=32.0)
    assert audio(happened) == list(range(100))
    assert samples(happened) == {"frames": 16_000, "lost": 0, "silence": 30 * 8000}
    assert not any(isinstance(item.event, MediaTimeout) for item in happened)
    assert session.stats()["noise_received"] == 150
    assert session.stats()["dropped"] == {}


def test_R8_dtx_without_any_packet_keeps_the_timeline() -> None:
    session = make_session(config=RtpConfig(timeout_s=60))
    speech = Talker().talk(50)
    again = Talker(first_timestamp=160_000 + 30 * 8000).talk(50, start=31.0, first=50)
    happened = play(session, speech + again, until=32.0)
    assert audio(happened) == list(range(100))
    assert samples(happened)["silence"] == 30 * 8000
    assert not any(isinstance(item.event, MediaTimeout) for item in happened)


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_R9_any_packet_length(ptime_ms: int) -> None:
    session = make_session()
    packets = Talker(ptime_ms=ptime_ms).talk(100)
    lost = packets.pop(50)
    happened = play(session, packets)
    assert audio(happened) == [n for n in range(100) if n != lost.index]
    assert samples(happened)["lost"] == ptime_ms * 8


def test_R9_packet_length_changes_in_mid_call() -> None:
    session = make_session()
    packets: list[Packet] = []
    now, timestamp = 0.0, 0
    for index in range(200):
        size = (80, 160, 240, 480)[index // 50]
        datagram = Talker().packet(index, size, timestamp=timestamp)
        packets.append(Packet(now, datagram, index))
        now += size / 8000
        timestamp += size
    happened = play(session, packets)
    assert audio(happened) == list(range(200))
    assert samples(happened) == {"frames": timestamp, "lost": 0, "silence": 0}


def telephone_event(sequence: int, timestamp: int, ssrc: int, at: float) -> Packet:
    payload = b"\x05\x0a\x00\xa0"
    return Packet(
        at,
        build(payload, payload_type=101, sequence=sequence, timestamp=timestamp, ssrc=ssrc),
        0,
    )


def test_R10_events_are_not_audio_and_not_loss() -> None:
    session = make_session()
    talker = Talker()
    packets = talker.talk(10)
    for n in range(5):
        event = telephone_event(1010 + n, 160_000 + 1600, talker.ssrc, 0.2 + n * 0.02)
        packets.append(event)
    packets += Talker(first_sequence=1005, first_timestamp=160_000 + 5 * 160).talk(
        10, start=0.3, first=10
    )
    happened = play(session, packets)
    assert audio(happened) == list(range(20))
    assert samples(happened) == {"frames": 3200, "lost": 0, "silence": 800}
    assert session.stats()["events_received"] == 5


def test_R10_events_with_an_ssrc_of_their_own_do_not_change_the_stream() -> None:
    session = make_session()
    packets = Talker().talk(50)
    packets += [telephone_event(n, 0, 99, 0.5 + n * 0.02) for n in range(10)]
    packets.sort(key=lambda packet: packet.at)
    happened = play(session, packets)
    assert audio(happened) == list(range(50))
    assert session.stats()["ssrc_changes"] == 0
    assert session.stats()["dropped"] == {}


def test_R11_payload_type_not_negotiated_is_dropped() -> None:
    session = make_session()
    talker = Talker()
    packets = talker.talk(10)
    packets[5] = replace(packets[5], datagram=b"\x80\x12" + packets[5].datagram[2:])  # G.729
    happened = play(session, packets)
    assert audio(happened) == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert samples(happened) == {"frames": 1440, "lost": 0, "silence": 160}
    assert session.stats()["dropped"] == {"payload_type": 1}


def test_R11_payload_type_not_negotiated_opens_no_call() -> None:
    session = make_session()
    for packet in Talker(payload_type=18).talk(10):
        assert session.receive(packet.datagram, packet.source, packet.at) == ()
    assert session.stats()["dropped"] == {"payload_type": 10}
    assert session.latch.source is None


def test_R11_law_switch_is_followed_when_both_were_offered() -> None:
    session = make_session()
    packets = Talker(payload_type=0).talk(10)
    packets += [
        replace(packet, at=packet.at + 0.2)
        for packet in Talker(payload_type=8, first_sequence=1000, first_timestamp=160_000).talk(
            10, first=10
        )
    ]
    happened = play(session, packets)
    types = [item.event.payload_type for item in happened if isinstance(item.event, Frame)]
    assert types == [0] * 10 + [8] * 10
    assert samples(happened)["silence"] == 0


def test_R11_law_switch_is_dropped_when_only_one_was_offered() -> None:
    session = make_session(law_by_pt={0: "PCMU"})
    packets = Talker(payload_type=0).talk(10) + Talker(payload_type=8).talk(10, start=0.2, first=10)
    assert audio(play(session, packets)) == list(range(10))


def test_R12_no_media_times_out_once() -> None:
    session = make_session(now=100.0)
    assert session.next_deadline() == 120.0
    assert session.handle_timer(119.9) == []
    assert session.handle_timer(120.0) == [MediaTimeout(20.0)]
    assert session.next_deadline() is None
    assert session.handle_timer(150.0) == []


def test_R12_each_pause_times_out() -> None:
    session = make_session()
    packets = Talker().talk(50) + Talker(first_timestamp=160_000 + 3600).talk(
        50, start=41.0, first=50
    )
    happened = play(session, packets, until=100.0)
    times = [item.at for item in happened if isinstance(item.event, MediaTimeout)]
    assert times == [pytest.approx(20.98), pytest.approx(61.98)]


def test_R12_strangers_do_not_keep_a_call_alive() -> None:
    session = make_session()
    noise = Talker(source=("192.0.2.1", 5)).talk(2000)
    happened = play(session, noise, until=40.0)
    assert [type(item.event) for item in happened] == [MediaTimeout]


def test_R12_on_hold_the_timeout_is_longer_and_starts_anew() -> None:
    session = make_session(now=0.0)

    def update(on_hold: bool, now: float) -> None:
        session.update(
            law_by_pt={0: "PCMU"},
            send_pt=0,
            telephone_event_pt=101,
            remote=PEER,
            signalling_ip=PEER[0],
            sending=not on_hold,
            on_hold=on_hold,
            now=now,
        )

    update(True, 15.0)
    assert session.next_deadline() == 315.0
    assert session.send(bytes(160), 160) is None
    update(False, 200.0)
    assert session.next_deadline() == 220.0
    assert session.send(bytes(160), 160) is not None
    assert session.handle_timer(220.0) == [MediaTimeout(20.0)]


def test_R14_late_packets_of_an_old_call_from_elsewhere_are_not_heard() -> None:
    session = make_session()
    old = Talker(ssrc=1, source=("198.51.100.99", 5000)).talk(100, first=1000)
    new = Talker(ssrc=2).talk(100, start=0.5)
    assert audio(play(session, sorted(old + new, key=lambda p: p.at))) == list(range(100))
    assert session.stats()["dropped"] == {"source": 100}


def test_R14_late_packets_of_an_old_call_from_the_same_phone_are_not_heard() -> None:
    session = make_session()
    new = Talker(ssrc=2).talk(100)
    late = [replace(p, at=p.at + 0.005) for p in Talker(ssrc=1).talk(5, start=0.2, first=1000)]
    assert audio(play(session, sorted(new + late, key=lambda p: p.at))) == list(range(100))
    assert session.stats()["dropped"] == {"ssrc": 5}


def test_nowhere_to_send_is_counted_and_time_goes_on() -> None:
    session = make_session(remote=None, signalling_ip=None, first_sequence=0, first_timestamp=0)
    assert session.send(bytes(160), 160) is None
    session.skip(80)
    session.update(
        law_by_pt={0: "PCMU"},
        send_pt=0,
        telephone_event_pt=None,
        remote=PEER,
        signalling_ip=PEER[0],
        sending=True,
        on_hold=False,
        now=1.0,
    )
    sent = session.send(b"x" * 160, 160)
    assert sent is not None
    packet = parse(sent[0])
    assert (packet.sequence, packet.timestamp, packet.ssrc, sent[1]) == (1, 240, 0xCAFE, PEER)
    stats = session.stats()
    assert (stats["sent"], stats["unsent"], stats["skipped_samples"]) == (1, 1, 80)


def test_before_the_sdp_is_known_nobody_is_heard() -> None:
    session = make_session(remote=None, signalling_ip=PEER[0])
    assert play(session, Talker().talk(50)) == []
    assert session.stats()["dropped"] == {"source": 50}


def test_before_the_sdp_is_known_policy_any_learns() -> None:
    session = make_session(remote=None, signalling_ip=PEER[0], policy=Policy.ANY)
    assert audio(play(session, Talker().talk(50))) == list(range(3, 50))
    sent = session.send(bytes(160), 160)
    assert sent is not None
    assert sent[1] == PEER


def test_we_send_to_where_the_caller_really_is() -> None:
    behind_nat = ("203.0.113.9", 31_000)
    session = make_session(remote=("192.168.1.5", 4000), signalling_ip=behind_nat[0])
    play(session, Talker(source=behind_nat).talk(5))
    sent = session.send(bytes(160), 160)
    assert sent is not None
    assert sent[1] == behind_nat
    assert session.stats()["target"] == "203.0.113.9:31000"


def test_an_empty_payload_keeps_its_place() -> None:
    session = make_session()
    packets = Talker().talk(10)
    packets[4] = replace(packets[4], datagram=packets[4].datagram[:12])
    happened = play(session, packets)
    assert samples(happened) == {"frames": 1440, "lost": 0, "silence": 160}


def test_no_event_is_told_twice_by_timer_and_packet() -> None:
    session = make_session()
    packets = Talker().talk(10)
    for packet in (*packets[:3], *packets[4:6]):
        session.receive(packet.datagram, packet.source, packet.at)
    deadline = session.next_deadline()
    assert deadline == pytest.approx(0.14)
    assert session.holding
    assert [type(event) for event in session.handle_timer(0.14)] == [Lost, Frame, Frame]
    assert not session.holding
    assert session.handle_timer(0.14) == []
    assert not any(isinstance(e, Silence) for e in session.handle_timer(0.15))
