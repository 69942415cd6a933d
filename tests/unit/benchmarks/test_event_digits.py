"""R10: one digit per event, whatever is lost, repeated or late."""

from sipua.bench.event_digits import EventDigits, looks_like_event


def dialled(*packets: tuple[int, int, int, bool]) -> str:
    """(timestamp, event, duration, end)"""
    reader = EventDigits()
    for timestamp, event, duration, end in packets:
        reader.add(timestamp, bytes([event, 0x8A if end else 0x0A]) + duration.to_bytes(2))
    return reader.digits


def test_r10_three_end_packets_are_one_digit() -> None:
    assert dialled((0, 5, 160, False), (0, 5, 320, False), *[(0, 5, 480, True)] * 3) == "5"


def test_r10_lost_ends_and_lost_starts() -> None:
    assert dialled((0, 1, 160, False), (800, 1, 160, False), (1600, 2, 480, True)) == "112"


def test_r10_a_late_packet_of_the_event_before_is_no_digit() -> None:
    assert dialled((0, 1, 160, False), (800, 2, 160, False), (0, 1, 480, True)) == "12"


def test_all_keys() -> None:
    assert dialled(*[(n * 800, n, 160, True) for n in range(16)]) == "0123456789*#ABCD"


def test_hook_flash_is_an_event_but_no_digit() -> None:
    reader = EventDigits()
    reader.add(0, bytes([16, 0x80, 0, 160]))
    assert (reader.digits, reader.events) == ("", 1)


def test_a_key_held_for_longer_than_the_field_counts_goes_on() -> None:
    assert dialled((0, 7, 0xFFFF, False), (0xFFFF, 7, 160, False), (0xFFFF, 7, 320, True)) == "7"


def test_what_is_too_short_is_passed_over() -> None:
    reader = EventDigits()
    reader.add(0, b"\x05\x80")
    assert reader.events == 0


def test_what_looks_like_an_event() -> None:
    assert looks_like_event(b"\x05\x8a\x01\x40")
    assert not looks_like_event(b"\x05\x4a\x01\x40")
    assert not looks_like_event(b"\x64\x0a\x01\x40")
    assert not looks_like_event(bytes(160))
