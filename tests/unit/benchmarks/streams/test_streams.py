import json
import random
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sipua.bench.streams.command import run_streams
from sipua.bench.streams.streams import Stream, as_json, find, render_text, survey
from sipua.codecs.g711 import Law, encode
from sipua.codecs.tones import sine
from sipua.rtp.events import Address
from sipua.rtp.packet import build
from sipua.rtp.pcap.writer import PcapWriter
from support.media import captures as make
from support.media.captures import PBX, PHONE

Timed = tuple[float, Address, Address, bytes]
Capture = Callable[[Sequence[Timed]], Path]

START_S = 1_700_000_000.0
SILENCE = b"\xff" * 160
TONE = encode(Law.PCMU, sine(440.0, 20, 8000))


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    def write(datagrams: Sequence[Timed]) -> Path:
        path = tmp_path / "a.pcap"
        with path.open("wb") as file:
            writer = PcapWriter(file, 100_000_000)
            for datagram in datagrams:
                assert writer.write(*datagram)
        return path

    return write


def packet(
    number: int,
    *,
    payload: bytes = SILENCE,
    payload_type: int = 0,
    ssrc: int = 0xCAFE,
    samples: int = 160,
    marker: bool = False,
) -> bytes:
    return build(
        payload,
        payload_type=payload_type,
        sequence=65530 + number,
        timestamp=0xFFFFFF00 + number * samples,
        ssrc=ssrc,
        marker=marker,
    )


def stream(
    numbers: Sequence[int],
    *,
    source: Address = PHONE,
    target: Address = PBX,
    step_s: float = 0.02,
    **how: int | bytes,
) -> list[Timed]:
    return [
        (START_S + number * step_s, source, target, packet(number, **how))  # type: ignore[arg-type]
        for number in numbers
    ]


def only(path: Path) -> Stream:
    (found,) = find(path)
    return found


# --- figures ------------------------------------------------------------------------------


def test_a_clean_stream(capture: Capture) -> None:
    found = only(capture(stream(range(100))))
    assert (found.number, found.ssrc, found.source, found.target) == (1, 0xCAFE, PHONE, PBX)
    assert (found.codec, found.payload_type, found.clock_rate) == ("PCMU", 0, 8000)
    assert found.ptime_ms == 20
    assert (found.received, found.expected, found.lost, found.duplicates) == (100, 100, 0, 0)
    assert found.jitter_ms == pytest.approx(0, abs=0.01)
    assert found.duration_s == pytest.approx(1.98, abs=1e-5)
    assert found.packets[0] == (START_S, packet(0))
    assert len(found.packets) == 100


def test_loss_duplicates_and_reordering_across_the_wrap(capture: Capture) -> None:
    kept = [n for n in range(50) if n not in (5, 6, 30)]
    kept[10], kept[11] = kept[11], kept[10]
    datagrams = stream(kept)
    datagrams.insert(20, datagrams[19])
    found = only(capture(datagrams))
    assert (found.received, found.expected, found.lost) == (48, 50, 3)
    assert (found.duplicates, found.reordered) == (1, 1)
    assert found.loss_percent == pytest.approx(6)


def test_jitter_by_rfc_3550(capture: Capture) -> None:
    """Every other packet 8 ms late: |D| is 8 ms each time, so the estimate climbs towards it."""
    datagrams = [
        (at_s + 0.008 * (n % 2), source, target, data)
        for n, (at_s, source, target, data) in enumerate(stream(range(400)))
    ]
    found = only(capture(datagrams))
    assert found.jitter_max_ms == pytest.approx(8, rel=0.01)
    assert 7 < found.jitter_ms < 8
    assert found.max_gap_ms == pytest.approx(28, rel=0.01)


def test_a_sender_that_begins_anew_has_lost_nothing(capture: Capture) -> None:
    found = only(capture(stream([*range(20), *range(20_000, 20_020)])))
    assert (found.lost, found.restarts, found.received) == (0, 1, 40)


def test_packet_time_is_the_commonest(capture: Capture) -> None:
    found = only(capture(stream(range(20), step_s=0.03, samples=240, payload_type=8)))
    assert (found.codec, found.ptime_ms) == ("PCMA", 30)


def test_talk_is_told_from_silence(capture: Capture) -> None:
    talk = stream(range(25), payload=TONE)
    found = only(capture([*talk, *stream(range(25, 100))]))
    # 500 ms of tone, and the 200 ms after it.
    assert found.talk_share == pytest.approx(0.35, abs=0.02)
    assert only(capture(stream(range(20), payload_type=18))).talk_share is None


def test_digits_and_the_payload_type_of_events_without_sdp(capture: Capture) -> None:
    datagrams = stream(range(10))
    for n in range(10, 15):
        data = bytes([7, 0x8A if n > 12 else 0x0A]) + (160 * (n - 9)).to_bytes(2)
        event = build(data, payload_type=101, sequence=65530 + n, timestamp=5000, ssrc=0xCAFE)
        datagrams.append((START_S + n * 0.02, PHONE, PBX, event))
    datagrams += stream(range(15, 30))
    found = only(capture(datagrams))
    assert (found.digits, found.event_payload_type, found.codec) == ("7", 101, "PCMU")
    assert found.payload_types == {0: 25, 101: 5}
    assert found.jitter_ms == pytest.approx(0, abs=0.01)


def test_a_dynamic_type_without_sdp_has_no_codec(capture: Capture) -> None:
    found = only(capture(stream(range(20), payload_type=111, samples=960)))
    assert found.codec is None
    assert (found.clock_rate, found.ptime_ms) == (48000, 20)
    assert "? (type 111)" in render_text([found])


def test_streams_are_parted_by_ssrc_and_address(capture: Capture) -> None:
    other = ("192.0.2.77", 4000)
    datagrams = sorted(
        stream(range(10))
        + stream(range(1, 11), ssrc=0xBEEF)
        + stream(range(2, 12), source=other)
        + stream(range(3, 13), source=PBX, target=PHONE)
    )
    found = find(capture(datagrams))
    assert [one.number for one in found] == [1, 2, 3, 4]
    assert [one.ssrc for one in found] == [0xCAFE, 0xBEEF, 0xCAFE, 0xCAFE]
    assert [one.opposite for one in found] == [4, None, None, 1]


# --- what is not RTP ----------------------------------------------------------------------


def rtcp(number: int) -> bytes:
    return struct.pack("!BBHI", 0x80, 200, 6, 0xCAFE) + struct.pack("!IIIII", number, 0, 0, 0, 0)


def stun(number: int) -> bytes:
    return struct.pack("!HHI", 1, 0, 0x2112A442) + number.to_bytes(12)


def dns(number: int) -> bytes:
    """An answer whose id is such that its first bits are RTP's version."""
    return struct.pack("!HHHHHH", 0x8000 | number, 0x8180, 1, 1, 0, 0) + b"\3pbx\0\0\1\0\1"


def t38(number: int) -> bytes:
    return struct.pack("!HB", 0x8000 + number, 20) + bytes([6, *[number * 7 % 256] * 20])


@pytest.mark.parametrize("make_payload", [rtcp, stun, dns, t38])
@pytest.mark.parametrize("port", [53, 4001, 30000])
def test_other_protocols_are_not_taken_for_rtp(
    capture: Capture, make_payload: Callable[[int], bytes], port: int
) -> None:
    datagrams = [(START_S + n * 0.02, PHONE, (PBX[0], port), make_payload(n)) for n in range(200)]
    assert find(capture(datagrams)) == []


def test_random_datagrams_are_not_taken_for_rtp(capture: Capture) -> None:
    generator = random.Random(7)
    datagrams = [
        (START_S + n * 0.01, PHONE, PBX, b"\x80" + generator.randbytes(generator.randrange(11, 80)))
        for n in range(6000)
    ]
    assert find(capture(datagrams)) == []


def test_a_constant_header_that_does_not_go_on_is_not_rtp(capture: Capture) -> None:
    assert find(capture([(START_S + n, PHONE, PBX, packet(3)) for n in range(100)])) == []


def test_four_packets_are_no_stream_and_five_are(capture: Capture) -> None:
    assert find(capture(stream(range(4)))) == []
    assert len(find(capture(stream(range(5))))) == 1


def test_a_stream_that_begins_oddly_is_still_found(capture: Capture) -> None:
    found = only(capture(stream([30000, 9000, 17000, *range(40)])))
    assert found.received >= 24


# --- with SIP -----------------------------------------------------------------------------


def sip(head: str, address: Address, *lines: str) -> bytes:
    body = "\r\n".join(
        [
            "v=0",
            f"c=IN IP4 {address[0]}",
            f"m=audio {address[1]} RTP/AVP 96 97",
            "a=rtpmap:96 iLBC/8000",
            "a=rtpmap:97 telephone-event/8000",
            *lines,
        ]
    )
    headers = "From: <sip:100@a>;tag=1\r\nTo: <sip:200@b>\r\nCall-ID: one@a\r\nCSeq: 1 INVITE"
    return f"{head}\r\n{headers}\r\n\r\n{body}\r\n".encode()


def call() -> list[Timed]:
    media = ("192.0.2.1", 4444)
    signalling = ("192.0.2.1", 5060), ("198.51.100.2", 5060)
    there = stream(range(3), source=PBX, target=media, payload_type=96)
    back = stream(range(30), source=media, target=PBX, payload_type=96, ssrc=5)
    return [
        (START_S - 2, *signalling, sip("INVITE sip:200@b SIP/2.0", media, "a=ptime:30")),
        (START_S - 1, *reversed(signalling), sip("SIP/2.0 200 OK", PBX)),
        *sorted(there + back),
    ]


def test_sdp_names_codecs_and_ties_both_directions(capture: Capture) -> None:
    found = survey(capture(call()), keep_packets=True)
    first, second = found.streams
    assert first.codec == second.codec == "iLBC"
    # Three packets are enough for what SDP announces.
    assert sorted((first.received, second.received)) == [3, 30]
    assert (first.opposite, second.opposite) == (2, 1)
    (told,) = found.calls
    assert (told.sip_call_id, told.from_uri, told.to_uri) == ("one@a", "sip:100@a", "sip:200@b")
    assert told.streams == [1, 2]
    assert found.sip_messages == 2


def test_sdp_is_believed_only_from_when_it_was_said(capture: Capture) -> None:
    datagrams = stream(range(30), payload_type=96)
    late = sip("INVITE sip:200@b SIP/2.0", PBX)
    datagrams.append((START_S + 60, PHONE, ("198.51.100.2", 5060), late))
    found = only(capture(datagrams))
    assert (found.codec, found.call) == (None, None)


def test_a_call_that_becomes_a_fax_has_lost_nothing(capture: Capture) -> None:
    media = ("192.0.2.1", 4444)
    fax_sdp = sip("INVITE sip:200@b SIP/2.0", media).replace(
        b"m=audio 4444 RTP/AVP 96 97", b"m=image 4444 udptl t38"
    )
    voice = stream(range(30), source=PBX, target=media, payload_type=96)
    fax = [(START_S + 2 + n * 0.02, PBX, media, t38(n * 13)) for n in range(500)]
    last = stream(range(30, 33), source=PBX, target=media, payload_type=96, step_s=0.07)
    found = survey(
        capture(
            [
                (START_S - 2, PHONE, PBX, sip("INVITE sip:200@b SIP/2.0", media)),
                *voice,
                (START_S + 1, PHONE, PBX, fax_sdp),
                *sorted(fax + last),
            ]
        )
    )
    (audio,) = found.streams
    assert (audio.received, audio.lost) == (33, 0)
    assert [(one.source, one.target, one.packets) for one in found.udptl] == [(PBX, media, 500)]


def test_rtcp_is_named_and_what_is_too_short_is_listed(
    capture: Capture, capsys: pytest.CaptureFixture[str]
) -> None:
    path = capture(
        [
            *stream(range(10)),
            *stream(range(2), ssrc=0xBEEF),
            *stream([3], ssrc=0xF00D),
            *[(START_S + n, PHONE, (PBX[0], PBX[1] + 1), rtcp(n)) for n in range(4)],
        ]
    )
    assert run_streams(path, False) == 0
    out = capsys.readouterr().out
    assert "1 RTP stream, 10 RTP packets, 4 RTCP packets" in out
    assert "too short to be sure that it is RTP:" in out
    assert "SSRC 0000beef, type 0, 2 packets" in out
    assert "SSRC 0000f00d, type 0, 1 packet\n" in out
    assert run_streams(path, True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rtcp_packets"] == 4
    assert [short["packets"] for short in document["short_streams"]] == [2, 1]
    assert document["damage"] is None


def test_a_capture_that_was_cut_off_is_read_up_to_there(
    capture: Capture, capsys: pytest.CaptureFixture[str]
) -> None:
    path = capture(stream(range(100)))
    path.write_bytes(path.read_bytes()[:-7])
    assert run_streams(path, False) == 0
    out = capsys.readouterr().out
    assert "1 RTP stream, 99 RTP packets" in out
    assert "what follows is what could be read" in out
    assert "the file ends in the middle of frame 100" in out


# --- told ---------------------------------------------------------------------------------


def test_the_table(capture: Capture) -> None:
    found = survey(capture(call()))
    text = render_text(found.streams, found.calls)
    assert "iLBC" in text
    assert "192.0.2.1:4444 → 198.51.100.2:16384, SSRC 00000005, call 1" in text
    assert "call 1: sip:100@a → sip:200@b, streams 1, 2" in text
    assert max(map(len, text.splitlines())) <= 110


def test_the_json_has_every_figure(capture: Capture) -> None:
    (told,) = as_json(find(capture(stream([0, 1, 2, 3, 5, 6]))))["streams"]  # type: ignore[misc]
    assert json.loads(json.dumps(told)) == told
    assert told["ssrc"] == "0000cafe"
    assert told["source"] == "192.0.2.1:4000"
    assert (told["packets"], told["lost"], told["loss_percent"]) == (6, 1, 14.286)


def test_the_command(capture: Capture, capsys: pytest.CaptureFixture[str]) -> None:
    path = capture([*stream(range(10)), (START_S, PHONE, PBX, b"hello")])
    assert run_streams(path, False) == 0
    out = capsys.readouterr().out
    assert "1 RTP stream, 10 RTP packets, 1 other datagram\n" in out
    assert run_streams(path, True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "sipua.bench.streams.streams/1"
    assert document["frames"]["datagrams"] == 11


def test_a_capture_without_rtp(capture: Capture, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_streams(capture([]), False) == 0
    assert "0 RTP streams" in capsys.readouterr().out


def test_a_bad_file_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    assert run_streams(file, False) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.count("\n") == 1
    assert "not a capture" in streams.err


# --- fuzzed -------------------------------------------------------------------------------


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 50_000), st.integers(0, 255)), max_size=40),
    junk=st.lists(st.binary(min_size=1, max_size=40), max_size=20),
)
def test_damaged_calls_are_survived(
    tmp_path: Path, changes: list[tuple[int, int]], junk: list[bytes]
) -> None:
    frames = [
        (at_s, make.ipv4(make.udp(payload, source, target), source, target))
        for at_s, source, target, payload in call()
    ]
    frames += [(START_S, make.ipv4(make.udp(b"\x80" + payload))) for payload in junk]
    content = bytearray(make.pcap(frames, link=101))
    body_begins = 24 + 16 + 28
    for place, value in changes:
        content[body_begins + place % (len(content) - body_begins)] = value
    file = tmp_path / "fuzzed.pcap"
    file.write_bytes(content)
    assert run_streams(file, True) in (0, 2)
