"""Digits of a capture (R10): one for each event, whatever is lost, repeated or late."""

from sipua.bench.streams.stream_statistics import StreamStatistics, looks_like_event
from sipua.rtp.packet import RtpPacket, build, parse

EVENTS = 101


def packet(number: int, timestamp: int, payload: bytes) -> RtpPacket:
    return parse(
        build(payload, payload_type=EVENTS, sequence=number, timestamp=timestamp, ssrc=0xCAFE)
    )


def statistics_of(*payloads: tuple[int, bytes]) -> StreamStatistics:
    """(timestamp, payload), 20 ms after one another."""
    statistics = StreamStatistics()
    for number, (timestamp, payload) in enumerate(payloads):
        statistics.add(1000.0 + number * 0.02, packet(number, timestamp, payload), 0)
    return statistics


def digits(statistics: StreamStatistics) -> str:
    return statistics.account(EVENTS, EVENTS, 8000).digits


def dialled(*packets: tuple[int, int, int, bool]) -> str:
    """(timestamp, event, duration, end)"""
    return digits(statistics_of(*[(at, event(code, long, end)) for at, code, long, end in packets]))


def event(code: int, duration: int, end: bool) -> bytes:
    return bytes([code, 0x8A if end else 0x0A]) + duration.to_bytes(2)


def test_r10_three_end_packets_are_one_digit() -> None:
    assert dialled((0, 5, 160, False), (0, 5, 320, False), *[(0, 5, 480, True)] * 3) == "5"


def test_r10_lost_ends_and_lost_starts() -> None:
    assert dialled((0, 1, 160, False), (800, 1, 160, False), (1600, 2, 480, True)) == "112"


def test_r10_a_late_packet_of_the_event_before_is_no_digit() -> None:
    assert dialled((0, 1, 160, False), (800, 2, 160, False), (0, 1, 480, True)) == "12"


def test_all_keys() -> None:
    assert dialled(*[(n * 800, n, 160, True) for n in range(16)]) == "0123456789*#ABCD"


def test_hook_flash_is_an_event_but_no_digit() -> None:
    statistics = statistics_of((0, event(16, 160, True)))
    assert (statistics.event_type({}), digits(statistics)) == (EVENTS, "")


def test_a_key_held_for_longer_than_the_field_counts_goes_on() -> None:
    assert dialled((0, 7, 0xFFFF, False), (0xFFFF, 7, 160, False), (0xFFFF, 7, 320, True)) == "7"


def test_a_key_that_is_down_when_the_capture_ends_is_a_digit() -> None:
    assert dialled((0, 3, 160, True), (800, 9, 160, False)) == "39"


def test_several_events_of_one_packet() -> None:
    assert digits(statistics_of((0, event(4, 400, True) + event(2, 400, True)))) == "42"


def test_what_is_too_short_or_too_long_is_passed_over() -> None:
    assert digits(statistics_of((0, b"\x05\x80"))) == ""
    assert digits(statistics_of((0, b""), (0, event(5, 160, True) * 40))) == ""


def test_what_looks_like_an_event() -> None:
    assert looks_like_event(b"\x05\x8a\x01\x40")
    assert not looks_like_event(b"\x05\x4a\x01\x40")
    assert not looks_like_event(b"\x64\x0a\x01\x40")
    assert not looks_like_event(bytes(160))
