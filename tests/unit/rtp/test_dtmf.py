"""R10: one digit for each event, whatever becomes of its packets; and events as we send them."""

import random
import struct
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.rtp.dtmf import DIGITS, SILENCE_S, DtmfReceiver, DtmfSender
from sipua.rtp.events import Dtmf, Frame, Lost
from sipua.rtp.packet import parse
from support.media.event_writer import KEYS, EventPacket, block, press, without
from support.media.netmodel import PEER, Talker
from support.media.rtp_session import make_session


def heard(packets: Iterable[EventPacket], receiver: DtmfReceiver | None = None) -> list[Dtmf]:
    """Packets and timers as they come, and then two seconds of nothing."""
    receiver = receiver or DtmfReceiver()
    out: list[Dtmf] = []
    now = 0.0
    for packet in sorted(packets, key=lambda packet: packet.at):
        now = packet.at
        if receiver.deadline is not None and receiver.deadline <= now:
            out += receiver.expire(now)
        out += receiver.push(packet.ssrc, packet.timestamp, packet.marker, packet.payload, now)
    out += receiver.expire(now + 2)
    assert receiver.deadline is None
    return out


def keys(digits: Sequence[Dtmf]) -> str:
    return "".join(digit.digit for digit in digits)


def dialled(text: str, **how: object) -> list[EventPacket]:
    """One key after the other: 100 ms each, 100 ms apart."""
    packets: list[EventPacket] = []
    for index, key in enumerate(text):
        packets += press(
            key,
            at=index * 0.2,
            timestamp=8000 + index * 1600,
            sequence=100 + index * 20,
            **how,  # type: ignore[arg-type]  # the keywords of press
        )
    return packets


@pytest.mark.parametrize("key", KEYS)
def test_R10_a_key_is_told_once_with_its_length(key: str) -> None:
    assert heard(press(key)) == [Dtmf(key, 100, inband=False)]


def test_it_is_told_with_the_first_end_packet() -> None:
    receiver = DtmfReceiver()
    packets = press("5")
    told = [bool(receiver.push(p.ssrc, p.timestamp, p.marker, p.payload, p.at)) for p in packets]
    assert told == [False] * 4 + [True, False, False]


@pytest.mark.parametrize("lost", range(7))
def test_R10_any_one_packet_may_be_lost(lost: int) -> None:
    assert heard(without(press("7"), lost)) == [Dtmf("7", 100, inband=False)]


def test_R10_all_end_packets_lost() -> None:
    receiver = DtmfReceiver()
    packets = without(press("7"), -1, -2, -3)
    for packet in packets:
        assert not receiver.push(
            packet.ssrc, packet.timestamp, packet.marker, packet.payload, packet.at
        )
    last = packets[-1].at
    assert receiver.deadline == pytest.approx(last + SILENCE_S)
    assert not receiver.expire(last + SILENCE_S - 0.001)
    assert receiver.expire(last + SILENCE_S) == [Dtmf("7", 80, inband=False)]
    assert not receiver.expire(last + 5)


def test_R10_end_packets_that_come_after_the_timeout_tell_nothing_new() -> None:
    early, late = press("7")[:4], press("7", at=0.5)[4:]
    assert keys(heard(early + late)) == "7"


def test_R10_only_the_last_end_packet_comes() -> None:
    assert heard(press("7")[-1:]) == [Dtmf("7", 100, inband=False)]


def test_R10_end_lost_and_the_next_key_follows() -> None:
    first, second = press("7"), press("7", at=0.15, timestamp=9200, sequence=200)
    assert heard(first[:3] + second) == [Dtmf("7", 60, False), Dtmf("7", 100, False)]


def test_R10_overlap_late_packets_of_the_key_before() -> None:
    first = press("1")
    second = press("2", at=0.11, timestamp=8880, sequence=200)
    assert keys(heard(first + second)) == "12"  # two end packets of 1 come among those of 2


def test_R10_same_sequence_number_three_times_at_once_and_an_ssrc_of_its_own() -> None:
    """As some PBXs and test tools send it."""
    packets = press("5", ends_at_once=True, one_number_for_ends=True, ssrc=0x0E05384E)
    assert {p.sequence for p in packets[-3:]} == {packets[-1].sequence}
    assert heard(packets) == [Dtmf("5", 100, inband=False)]


def test_R10_first_duration_zero() -> None:
    packets = [
        EventPacket(0.0, 1, 0, True, block("5", 0)),
        EventPacket(0.02, 2, 0, False, block("5", 0, end=True)),
    ]
    assert heard(packets) == [Dtmf("5", 0, inband=False)]


@pytest.mark.parametrize("duration_ms", [8000, 8200, 9000, 20_000])
def test_R10_long_events_in_segments(duration_ms: int) -> None:
    packets = press("9", duration_ms=duration_ms, step_ms=50)
    assert (len({p.timestamp for p in packets}) > 1) == (duration_ms * 8 > 0xFFFF)
    assert heard(packets) == [Dtmf("9", duration_ms, inband=False)]


def test_R10_a_long_event_whose_boundary_is_lost() -> None:
    packets = press("9", duration_ms=9000, step_ms=50)
    boundary = next(i for i, p in enumerate(packets) if p.timestamp != packets[0].timestamp)
    kept = without(packets, boundary - 1, boundary)
    assert heard(kept) == [Dtmf("9", 9000, inband=False)]


def test_R10_long_events_whose_duration_wraps() -> None:
    packets = [
        EventPacket(n * 0.05, n, 8000, n == 0, block("9", n * 400 & 0xFFFF, end=n == 200))
        for n in range(201)
    ]
    assert heard(packets) == [Dtmf("9", 10_000, inband=False)]


def test_R10_timestamps_wrap_within_an_event_and_between_events() -> None:
    packets = press("9", duration_ms=9000, step_ms=50, timestamp=2**32 - 30_000)
    wrapped = [
        EventPacket(p.at, p.sequence, p.timestamp & 0xFFFFFFFF, p.marker, p.payload)
        for p in packets
    ]
    assert heard(wrapped) == [Dtmf("9", 9000, inband=False)]


def test_R10_a_sender_that_moves_its_timestamp_with_each_packet() -> None:
    packets = [
        EventPacket(n * 0.02, n, 8000 + n * 160, n == 0, block("4", (n + 1) * 160, end=n > 4))
        for n in range(5)
    ] + [
        EventPacket(0.1 + n * 0.02, 5 + n, 8800 + n * 160, False, block("4", 800, end=True))
        for n in range(3)
    ]
    assert keys(heard(packets)) == "4"


def test_R10_several_events_in_one_packet() -> None:
    payload = block("1", 800, end=True) + block("2", 800, end=True) + block("3", 800, end=True)
    assert keys(heard([EventPacket(0.0, 1, 8000, True, payload)] * 3)) == "123"


def test_R10_the_same_numbers_again_after_a_while_are_another_key() -> None:
    """A recording that is played twice."""
    assert keys(heard(press("5") + press("5", at=5.0))) == "55"


@pytest.mark.parametrize("loss", [0.1, 0.3])
@pytest.mark.parametrize("seed", range(20))
def test_R10_no_digit_twice_and_none_invented_under_loss_jitter_and_duplicates(
    loss: float, seed: int
) -> None:
    rng = random.Random(seed)
    text = "".join(rng.choice("0123456789") for _ in range(20))
    arriving = []
    for packet in dialled(text):
        for _ in range(1 + (rng.random() < 0.1)):
            if rng.random() >= loss:
                delay = rng.uniform(0, 0.04)
                arriving.append(EventPacket(packet.at + delay, *packet_fields(packet)))
    # Seven packets a key: that all are lost has a chance of 0.3 ** 7.
    assert keys(heard(arriving)) == text


def packet_fields(packet: EventPacket) -> tuple[int, int, bool, bytes]:
    return packet.sequence, packet.timestamp, packet.marker, packet.payload


def test_no_digits_and_no_events_are_counted() -> None:
    receiver = DtmfReceiver()
    for payload in (b"", b"\x01", b"\x01\x0a\x00", bytes(5)):
        assert not receiver.push(1, 0, True, payload, 0.0)
    assert not receiver.push(1, 0, True, struct.pack("!BBH", 16, 0x8A, 800), 0.0)
    assert receiver.counters["malformed"] == 4
    assert receiver.counters["not_digits"] == 1


def test_a_flood_of_events_is_bounded() -> None:
    receiver = DtmfReceiver()
    packets = [
        EventPacket(n / 1000, n, n * 8000, True, block("1", 80, end=True)) for n in range(3000)
    ]
    assert len(heard(packets, receiver)) <= 4 * 32
    assert receiver.counters["excess"] > 2800


@given(
    st.lists(
        st.tuples(
            st.binary(max_size=13),
            st.integers(0, 2**32 - 1),
            st.booleans(),
            st.integers(0, 1),
            st.floats(0, 0.3),
        ),
        max_size=50,
    )
)
def test_R10_nothing_that_comes_makes_it_raise(
    packets: list[tuple[bytes, int, bool, int, float]],
) -> None:
    receiver = DtmfReceiver()
    now = 0.0
    for payload, timestamp, marker, ssrc, step in packets:
        now += step
        for digit in receiver.push(ssrc, timestamp, marker, payload, now):
            assert digit.digit in DIGITS
            assert digit.duration_ms >= 0
        assert receiver.deadline is None or receiver.deadline >= now
    receiver.expire(now + 1)
    assert receiver.deadline is None


# --- in a session ---------------------------------------------------------------------------


def test_R10_events_in_the_stream_are_told_and_leave_no_gap() -> None:
    session = make_session()
    talker = Talker()
    told: list[object] = []
    for packet in talker.talk(10):
        told += session.receive(packet.datagram, PEER, packet.at)
    for event in press("8", at=0.2, timestamp=160_000 + 1600, sequence=1010, ssrc=talker.ssrc):
        told += session.receive(event.datagram, PEER, event.at)
    for n in range(3):
        audio = talker.packet(17 + n)
        told += session.receive(audio, PEER, 0.34 + n * 0.02)
    assert [e for e in told if isinstance(e, Dtmf)] == [Dtmf("8", 100, inband=False)]
    assert len([e for e in told if isinstance(e, Frame)]) == 13
    assert not [e for e in told if isinstance(e, Lost)]
    assert session.stats()["dtmf"] == {
        "digits": 1,
        "end_lost": 0,
        "malformed": 0,
        "not_digits": 0,
        "excess": 0,
    }


def test_R10_own_ssrc_and_no_audio_at_all() -> None:
    session = make_session()
    told: list[object] = []
    for event in press("8", ssrc=77):
        told += session.receive(event.datagram, PEER, event.at)
    assert [e for e in told if isinstance(e, Dtmf)] == [Dtmf("8", 100, inband=False)]


def test_R10_the_sessions_timer_ends_a_key_whose_end_is_lost() -> None:
    session = make_session()
    for event in press("8")[:3]:
        session.receive(event.datagram, PEER, event.at)
    deadline = session.next_deadline()
    assert deadline == pytest.approx(0.04 + SILENCE_S)
    assert deadline is not None
    assert list(session.handle_timer(deadline)) == [Dtmf("8", 60, inband=False)]


# --- sending --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", DIGITS)
@pytest.mark.parametrize("frame", [80, 160, 240, 480])
def test_what_we_send_is_what_the_rfc_says(key: str, frame: int) -> None:
    sender = DtmfSender(key, 100)
    packets = []
    time = 0
    while not sender.over:
        packet = sender.advance(frame)
        packets.append((time - packet.age_samples, packet.marker, packet.payload))
        time += frame
    assert {timestamp for timestamp, _, _ in packets} == {0}
    assert [marker for _, marker, _ in packets] == [True] + [False] * (len(packets) - 1)
    fields = [struct.unpack("!BBH", payload) for _, _, payload in packets]
    assert {code for code, _, _ in fields} == {KEYS.index(key)}
    assert {flags & 0x7F for _, flags, _ in fields} == {10}
    durations = [duration for _, _, duration in fields]
    assert durations[0] == min(frame, 800)
    assert all(0 <= later - earlier <= frame for earlier, later in pairwise(durations))
    ends = [duration for _, flags, duration in fields if flags & 0x80]
    assert ends == [800] * 3
    assert all(flags & 0x80 for _, flags, _ in fields[-3:])


def test_what_we_send_is_heard_by_ourselves() -> None:
    session = make_session(first_sequence=65530, first_timestamp=2**32 - 400)
    receiver = DtmfReceiver()
    session.update(
        law_by_pt={0: "PCMU"},
        send_pt=0,
        telephone_event_pt=101,
        telephone_event_send_pt=96,
        remote=PEER,
        signalling_ip=PEER[0],
        sending=True,
        on_hold=False,
        now=0.0,
    )
    digits: list[Dtmf] = []
    sequences = []
    for key in "12":
        sender = DtmfSender(key, 100)
        while not sender.over:
            sent = session.send_event(sender.advance(160))
            assert sent is not None
            session.skip(160)
            packet = parse(sent[0])
            assert packet.payload_type == 96
            sequences.append(packet.sequence)
            digits += receiver.push(
                packet.ssrc, packet.timestamp, packet.marker, packet.payload, 0.0
            )
    assert keys(digits) == "12"
    assert sequences == [(65530 + n) & 0xFFFF for n in range(len(sequences))]
