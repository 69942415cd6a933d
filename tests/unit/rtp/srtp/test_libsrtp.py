"""What we use of pylibsrtp beyond its public interface does what that does."""

import pytest
from pylibsrtp import ERRORS, Policy, Session

from sipua.rtp.packet import build
from sipua.rtp.srtp import libsrtp
from sipua.rtp.srtp.libsrtp import Crypt, CryptError

KEY = bytes(range(30))


def policy(streams: int) -> Policy:
    return Policy(key=KEY, ssrc_type=streams)


def packet(sequence: int, size: int = 160) -> bytes:
    return build(bytes(size), payload_type=0, sequence=sequence, timestamp=0, ssrc=7)


def test_the_same_comes_out_as_of_the_public_interface() -> None:
    ours, theirs = Crypt(policy(Policy.SSRC_ANY_OUTBOUND)), Session(policy(Policy.SSRC_ANY_INBOUND))
    for sequence in range(10):
        protected = ours.run(libsrtp.PROTECT, packet(sequence))
        assert theirs.unprotect(protected) == packet(sequence)
    back = Crypt(policy(Policy.SSRC_ANY_INBOUND))
    first = Session(policy(Policy.SSRC_ANY_OUTBOUND)).protect(packet(1))
    assert back.run(libsrtp.UNPROTECT, first) == packet(1)
    with pytest.raises(CryptError) as replayed:
        back.run(libsrtp.UNPROTECT, first)
    assert replayed.value.code in libsrtp.REPLAYED
    with pytest.raises(CryptError) as forged:
        back.run(libsrtp.UNPROTECT, packet(2, 170))
    assert forged.value.code == libsrtp.AUTH_FAILED


def test_the_numbers_are_those_of_libsrtp() -> None:
    assert "authentication" in ERRORS[libsrtp.AUTH_FAILED]
    assert all("replay" in ERRORS[code] for code in libsrtp.REPLAYED)


@pytest.mark.parametrize("size", [0, 1, 11, libsrtp.LONGEST, libsrtp.LONGEST + 1])
def test_no_size_leads_out_of_the_buffer(size: int) -> None:
    crypt = Crypt(policy(Policy.SSRC_ANY_INBOUND))
    for operation in (libsrtp.UNPROTECT, libsrtp.UNPROTECT_CONTROL):
        with pytest.raises(CryptError):
            crypt.run(operation, b"\x80" * size)


def test_the_longest_packet_has_room_for_what_is_added() -> None:
    crypt = Crypt(policy(Policy.SSRC_ANY_OUTBOUND))
    longest = packet(1, libsrtp.LONGEST - 12)
    assert len(longest) == libsrtp.LONGEST
    assert len(crypt.run(libsrtp.PROTECT, longest)) == libsrtp.LONGEST + 10
