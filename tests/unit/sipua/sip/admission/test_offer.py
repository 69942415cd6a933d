"""Offers that cannot be met are known before anything is spent: S6, S7, S8."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.admission import offer
from sipua.sip.wire.srtp.policy import SrtpPolicy

CODECS = ("pcmu", "pcma")
AUDIO = "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"


def sdp(*sections: str, connection: str = "c=IN IP4 192.0.2.1\r\n") -> str:
    head = f"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n{connection}t=0 0\r\n"
    return head + "".join(sections)


def invite(body: str, content_type: str = "Content-Type: application/sdp") -> str:
    return f"INVITE sip:agent@edge SIP/2.0\r\nFrom: <sip:a@b>\r\n{content_type}\r\n\r\n{body}"


def status(message: str, address_types: tuple[str, ...] = ("IP4",)) -> int:
    refusal = offer.refusal(message, CODECS, address_types)
    return 200 if refusal is None else refusal.status


def cause(body: str, address_types: tuple[str, ...] = ("IP4",)) -> str:
    return offer.unmet(body, CODECS, address_types)


@pytest.mark.parametrize(
    "body",
    [
        sdp(AUDIO),
        sdp(AUDIO).replace("\r\n", "\n"),
        sdp("m=video 4002 RTP/AVP 99\r\n", AUDIO),
        sdp(AUDIO, *["m=video 0 RTP/AVP 99\r\n"] * 15),
        sdp("m=audio 0 RTP/AVP 0\r\n", AUDIO),
        sdp("m=audio 4000 RTP/SAVP 0\r\n", AUDIO),
        sdp("m=Audio 4000/2 RTP/AVPF 8\r\n"),
        sdp("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 pcma/8000/1\r\n"),
        sdp(AUDIO, connection="c=IN IP4 0.0.0.0\r\n"),
        sdp(AUDIO + "c=IN IP4 192.0.2.7/127\r\n", connection="c=IN IP4 name.example\r\n"),
        sdp(AUDIO + "a=rtcp:4001\r\n"),
        sdp(AUDIO + "a=rtcp:4001 IN IP4 192.0.2.1\r\n"),
        "",
    ],
)
def test_S7_an_offer_that_can_be_met_passes(body: str) -> None:
    assert status(invite(body)) == 200


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (sdp(*[AUDIO] * 17), "17 media sections"),
        (sdp(*[AUDIO] * 1000), "1000 media sections"),
        (sdp(AUDIO, "a=x\r\n" * 1000), "more than 1000 lines"),
        (sdp("m=audio 0 RTP/AVP 0\r\n"), "no RTP audio"),
        (sdp("m=image 4000 udptl t38\r\n"), "no RTP audio"),
        (sdp("m=audio 4000 RTP/SAVP 0\r\n"), "no RTP audio"),
        (sdp("m=audio 4000 RTP/AVP 18\r\n"), "codecs pcmu, pcma"),
        (sdp("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/16000\r\n"), "codecs"),
        (sdp(AUDIO, connection="c=IN IP4 pbx.example\r\n"), "names a host"),
        (sdp(AUDIO, connection="c=IN IP6 2001:db8::1\r\n"), "over IPv6, and we have IPv4"),
        (sdp(AUDIO + "c=IN IP6 2001:db8::1\r\n"), "over IPv6"),
        (sdp(AUDIO, connection="c=IN IP4 2001:db8::1\r\n"), "names a host"),
        (sdp(AUDIO + "a=rtcp:4001 IN IP4 pbx.example\r\n"), "names a host"),
    ],
)
def test_S7_an_offer_that_cannot_be_met_is_488_and_says_why(body: str, why: str) -> None:
    assert status(invite(body)) == 488
    assert why in cause(body)


SECURED = "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"
SECURED += f"{'A' * 40}\r\n"


def test_S26_the_policy_of_the_trunk_says_which_offers_can_be_met() -> None:
    def cause_by(policy: SrtpPolicy, *sections: str) -> str:
        return offer.unmet(sdp(*sections), CODECS, ("IP4",), policy)

    policies: tuple[SrtpPolicy, ...] = ("prefer", "require")
    for policy in policies:
        assert cause_by(policy, SECURED) == ""
        assert cause_by(policy, AUDIO, SECURED) == "", "pjsip takes the one with SRTP"
        assert "no a=crypto line" in cause_by(policy, "m=audio 4000 RTP/SAVP 0\r\n")
    assert cause_by("off", AUDIO, SECURED) == ""
    assert "without SRTP" in cause_by("off", SECURED)
    assert cause_by("prefer", AUDIO) == ""
    assert "has no SRTP" in cause_by("require", AUDIO)
    assert "has no SRTP" in offer.misplaced(sdp(AUDIO), ("IP4",), "require")
    assert offer.misplaced(sdp(SECURED), ("IP4",), "require") == ""


def test_which_addresses_can_be_met_is_ours_to_say() -> None:
    over_ipv6 = sdp(AUDIO, connection="c=IN IP6 2001:db8::1\r\n")
    assert cause(over_ipv6, ("IP4", "IP6")) == ""
    assert cause(over_ipv6, ("IP6",)) == ""
    assert "over IPv4, and we have IPv6" in cause(sdp(AUDIO), ("IP6",))


def test_the_section_that_counts_is_the_one_that_will_be_answered() -> None:
    """pjsua takes the first that flows; its address matters, and no other's."""
    by_name, by_address = "c=IN IP4 pbx.example\r\n", "c=IN IP4 192.0.2.1\r\n"
    assert cause(sdp(AUDIO + by_address, AUDIO + by_name)) == ""
    assert "names a host" in cause(sdp(AUDIO + by_name, AUDIO + by_address))
    held = AUDIO + by_name + "a=inactive\r\n"
    assert cause(sdp(held, AUDIO + by_address)) == ""


def test_S6_of_two_addresses_the_last_counts_as_pjsip_has_it() -> None:
    twice = sdp(AUDIO, connection="c=IN IP4 192.0.2.1\r\nc=IN IP6 ::1\r\n")
    assert "over IPv6, and we have IPv4" in cause(twice)
    assert "over IPv6" in cause(sdp(AUDIO + "c=IN IP4 192.0.2.1\r\nc=IN IP6 ::1\r\n"))


def test_S7_of_an_offer_within_a_call_only_the_address_counts() -> None:
    by_name = "c=IN IP4 pbx.example\r\n"
    assert "names a host" in offer.misplaced(sdp(AUDIO + by_name), ("IP4",))
    for body in (sdp(AUDIO), sdp("m=image 4000 udptl t38\r\n"), sdp(), ""):
        assert offer.misplaced(body, ("IP4",)) == ""


def test_S8_sdp_in_a_multipart_body_is_found() -> None:
    bad = sdp("m=audio 4000 RTP/AVP 18\r\n")
    for boundary in ("boundary=b1", 'boundary="b1"', "x=y; Boundary = b1"):
        for body, expected in ((sdp(AUDIO), 200), (bad, 488)):
            parts = (
                f"--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
                f"--b1\r\nContent-Type: application/sdp\r\n\r\n{body}\r\n--b1--\r\n"
            )
            content_type = f"Content-Type: multipart/mixed; {boundary}"
            assert status(invite(parts, content_type)) == expected


def test_S8_a_multipart_body_without_a_boundary_is_400() -> None:
    body = f"--b1\r\nContent-Type: application/sdp\r\n\r\n{sdp(AUDIO)}\r\n--b1--\r\n"
    for content_type in (
        "multipart/mixed",
        "multipart/mixed;boundary=",
        'Multipart/X; boundary=""',
    ):
        refusal = offer.refusal(invite(body, f"c: {content_type}"), CODECS, ("IP4",))
        assert refusal is not None
        assert (refusal.status, refusal.cause) == (400, "the multipart body has no boundary")


def test_lines_may_end_in_any_way() -> None:
    """As pjsip reads them: nothing gets past us that it would take."""
    message = invite(sdp(*[AUDIO] * 17))
    for end in ("\r\n", "\n", "\r"):
        assert status(message.replace("\r\n", end)) == 488


def test_what_pjsip_refuses_itself_passes() -> None:
    assert status(invite("", "Subject: no offer")) == 200
    assert status(invite("hello", "Content-Type: text/plain")) == 200
    assert status(invite("nonsense")) == 200
    assert status(invite(sdp("m=\r\n"))) == 488
    assert status(invite(sdp(AUDIO, connection=""))) == 200
    assert status(invite("x", "Content-Type: multipart/mixed;boundary=b1")) == 200


PIECES = st.sampled_from(
    [
        "m=audio 1 RTP/AVP 0",
        "m=",
        "c=IN IP4 ",
        "c=",
        "a=rtcp:",
        "a=rtpmap:",
        " ",
        "/",
        "\r",
        "\n",
        "--b",
    ]
)


@given(st.lists(PIECES | st.text()).map("".join))
def test_any_message_is_refused_or_passes(text: str) -> None:
    for content_type in ("application/sdp", "multipart/mixed;boundary=b", text):
        message = invite(text, f"Content-Type: {content_type}")
        assert status(message) in (200, 400, 488)
    offer.refusal(text, CODECS, ("IP4",))
    offer.misplaced(text, ("IP4",))


@pytest.mark.parametrize(
    "pattern", ["m=audio 1 RTP/AVP 0\n", "a=rtcp:1 IN\n", "--b\n", "c=\n", ";"]
)
def test_S21_a_hostile_offer_costs_time_in_proportion_to_its_size(pattern: str) -> None:
    def took_s(size: int) -> float:
        text = pattern * (size // len(pattern))
        messages = (
            invite(sdp(AUDIO) + text),
            invite(text, "Content-Type: multipart/mixed;boundary=b"),
            invite("x", f"Content-Type: multipart/mixed{text}".replace("\n", ";")),
        )
        return max(min(_took_s(messages) for _ in range(3)), 0.0005)

    assert took_s(160_000) < 60 * took_s(10_000)  # 16 at most when linear, 256 when quadratic


def _took_s(messages: tuple[str, ...]) -> float:
    """Of this thread: what runs beside it does not count."""
    began = time.thread_time()
    for message in messages:
        offer.refusal(message, CODECS, ("IP4",))
    return time.thread_time() - began
