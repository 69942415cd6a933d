import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bench.streams import sip_sdp
from sipua.bench.streams.sip_sdp import Codec

SDP = """v=0
o=- 1 1 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
m=audio 4000 RTP/AVP 0 96 101
a=rtpmap:0 PCMU/8000
a=rtpmap:96 opus/48000/2
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:30
a=sendonly
m=video 4002 RTP/AVP 97
c=IN IP4 192.0.2.9
a=rtpmap:97 H264/90000
"""


def message(body: str, *, head: str = "INVITE sip:200@pbx SIP/2.0") -> bytes:
    lines = [
        head,
        "Via: SIP/2.0/UDP 192.0.2.1:5060",
        'From: "Ann" <sip:100@pbx;user=phone>;tag=1',
        "t: sip:200@pbx;tag=2",
        "Call-ID: abc@192.0.2.1",
        "CSeq: 1 INVITE",
        "Content-Type: application/sdp",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body.replace("\n", "\r\n")).encode()


def test_an_invite() -> None:
    found = sip_sdp.read(message(SDP))
    assert found is not None
    assert (found.call_id, found.method) == ("abc@192.0.2.1", "INVITE")
    assert (found.from_uri, found.to_uri) == ("sip:100@pbx", "sip:200@pbx")
    audio, video = found.media
    assert audio.address == ("192.0.2.1", 4000)
    assert audio.payload_types == (0, 96, 101)
    assert audio.codecs == {
        0: Codec("PCMU", 8000),
        96: Codec("opus", 48000),
        101: Codec("telephone-event", 8000),
    }
    assert audio.parameters == {101: "0-16"}
    assert (audio.ptime_ms, audio.direction) == (30, "sendonly")
    assert (video.kind, video.address, video.direction) == (
        "video",
        ("192.0.2.9", 4002),
        "sendrecv",
    )


def test_an_answer_inside_a_multipart_body() -> None:
    body = f"--x\nContent-Type: text/plain\n\nhello\n--x\nContent-Type: application/sdp\n\n{SDP}"
    found = sip_sdp.read(message(body, head="SIP/2.0 200 OK"))
    assert found is not None
    assert len(found.media) == 2


@pytest.mark.parametrize(
    "line",
    [
        "m=audio 0 RTP/AVP 0",  # rejected
        "m=image 4000 tcp t38",
        "m=audio 70000 RTP/AVP 0",
        "m=audio",
        "m=audio -5 RTP/AVP 0",
        "m=audio four RTP/AVP 0",
    ],
)
def test_lines_without_rtp(line: str) -> None:
    assert sip_sdp.media_of(f"v=0\nc=IN IP4 192.0.2.1\n{line}\n") == []


def test_fax_is_named() -> None:
    (fax,) = sip_sdp.media_of("v=0\nc=IN IP4 192.0.2.1\nm=image 4000 udptl t38\n")
    assert (fax.kind, fax.address, fax.udptl) == ("image", ("192.0.2.1", 4000), True)


def test_odd_lines_are_left_out() -> None:
    body = "v=0\nc=IN IP4 192.0.2.1/127\nm=audio 4000/2 RTP/SAVP 0 999 x\n" + "\n".join(
        [
            "a=rtpmap:",
            "a=rtpmap:300 x/8000",
            "a=rtpmap:5 x",
            "a=rtpmap:6 /8000",
            "a=rtpmap:7 x/y",
            "a=ptime:0",
            "a=ptime:65535",
            "a=fmtp",
            "c=",
        ]
    )
    (media,) = sip_sdp.media_of(body)
    assert media.address == ("192.0.2.1", 4000)
    assert media.encrypted
    assert media.payload_types == (0,)
    assert media.codecs == {}
    assert media.ptime_ms is None


@pytest.mark.parametrize(
    "payload", [b"", b"\x80\x00" + bytes(10), b"GET / HTTP/1.1\r\n\r\n", b"HELLO", b"\r\n\r\n"]
)
def test_what_is_not_sip(payload: bytes) -> None:
    assert sip_sdp.read(payload) is None


def test_control_characters_reach_no_terminal() -> None:
    found = sip_sdp.read(message(SDP).replace(b"abc@", b"\x1b[2Jabc@"))
    assert found is not None
    assert found.call_id.isprintable()


LINES = st.sampled_from(
    [
        "v=0",
        "c=IN IP4 192.0.2.1",
        "c=IN IP6 ::1",
        "m=audio 4000 RTP/AVP 0 8 101",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "m=",
        "a=rtpmap:²/²",
        "m=audio ² RTP/AVP ³",
    ]
)


@given(st.lists(LINES | st.text(max_size=40), max_size=30))
def test_any_body_is_survived(lines: list[str]) -> None:
    found = sip_sdp.read(message("\n".join(["v=0", *lines])))
    assert found is not None
    for media in found.media:
        assert 0 < media.address[1] < 65536


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_damage_is_survived(junk: bytes, at: int) -> None:
    whole = message(SDP)
    sip_sdp.read(whole[:at] + junk + whole[at + len(junk) :])
    sip_sdp.read(junk)
