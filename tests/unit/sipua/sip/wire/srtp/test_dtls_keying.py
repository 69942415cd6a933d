"""Handshakes of a call over its offers and answers, with the other side played here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.rtp.dtls.agreement import Fingerprint, Identity
from sipua.sip.wire import sdp
from sipua.sip.wire.srtp import dtls, sdes
from sipua.sip.wire.srtp.dtls_keying import DtlsKeying
from sipua.sip.wire.srtp.policy import SrtpPolicy

DIGEST, ANEW = bytes(range(32)), bytes(range(32, 64))
TLS_ID = "abc3de65cddef001be82"
PJSIP = "v=0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\na=sendrecv\r\n"
"""As pjsip has written it."""


def line(digest: bytes = DIGEST, name: str = "sha-256") -> str:
    return f"a=fingerprint:{name} {digest.hex(':').upper()}"


def theirs(
    setup: str = "actpass",
    *more: str,
    digest: bytes = DIGEST,
    profile: str = "UDP/TLS/RTP/SAVP",
    version: int = 1,
) -> str:
    lines = [line(digest), f"a=setup:{setup}", *more]
    start = f"v=0\r\no=- 1 {version} IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    return "\r\n".join([f"{start}m=audio 5000 {profile} 0 101", *lines, ""])


PLAIN = "v=0\r\nm=audio 5000 RTP/AVP 0\r\n"


def keying(policy: SrtpPolicy = "require") -> DtlsKeying:
    return DtlsKeying(policy, Identity(b"certificate", b"key"), "sha-256 00:11")


@pytest.mark.parametrize(
    ("setup", "answered", "active"),
    [("actpass", "active", True), ("passive", "active", True), ("active", "passive", False)],
)
def test_S26_an_answer_says_who_begins(setup: str, answered: str, active: bool) -> None:
    ours = keying()
    assert ours.open_question
    text = ours.write_answer(PJSIP, theirs(setup), "192.0.2.1")
    assert "m=audio 4000 UDP/TLS/RTP/SAVP 0 101" in text
    assert f"a=setup:{answered}" in text
    assert "a=fingerprint:sha-256 00:11" in text
    assert "tls-id" not in text, "the offer has none (RFC 8842 5.3)"
    assert not ours.open_question
    assert ours.agreement is not None
    assert ours.agreement.active is active
    assert ours.agreement.fingerprints == (Fingerprint("sha256", DIGEST),)


def test_a_peer_behind_a_nat_begins() -> None:
    offer = theirs().replace("192.0.2.1", "192.168.1.5")
    ours = keying()
    assert "a=setup:passive" in ours.write_answer(PJSIP, offer, "203.0.113.5")
    assert "a=setup:active" in keying().write_answer(PJSIP, offer, "192.168.1.5")


@pytest.mark.parametrize("profile", ["UDP/TLS/RTP/SAVPF", "RTP/SAVP", "RTP/AVP"])
def test_the_profile_of_the_offer_is_that_of_the_answer(profile: str) -> None:
    text = keying("prefer").write_answer(PJSIP, theirs(profile=profile))
    assert f"m=audio 4000 {profile} 0 101" in text


def test_S26_a_later_offer_is_the_same_association_until_the_peer_wants_another() -> None:
    ours = keying()
    ours.write_answer(PJSIP, theirs("active"))
    first = ours.agreement
    assert "a=setup:passive" in ours.write_answer(PJSIP, theirs("actpass", version=2))
    assert ours.agreement == first, "roles stay"
    assert "a=setup:actpass" in ours.write_offer(PJSIP)
    assert ours.read_answer(theirs("active", version=3)) == ""
    assert ours.agreement == first
    ours.write_answer(PJSIP, theirs("active", digest=ANEW, version=4))
    assert ours.agreement != first
    other = ours.agreement
    ours.write_answer(PJSIP, theirs("active", "a=connection:new", digest=ANEW, version=5))
    assert ours.agreement != other


def test_a_200_that_says_what_its_183_said_is_no_other_association() -> None:
    ours = keying()
    ours.write_offer(PJSIP)
    assert ours.read_answer(theirs("passive", "a=connection:new")) == ""
    first = ours.agreement
    assert ours.read_answer(theirs("passive", "a=connection:new")) == ""
    assert ours.agreement == first
    assert ours.read_answer(theirs("passive", "a=connection:new", version=2)) == ""
    assert ours.agreement != first


def test_another_tls_id_is_another_association() -> None:
    ours = keying()
    first = ours.write_answer(PJSIP, theirs("active", f"a=tls-id:{TLS_ID}"))
    assert "a=tls-id:" in first
    before = ours.agreement
    ours.write_answer(PJSIP, theirs("active", f"a=tls-id:{TLS_ID}x", version=2))
    assert ours.agreement != before


def test_S26_our_offer_is_an_extra_or_it_is_required() -> None:
    assert "m=audio 4000 RTP/AVP 0 101" in (text := keying("prefer").write_offer(PJSIP))
    assert "a=setup:actpass" in text
    assert "m=audio 4000 UDP/TLS/RTP/SAVP 0 101" in keying().write_offer(PJSIP)


def test_S26_an_answer_without_a_fingerprint_ends_a_call_that_requires_it_and_no_other() -> None:
    strict, lenient = keying(), keying("prefer")
    strict.write_offer(PJSIP)
    lenient.write_offer(PJSIP)
    assert "has no SRTP" in strict.read_answer(PLAIN)
    assert strict.open_question
    assert lenient.read_answer(PLAIN) == ""
    assert not lenient.open_question
    assert "fingerprint" not in lenient.write_offer(PJSIP), "and it is not asked again"
    assert lenient.read_answer(PLAIN) == ""


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (theirs("actpass"), "actpass"),
        (theirs("active").replace("sha-256", "sha-1"), "sha-1"),
        (theirs("holdconn"), "holdconn"),
    ],
)
def test_an_answer_that_is_none_says_why(answer: str, why: str) -> None:
    ours = keying()
    ours.write_offer(PJSIP)
    assert why in ours.read_answer(answer)
    assert ours.open_question


def test_a_rejected_section_says_nothing() -> None:
    ours = keying()
    ours.write_offer(PJSIP)
    assert ours.read_answer("v=0\r\nm=audio 0 UDP/TLS/RTP/SAVP 0\r\n") == ""
    assert ours.open_question


def unmet(*section: str, policy: SrtpPolicy = "require", profile: str = "UDP/TLS/RTP/SAVP") -> str:
    return dtls.unmet(["v=0"], [f"m=audio 5000 {profile} 0", *section], policy)


@pytest.mark.parametrize(
    ("lines", "profile", "why"),
    [
        ([line()], "UDP/TLS/RTP/SAVP", ""),
        ([line(bytes(48), "SHA-384")], "UDP/TLS/RTP/SAVPF", ""),
        ([line(bytes(20), "sha-1")], "UDP/TLS/RTP/SAVP", "by sha-1"),
        ([line(bytes(20), "sha-1"), line()], "UDP/TLS/RTP/SAVP", ""),
        ([line(bytes(31))], "UDP/TLS/RTP/SAVP", "another length"),
        (["a=fingerprint:sha-256 zz"], "UDP/TLS/RTP/SAVP", "not of RFC 8122"),
        ([], "UDP/TLS/RTP/SAVP", "without a fingerprint"),
        (["a=crypto:1 x inline:y"], "RTP/SAVP", 'srtp_keys` is "dtls"'),
        ([], "RTP/AVP", "has no SRTP"),
        ([line(), "a=setup:holdconn"], "UDP/TLS/RTP/SAVP", "holdconn"),
    ],
)
def test_S26_which_offers_are_taken_and_why_not(lines: list[str], profile: str, why: str) -> None:
    cause = unmet(*lines, profile=profile)
    assert (why in cause) if why else cause == ""
    assert unmet(*lines, profile=profile, policy="off") == ""


def test_an_offer_of_the_other_kind_says_which_key_to_set() -> None:
    section = ["m=audio 5000 UDP/TLS/RTP/SAVP 0", line()]
    assert 'srtp_keys` is "sdes"' in sdes.unmet(section, "require")
    assert 'srtp_keys` is "sdes"' in sdes.unmet(section, "prefer")


def test_the_fingerprint_of_the_session_counts_where_the_section_has_none() -> None:
    found = dtls.read([line(ANEW), "a=setup:passive"], ["m=audio 5000 RTP/SAVP 0"])
    assert found.fingerprints == (Fingerprint("sha256", ANEW),)
    assert found.setup == "passive"
    own = dtls.read([line(ANEW)], ["m=audio 5000 RTP/SAVP 0", line()])
    assert own.fingerprints == (Fingerprint("sha256", DIGEST),)


@given(st.lists(st.text(max_size=300), max_size=40))
def test_any_text_is_read_or_there_is_a_reason(lines: list[str]) -> None:
    section = [f"a=fingerprint:{text}" for text in lines]
    found = dtls.read([], ["m=audio 1 UDP/TLS/RTP/SAVP 0", *section])
    assert bool(found.fingerprints) != bool(found.cause) or not lines


def test_what_pjsip_wrote_of_its_own_does_not_stay() -> None:
    own = PJSIP + "a=crypto:1 x inline:y\r\na=setup:active\r\na=fingerprint:sha-1 00\r\n"
    text = keying().write_answer(own, theirs())
    assert sdp.audio(text).count("a=setup:active") == 1
    assert "crypto" not in text
    assert "sha-1" not in text
