"""SRTP of one call against itself, and against what the RFC and libsrtp publish."""

import hashlib
import hmac
import random

import pytest

from sipua.rtp.packet import build
from sipua.rtp.srtp.keys import AES_CM_128_HMAC_SHA1_80, SUITES, SrtpKeys
from sipua.rtp.srtp.srtp import MOST_STREAMS, RefusedError, Srtp
from support.media.srtp import both_ends, keys

# RFC 3711 B.3: master key and salt, and the session's authentication key that follows from them.
MASTER = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6")
AUTHENTICATION = bytes.fromhex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
# The packet with which libsrtp tests itself on these keys.
PLAIN = bytes.fromhex("800f1234decafbadcafebabe" + "ab" * 16)
CIPHER = bytes.fromhex(
    "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"
)
REPORT = bytes.fromhex("80c90001cafebabe")  # RTCP: an empty receiver report


def packet(sequence: int, *, ssrc: int = 0xCAFE, payload: bytes = b"\xd5" * 160) -> bytes:
    return build(payload, payload_type=8, sequence=sequence, timestamp=sequence * 160, ssrc=ssrc)


def refused(srtp: Srtp, datagram: bytes) -> str:
    with pytest.raises(RefusedError) as caught:
        srtp.unprotect(datagram)
    return caught.value.reason


def test_a_published_packet_is_encrypted_and_decrypted() -> None:
    same = SrtpKeys(AES_CM_128_HMAC_SHA1_80, MASTER, MASTER)
    assert Srtp(same).protect(PLAIN) == CIPHER
    assert Srtp(same).unprotect(CIPHER) == PLAIN
    # By the RFC's key the tag is of the packet and the roll-over counter, which is 0 here.
    tag = hmac.new(AUTHENTICATION, CIPHER[:-10] + bytes(4), hashlib.sha1).digest()
    assert CIPHER[-10:] == tag[:10]


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_carries_rtp_and_rtcp_both_ways(suite: str) -> None:
    ours, theirs = both_ends(suite)
    for one, other in ((ours, theirs), (theirs, ours)):
        for sequence in range(3):
            sent = one.protect(packet(sequence))
            assert sent[:12] == packet(sequence)[:12]
            assert sent[12:172] != packet(sequence)[12:]
            assert other.unprotect(sent) == packet(sequence)
        assert other.unprotect_control(one.protect_control(REPORT)) == REPORT
    assert ours.suite == suite


@pytest.mark.parametrize("suite", SUITES)
def test_R16_ten_thousand_forged_packets_are_refused_and_change_nothing(suite: str) -> None:
    ours, theirs = both_ends(suite)
    chance = random.Random(16)
    good = theirs.protect(packet(1))
    for number in range(10_000):
        forged = bytearray(good)
        forged[chance.randrange(2, len(forged))] ^= 1 << chance.randrange(8)
        if number % 3 == 0:
            forged[8:12] = chance.randbytes(4)  # of as many SSRCs as there are packets
        assert refused(ours, bytes(forged)) == "srtp_auth"
    assert ours.unprotect(good) == packet(1)


def test_R16_what_is_no_packet_is_refused() -> None:
    ours, theirs = both_ends()
    for junk in (b"", b"\x80", bytes(11), bytes(12), bytes(2000), packet(1)[:20]):
        refused(ours, junk)
        with pytest.raises(RefusedError):
            ours.unprotect_control(junk)
    assert ours.unprotect(theirs.protect(packet(1))) == packet(1)


def test_S26_a_wrong_key_is_refused() -> None:
    ours, _ = both_ends()
    stranger = Srtp(keys("another", "ours"))
    assert refused(ours, stranger.protect(packet(1))) == "srtp_auth"
    assert refused(ours, packet(1)) == "srtp_auth", "and so is none"


def test_a_packet_counts_once() -> None:
    ours, theirs = both_ends()
    sent = [theirs.protect(packet(sequence)) for sequence in range(300)]
    for datagram in sent:
        ours.unprotect(datagram)
    assert {refused(ours, datagram) for datagram in sent} == {"srtp_replay"}
    report = theirs.protect_control(REPORT)
    ours.unprotect_control(report)
    with pytest.raises(RefusedError, match="srtp_replay"):
        ours.unprotect_control(report)


def test_packets_may_come_in_any_order_within_the_window() -> None:
    ours, theirs = both_ends()
    sent = [theirs.protect(packet(sequence)) for sequence in range(200)]
    ours.unprotect(sent[199])
    assert [ours.unprotect(sent[number]) for number in (198, 72, 150)] == [
        packet(number) for number in (198, 72, 150)
    ]
    assert refused(ours, sent[71]) == "srtp_replay", "older than 128 packets"


def test_S26_sequence_numbers_may_wrap_over_and_over() -> None:
    """The roll-over counter is no part of a packet: both sides count for themselves."""
    ours, theirs = both_ends()
    for sequence in range(0, 4 << 16, 7919):  # prime, and far less than the half of a turn
        sent = theirs.protect(packet(sequence))
        assert ours.unprotect(sent) == packet(sequence)
    # Around a wrap, in the wrong order, and with a loss.
    last = [theirs.protect(packet(sequence)) for sequence in range(0x4FFF0, 0x50010)]
    for number in (0, 20, 10, 31, 15):
        assert ours.unprotect(last[number]) == packet(0x4FFF0 + number)


def test_S26_the_peer_may_change_its_ssrc_and_may_have_several() -> None:
    ours, theirs = both_ends()
    for turn in range(3):
        for ssrc in (1, 2, 3):
            sent = theirs.protect(packet(100 + turn, ssrc=ssrc))
            assert ours.unprotect(sent) == packet(100 + turn, ssrc=ssrc)


def test_streams_without_end_are_not_kept() -> None:
    ours, theirs = both_ends()
    sent = [theirs.protect(packet(1, ssrc=ssrc)) for ssrc in range(MOST_STREAMS + 1)]
    for datagram in sent[:-1]:
        ours.unprotect(datagram)
    assert refused(ours, sent[-1]) == "srtp_streams"
    assert ours.unprotect(theirs.protect(packet(2, ssrc=5))) == packet(2, ssrc=5)


def test_S26_a_new_key_of_the_peer_takes_over_when_it_is_used() -> None:
    """Its old one is good until our answer has reached it."""
    ours, theirs = both_ends()
    ours.unprotect(theirs.protect(packet(1)))
    ours.update(keys("ours", "theirs anew"))
    on_its_way = theirs.protect(packet(2))
    assert ours.unprotect(on_its_way) == packet(2)
    theirs.update(keys("theirs anew", "ours"))
    assert ours.unprotect(theirs.protect(packet(3))) == packet(3)
    old = Srtp(keys("theirs", "ours"))
    assert refused(ours, old.protect(packet(4))) == "srtp_auth"
    # Our own key is the same, and so goes on.
    assert theirs.unprotect(ours.protect(packet(1))) == packet(1)


def test_streams_without_end_are_not_kept_with_the_key_before_either() -> None:
    ours, theirs = both_ends()
    ours.unprotect(theirs.protect(packet(1, ssrc=0)))
    ours.update(keys("ours", "theirs anew"))
    sent = [theirs.protect(packet(1, ssrc=ssrc)) for ssrc in range(1, MOST_STREAMS + 1)]
    for datagram in sent[:-1]:
        ours.unprotect(datagram)
    assert refused(ours, sent[-1]) == "srtp_streams"


def test_a_packet_that_is_too_long_is_a_fault_of_the_socket() -> None:
    """One of a plain leg, passed on to this one."""
    ours, _ = both_ends()
    for protect in (ours.protect, ours.protect_control):
        with pytest.raises(OSError, match="too long"):
            protect(packet(1)[:12] + bytes(2048))


def test_an_offer_without_a_change_keeps_window_and_wraps() -> None:
    ours, theirs = both_ends()
    for sequence in range(0, 3 << 16, 30_000):
        ours.unprotect(theirs.protect(packet(sequence)))
    late = theirs.protect(packet((3 << 16) + 5))
    ours.unprotect(late)
    ours.update(keys())
    theirs.update(keys("theirs", "ours"))
    assert refused(ours, late) == "srtp_replay"
    assert ours.unprotect(theirs.protect(packet((3 << 16) + 6))) == packet((3 << 16) + 6)


def test_keys_are_in_no_text() -> None:
    one = keys()
    for shown in (repr(one), str(one), f"{one}"):
        assert one.send.hex() not in shown
        assert repr(one.send) not in shown
        assert "AES_CM_128" in shown
