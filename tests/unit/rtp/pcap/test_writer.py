import gzip
import io
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sipua.rtp.pcap.writer import CaptureError, Datagram, FrameCounts, PcapWriter, read
from support.media import captures as make
from support.media.captures import PBX, PBX6, PHONE, PHONE6

Reader = Callable[[bytes], tuple[list[Datagram], FrameCounts]]

DATA = b"twelve bytes"
IP = make.ipv4(make.udp(DATA))
IP6 = make.ipv6(make.udp(DATA))


@pytest.fixture
def reading(tmp_path: Path) -> Reader:
    def read_bytes(content: bytes) -> tuple[list[Datagram], FrameCounts]:
        file = tmp_path / "a.pcap"
        file.write_bytes(content)
        counts = FrameCounts()
        return list(read(file, counts)), counts

    return read_bytes


# --- containers ---------------------------------------------------------------------------


@pytest.mark.parametrize("nanoseconds", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pcap_of_either_byte_order_and_resolution(
    reading: Reader, order: str, nanoseconds: bool
) -> None:
    frames = [(1_700_000_000.25, make.ethernet(IP)), (1_700_000_000.27, make.ethernet(IP))]
    found, _ = reading(make.pcap(frames, order=order, nanoseconds=nanoseconds))
    assert found == [
        Datagram(pytest.approx(at_s, abs=1e-6), PHONE, PBX, DATA) for at_s, _ in frames
    ]


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_blocks(reading: Reader, order: str) -> None:
    content = (
        make.section(order)
        + make.interface(1, order, options=make.resolution(9, order))
        + make.block(5, bytes(20), order)  # statistics: passed over
        + make.enhanced(make.ethernet(IP), 1_700_000_000_250_000_000, order)
        + make.simple(make.ethernet(IP), order)
    )
    found, counts = reading(content)
    assert [datagram.at_s for datagram in found] == [pytest.approx(1_700_000_000.25)] * 2
    assert counts.datagrams == 2


def test_pcapng_of_several_sections_and_interfaces(reading: Reader) -> None:
    content = (
        make.section("<")
        + make.interface(1, "<")
        + make.interface(101, "<", options=make.resolution(3) + make.offset(1000))
        + make.enhanced(IP, 5_250, "<", number=1)
        + make.enhanced(make.ethernet(IP6), 7_000_000, "<")
        + make.section(">")
        + make.interface(113, ">", options=make.resolution(0x80 | 1, ">"))
        + make.enhanced(bytes(14) + b"\x08\x00" + IP, 9, ">")
    )
    found, _ = reading(content)
    assert [(datagram.at_s, datagram.source) for datagram in found] == [
        (1005.25, PHONE),
        (7.0, PHONE6),
        (4.5, PHONE),
    ]


def test_gzip(reading: Reader) -> None:
    found, _ = reading(gzip.compress(make.pcap([(1.0, make.ethernet(IP))])))
    assert found == [Datagram(1.0, PHONE, PBX, DATA)]


# --- links --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, make.ethernet(IP)),
        (1, make.ethernet(IP, tags=[0x8100])),
        (1, make.ethernet(IP, tags=[0x88A8, 0x8100])),
        (1, make.ethernet(IP, trailer=bytes(6))),
        (1, bytes(12) + b"\x00\x64\xaa\xaa\x03\x00\x00\x00\x08\x00" + IP),
        (1, bytes(12) + b"\x88\x64\x11\x00\x00\x01\x00\x42\x00\x21" + IP),
        (113, bytes(14) + b"\x08\x00" + IP),
        (113, bytes(14) + b"\x81\x00\x00\x05\x08\x00" + IP),
        (276, b"\x08\x00" + bytes(18) + IP),
        (276, b"\x81\x00" + bytes(18) + b"\x00\x05\x08\x00" + IP),
        (101, IP),
        (12, IP),
        (14, IP),
        (228, IP),
        (0, b"\x02\x00\x00\x00" + IP),
        (0, b"\x00\x00\x00\x02" + IP),
        (108, b"\x00\x00\x00\x02" + IP),
    ],
)
def test_ipv4_over_each_link(reading: Reader, link: int, frame: bytes) -> None:
    found, counts = reading(make.pcap([(1.0, frame)], link=link))
    assert found == [Datagram(1.0, PHONE, PBX, DATA)]
    assert counts == FrameCounts(frames=1, datagrams=1)


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, make.ethernet(IP6)),
        (1, make.ethernet(IP6, tags=[0x8100])),
        (113, bytes(14) + b"\x86\xdd" + IP6),
        (276, b"\x86\xdd" + bytes(18) + IP6),
        (101, IP6),
        (229, IP6),
        (0, b"\x1e\x00\x00\x00" + IP6),
        (108, b"\x00\x00\x00\x18" + IP6),
    ],
)
def test_ipv6_over_each_link(reading: Reader, link: int, frame: bytes) -> None:
    found, counts = reading(make.pcap([(1.0, frame)], link=link))
    assert found == [Datagram(1.0, PHONE6, PBX6, DATA)]
    assert counts == FrameCounts(frames=1, datagrams=1)


# --- IP -----------------------------------------------------------------------------------


def test_ipv4_options(reading: Reader) -> None:
    found, _ = reading(make.pcap([(1.0, make.ipv4(make.udp(DATA), options=bytes(8)))], link=101))
    assert found == [Datagram(1.0, PHONE, PBX, DATA)]


def test_ipv6_extension_headers(reading: Reader) -> None:
    hop_by_hop = b"\x33\x00" + bytes(6)
    authentication = b"\x11\x01" + bytes(10)
    packet = make.ipv6(hop_by_hop + authentication + make.udp(DATA), following=0)
    found, _ = reading(make.pcap([(1.0, packet)], link=101))
    assert found == [Datagram(1.0, PHONE6, PBX6, DATA)]


def test_fragments_in_any_order_are_joined(reading: Reader) -> None:
    body = make.udp(bytes(range(100)) * 3)
    pieces = [
        make.ipv4(body[200:], offset=200),
        make.ipv4(body[:104], more=True),
        make.ipv4(body[104:200], offset=104, more=True),
    ]
    found, counts = reading(make.pcap([(float(n), p) for n, p in enumerate(pieces)], link=101))
    assert found == [Datagram(2.0, PHONE, PBX, bytes(range(100)) * 3)]
    assert (counts.reassembled, counts.fragments_lost) == (1, 0)


def test_ipv6_fragments_are_joined(reading: Reader) -> None:
    body = make.udp(bytes(200))

    def piece(start: int, end: int, *, more: bool) -> bytes:
        head = struct.pack("!BBHI", 17, 0, start | more, 99)
        return make.ipv6(head + body[start:end], following=44)

    frames = [(1.0, piece(0, 104, more=True)), (2.0, piece(104, 208, more=False))]
    found, _ = reading(make.pcap(frames, link=101))
    assert found == [Datagram(2.0, PHONE6, PBX6, bytes(200))]


def test_fragments_that_overlap_or_never_come_are_counted(reading: Reader) -> None:
    body = make.udp(bytes(200))
    frames = [
        make.ipv4(body[:104], more=True),
        make.ipv4(body[96:112], offset=96, more=True),
        make.ipv4(body[104:], offset=104),
        make.ipv4(body[:104], more=True, identity=8),
    ]
    found, counts = reading(make.pcap([(1.0, frame) for frame in frames], link=101))
    assert found == []
    assert counts.fragments_lost == 4


def test_a_flood_of_first_fragments_takes_bounded_memory(reading: Reader) -> None:
    frames = [
        (1.0, make.ipv4(make.udp(bytes(64)), more=True, identity=identity))
        for identity in range(1000)
    ]
    found, counts = reading(make.pcap(frames, link=101))
    assert found == []
    assert counts.fragments_lost == 1000


def test_what_the_capture_program_cut_off_is_said(reading: Reader) -> None:
    found, counts = reading(
        make.pcap([(1.0, make.ethernet(IP)), (2.0, make.ethernet(IP))], snap_length=14 + 20 + 8 + 5)
    )
    assert found[0] == Datagram(1.0, PHONE, PBX, DATA[:5], missing=7)
    assert counts.truncated == 2
    found, counts = reading(make.pcap([(1.0, make.ethernet(IP))], snap_length=40))
    assert (found, counts.truncated) == ([], 1)


def test_what_is_not_udp_is_counted(reading: Reader) -> None:
    frames = [
        make.ethernet(make.ipv4(bytes(20), protocol=6)),
        bytes(12) + b"\x08\x06" + bytes(28),
        make.ethernet(b"\x45" + bytes(5)),
        make.ethernet(make.ipv4(struct.pack("!HHHH", 1, 2, 500, 0))),
        make.ethernet(make.ipv6(bytes(40), following=58)),
        make.ethernet(b"\x95" + IP[1:]),  # version 9
        make.ethernet(b"\x44" + IP[1:]),  # a header of 16 bytes
        make.ethernet(make.ipv4(bytes(7))),  # half a UDP header
    ]
    found, counts = reading(make.pcap([(1.0, frame) for frame in frames]))
    assert found == []
    assert counts == FrameCounts(frames=8, not_udp=2, not_ip=2, malformed=4)


# --- files that are none ------------------------------------------------------------------

GOOD = make.pcap([(1.0, make.ethernet(IP)), (2.0, make.ethernet(IP))])
GOOD_NG = make.section() + make.interface(1) + make.enhanced(make.ethernet(IP), 5) * 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"RIFF....WAVE", "a WAV"),
        (b"hello", "it begins with 68 65 6c 6c 6f"),
        (GOOD[:10], "in the middle of the file header"),
        (GOOD[:30], "byte 24, after 0 frames: the file ends in the middle of a record's header"),
        (GOOD[:-1], "after 2 frames: the file ends in the middle of frame 2"),
        (GOOD[:32] + b"\xff\xff\xff\x7f" + GOOD[36:], "a record that claims 2147483647 bytes"),
        (GOOD[:4] + b"\x09" + GOOD[5:], "pcap version 9 is not known"),
        (make.pcap([(1.0, bytes(40))], link=105), "link type 105 (IEEE 802.11) is not read"),
        (GOOD_NG[:-2], "in the middle of a block"),
        (GOOD_NG[:-1] + b"\x01", "that ends as one of"),
        (make.section() + make.enhanced(IP, 1), "interface 0, which is not described"),
        (make.section() + make.block(1, b"\1\0\0\0"), "an interface description that is too short"),
        (make.section() + b"\x06\0\0\0\xf0\xff\xff\x7f", "a block that claims 2147483632 bytes"),
        (make.section()[:8] + b"abcd" + make.section()[12:], "without its byte-order mark"),
        (gzip.compress(GOOD, mtime=0)[:-12], "the gzip data ends in the middle"),
        (b"\x1f\x8b\x08" + bytes(40), "the gzip data is broken"),
    ],
)
def test_a_bad_file_is_told_in_one_line(reading: Reader, content: bytes, says: str) -> None:
    with pytest.raises(CaptureError) as caught:
        reading(content)
    text = str(caught.value)
    assert says in text
    assert "a.pcap" in text
    assert "\n" not in text


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no such file"):
        list(read(tmp_path / "none.pcap"))
    with pytest.raises(CaptureError, match="a folder"):
        list(read(tmp_path))
    with pytest.raises(CaptureError, match="null"):
        list(read("a\0b"))


def test_what_came_before_the_damage_is_given(tmp_path: Path) -> None:
    file = tmp_path / "cut.pcap"
    file.write_bytes(GOOD[:-1])
    found = read(file)
    assert next(found).payload == DATA
    with pytest.raises(CaptureError):
        next(found)


def test_one_unknown_interface_does_not_spoil_the_others(reading: Reader) -> None:
    content = (
        make.section()
        + make.interface(105)
        + make.interface(1)
        + make.enhanced(bytes(40), 1, number=0)
        + make.enhanced(make.ethernet(IP), 2, number=1)
    )
    found, counts = reading(content)
    assert len(found) == counts.unknown_link == 1


# --- fuzzed -------------------------------------------------------------------------------

VALID = [
    GOOD,
    GOOD_NG,
    make.pcap([(1.0, make.ethernet(IP6, tags=[0x8100]))], order=">", nanoseconds=True),
    make.pcap([(1.0, make.ipv4(make.udp(bytes(64))[:48], more=True))], link=101),
    make.pcap([(1.0, make.ipv6(b"\x11\0" + bytes(6) + make.udp(DATA), following=0))], link=101),
    make.section(">") + make.interface(276, ">", options=make.resolution(6, ">")),
    gzip.compress(GOOD, mtime=0),
]


@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.sampled_from(VALID),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 400),
)
def test_mutations_give_datagrams_or_a_capture_error(
    tmp_path: Path, content: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    mutated = bytearray(content)
    for place, value in changes:
        mutated[place % len(mutated)] = value
    check_survives(tmp_path, bytes(mutated[: len(mutated) - cut % 97]))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from([b"", GOOD[:24], GOOD[:40], make.section(), GOOD_NG[:48], b"\x1f\x8b"]),
    rest=st.binary(max_size=300),
)
def test_any_bytes_give_datagrams_or_a_capture_error(
    tmp_path: Path, head: bytes, rest: bytes
) -> None:
    check_survives(tmp_path, head + rest)


def check_survives(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / f"fuzzed-{os.getpid()}"
    file.write_bytes(content)
    counts = FrameCounts()
    found = 0
    try:
        for datagram in read(file, counts):
            found += 1
            assert len(datagram.payload) <= 65_535
    except CaptureError as error:
        assert str(error).isprintable()  # noqa: PT017 - it need not be raised
    assert counts.datagrams == found <= counts.frames


# --- written ------------------------------------------------------------------------------


def written(*datagrams: Datagram, max_bytes: int = 10_000) -> tuple[bytes, PcapWriter]:
    file = io.BytesIO()
    writer = PcapWriter(file, max_bytes)
    for datagram in datagrams:
        writer.write(datagram.at_s, datagram.source, datagram.target, datagram.payload)
    return file.getvalue(), writer


def test_what_is_written_is_read(reading: Reader) -> None:
    datagrams = [
        Datagram(1_700_000_000.125, PHONE, PBX, DATA),
        Datagram(1_700_000_000.25, PBX6, PHONE6, b"odd"),
        Datagram(1_700_000_000.375, PBX, PHONE, b""),
    ]
    content, writer = written(*datagrams)
    found, counts = reading(content)
    assert found == datagrams
    assert counts.malformed == 0
    assert (writer.packets, writer.refused) == (3, 0)


@given(
    payload=st.binary(max_size=40),
    ports=st.tuples(st.integers(0, 65535), st.integers(0, 65535)),
    ipv6=st.booleans(),
)
def test_checksums_are_right(payload: bytes, ports: tuple[int, int], ipv6: bool) -> None:
    hosts = (PHONE6[0], PBX6[0]) if ipv6 else (PHONE[0], PBX[0])
    content, _ = written(Datagram(1.0, (hosts[0], ports[0]), (hosts[1], ports[1]), payload))
    packet = content[40:]
    if ipv6:
        body = packet[40:]
        pseudo = packet[8:40] + struct.pack("!IxxxB", len(body), 17) + body
        assert struct.unpack("!H", body[6:8])[0] != 0
    else:
        pseudo = packet[:20]
    assert ones_complement_sum(pseudo) == 0xFFFF


def ones_complement_sum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_the_file_stops_at_its_bound(reading: Reader) -> None:
    datagram = Datagram(1.0, PHONE, PBX, bytes(100))
    content, writer = written(*[datagram] * 10, max_bytes=500)
    assert len(content) <= 500
    found, _ = reading(content)
    assert len(found) == writer.packets == 3
    # Nothing smaller slips in behind: the file has one end.
    assert not writer.write(2.0, PHONE, PBX, b"")
    assert writer.refused == 8


def test_what_udp_cannot_carry_is_refused() -> None:
    _, writer = written(Datagram(1.0, PHONE, PBX, bytes(65_508)), max_bytes=1_000_000)
    assert (writer.packets, writer.refused) == (0, 1)


def test_a_name_in_place_of_an_address_is_written_as_none(reading: Reader) -> None:
    content, _ = written(Datagram(1.0, ("pbx.example", 5060), PBX, DATA))
    assert reading(content)[0][0].source == ("0.0.0.0", 5060)
