"""The keys of a call over its offers and answers, with the other side played here."""

import pytest

from sipua.rtp.srtp.keys import SrtpKeys
from sipua.sip.wire.srtp import sdes
from sipua.sip.wire.srtp.policy import SrtpPolicy
from sipua.sip.wire.srtp.sdes import CryptoLine
from sipua.sip.wire.srtp.sdes_keying import SdesKeying

EIGHTY, *_, THIRTY_TWO = sdes.OURS
THEIRS, ANEW = bytes(range(30)), bytes(range(30, 60))


def sdp(*lines: CryptoLine, profile: str = "RTP/AVP", before: str = "") -> str:
    crypto = "".join(f"{line}\r\n" for line in lines)
    return f"v=0\r\nt=0 0\r\n{before}m=audio 4000 {profile} 0 101\r\n{crypto}a=sendrecv\r\n"


def lines_of(text: str) -> tuple[CryptoLine, ...]:
    sections = text.split("m=audio 4000")[1]
    return sdes.read(["m=audio 4000 RTP/AVP 0", *sections.split("\r\n")]).lines


PJSIP = sdp(CryptoLine(1, EIGHTY, bytes(30)))
"""As pjsip has written it, with a key of its own."""


def answered(keying: SdesKeying, offer: str) -> CryptoLine:
    (line,) = lines_of(keying.write_answer(PJSIP, offer))
    return line


@pytest.mark.parametrize("policy", ["prefer", "require"])
def test_S26_an_answer_keeps_the_tag_and_has_our_own_key(policy: SrtpPolicy) -> None:
    keying = SdesKeying(policy)
    assert keying.open_question
    line = answered(keying, sdp(CryptoLine(9, THIRTY_TWO, THEIRS), profile="RTP/SAVP"))
    assert (line.tag, line.suite) == (9, THIRTY_TWO)
    assert line.key not in (bytes(30), THEIRS)
    assert keying.keys == SrtpKeys(THIRTY_TWO, line.key, THEIRS)
    assert not keying.open_question


def test_an_answer_to_a_plain_offer_is_plain() -> None:
    keying = SdesKeying("prefer")
    assert lines_of(keying.write_answer(PJSIP, sdp())) == ()
    assert keying.keys is None
    assert not keying.open_question


def test_S26_the_peer_may_change_its_key_and_ours_stays() -> None:
    keying = SdesKeying("prefer")
    first = answered(keying, sdp(CryptoLine(1, EIGHTY, THEIRS)))
    again = answered(keying, sdp(CryptoLine(1, EIGHTY, ANEW)))
    assert again.key == first.key
    assert keying.keys == SrtpKeys(EIGHTY, first.key, ANEW)
    other = answered(keying, sdp(CryptoLine(4, THIRTY_TWO, ANEW)))
    assert (other.tag, other.key == first.key) == (4, False)


def test_S26_our_answer_may_be_offered_again_and_the_peer_has_a_new_key() -> None:
    """pjsip does it by itself, to refresh the session of a peer without UPDATE."""
    keying = SdesKeying("prefer")
    ours = answered(keying, sdp(CryptoLine(3, EIGHTY, THEIRS)))
    assert keying.read_answer(sdp(CryptoLine(3, EIGHTY, ANEW))) == ""
    assert keying.keys == SrtpKeys(EIGHTY, ours.key, ANEW)


def test_of_several_sections_the_one_that_is_answered_counts() -> None:
    keying = SdesKeying("prefer")
    refused = "m=audio 0 RTP/AVP 0\r\n"
    offer = sdp(CryptoLine(2, EIGHTY, THEIRS), before=f"m=audio 5000 RTP/AVP 0\r\n{ANEW!r}\r\n")
    text = keying.write_answer(sdp(before=refused), offer)
    assert [line.tag for line in lines_of(text)] == [2]


def test_S26_our_offer_is_an_extra_or_it_is_required() -> None:
    offered = SdesKeying("prefer").write_offer(PJSIP)
    assert "m=audio 4000 RTP/AVP 0 101" in offered
    assert [(line.tag, line.suite) for line in lines_of(offered)] == [*enumerate(sdes.OURS, 1)]
    assert "m=audio 4000 RTP/SAVP 0 101" in SdesKeying("require").write_offer(PJSIP)


@pytest.mark.parametrize("policy", ["prefer", "require"])
def test_the_answer_to_our_offer_settles_the_keys(policy: SrtpPolicy) -> None:
    keying = SdesKeying(policy)
    ours = lines_of(keying.write_offer(PJSIP))
    assert keying.open_question
    assert keying.read_answer(sdp(CryptoLine(4, THIRTY_TWO, THEIRS))) == ""
    assert keying.keys == SrtpKeys(THIRTY_TWO, ours[3].key, THEIRS)
    assert not keying.open_question
    # The same again, as a 183 and a 200 have it.
    assert keying.read_answer(sdp(CryptoLine(4, THIRTY_TWO, THEIRS))) == ""
    # Within the call we offer what is used, with the same key.
    assert lines_of(keying.write_offer(PJSIP)) == (CryptoLine(1, THIRTY_TWO, ours[3].key),)


def test_S26_an_answer_without_srtp_ends_a_call_that_requires_it_and_no_other() -> None:
    strict, lenient = SdesKeying("require"), SdesKeying("prefer")
    for keying in (strict, lenient):
        keying.write_offer(PJSIP)
    assert "has no SRTP" in strict.read_answer(sdp())
    assert strict.open_question
    assert lenient.read_answer(sdp()) == ""
    assert not lenient.open_question
    assert lines_of(lenient.write_offer(PJSIP)) == (), "and it is not asked again"
    assert lenient.read_answer(sdp()) == ""


@pytest.mark.parametrize("line", [CryptoLine(1, THIRTY_TWO, THEIRS), CryptoLine(5, EIGHTY, THEIRS)])
def test_an_answer_to_what_was_not_offered_is_none(line: CryptoLine) -> None:
    keying = SdesKeying("prefer")
    keying.write_offer(PJSIP)
    assert "not offered" in keying.read_answer(sdp(line))
    assert keying.open_question


def test_a_response_without_audio_says_nothing() -> None:
    keying = SdesKeying("require")
    keying.write_offer(PJSIP)
    for body in ("", "v=0\r\nm=audio 0 RTP/SAVP 0\r\n"):
        assert keying.read_answer(body) == ""
    assert keying.open_question
