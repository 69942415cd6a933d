"""The codecs of a trunk in our SDP, and which of an offer's we answer with."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sipua.sip.wire import codecs

OURS = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 192.0.2.1",
        "s=pjmedia",
        "t=0 0",
        "m=audio 4000 RTP/AVP 0 8 120",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:120 telephone-event/8000",
        "a=fmtp:120 0-16",
        "",
    ]
)


def audio_of(text: str) -> list[str]:
    lines = text.split("\r\n")
    return lines[next(i for i, line in enumerate(lines) if line.startswith("m=")) :]


def test_our_sdp_has_the_codecs_of_the_trunk_in_its_order() -> None:
    assert audio_of(codecs.only(OURS, ["PCMA", "PCMU"]))[0] == "m=audio 4000 RTP/AVP 8 0 120"
    alone = audio_of(codecs.only(OURS, ["PCMA"]))
    assert alone[0] == "m=audio 4000 RTP/AVP 8 120"
    assert "a=rtpmap:0 PCMU/8000" not in alone
    assert "a=rtpmap:120 telephone-event/8000" in alone
    assert codecs.only(OURS, ["PCMU", "PCMA"]) == OURS


def test_an_sdp_without_any_of_them_stays_as_it_is() -> None:
    """Nothing would be left of it; pjsip has its own words for that."""
    other = OURS.replace("RTP/AVP 0 8 120", "RTP/AVP 0 120")
    assert codecs.only(other, ["PCMA"]) == other


@pytest.mark.parametrize(
    ("formats", "wanted", "expected"),
    [
        ("0 8 101", ("PCMA", "PCMU"), ("PCMA",)),
        ("0 101", ("PCMA", "PCMU"), ("PCMU",)),
        ("8 0", ("PCMU",), ("PCMU",)),
        ("18", ("PCMA", "PCMU"), ("PCMA", "PCMU")),
    ],
)
def test_the_answer_names_the_first_of_ours_that_the_offer_has(
    formats: str, wanted: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    offer = f"v=0\r\nm=audio 4000 RTP/AVP {formats}\r\na=rtpmap:101 telephone-event/8000\r\n"
    assert codecs.for_answer(offer, wanted) == expected
    assert codecs.for_answer("", wanted) == wanted


def test_a_number_of_the_offers_own_for_a_law() -> None:
    offer = "v=0\nm=audio 4000 RTP/AVP 97 98\na=rtpmap:97 PCMA/8000\na=rtpmap:98 PCMU/16000\n"
    assert codecs.for_answer(offer, ("PCMU", "PCMA")) == ("PCMA",)


@given(st.text(alphabet="m=audio 048/RTP\r\na:rtpmap", max_size=200))
@example("m=")
def test_S6_any_text_is_read(text: str) -> None:
    assert codecs.for_answer(text, ("PCMA", "PCMU"))
    codecs.only(text, ("PCMA",))
