"""STUN messages: the samples of RFC 5769, and what nobody should believe."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.nat import stun
from support.signalling.stun_server import answer, error

ID = bytes(range(12))


def test_a_request_is_twenty_bytes() -> None:
    assert stun.request(ID) == bytes.fromhex("000100002112a442") + ID


def test_the_ipv4_answer_of_rfc_5769() -> None:
    """Section 2.2, with SOFTWARE, MESSAGE-INTEGRITY and FINGERPRINT taken for what they are: the
    second must be understood, so the sample is cut before it."""
    transaction = bytes.fromhex("b7e7a701bc34d686fa87dfae")
    attributes = bytes.fromhex("8022000b7465737420766563746f7220002000080001a147e112a643")
    header = struct.pack("!HHI", 0x0101, len(attributes), 0x2112A442) + transaction
    assert stun.read(header + attributes, transaction) == stun.Mapped("192.0.2.1", 32853)


def test_an_old_server_says_it_in_plain() -> None:
    old = answer(ID, ("203.0.113.9", 5060), xored=False)
    assert stun.read(old, ID) == stun.Mapped("203.0.113.9", 5060)


def test_a_nat_that_rewrites_addresses_in_packets_is_not_believed() -> None:
    both = answer(ID, ("203.0.113.9", 5060), before=_mapped("192.168.1.5", 4))
    assert stun.read(both, ID).address == "203.0.113.9"


@pytest.mark.parametrize(
    ("datagram", "why"),
    [
        (b"", "length"),
        (bytes(19), "length"),
        (bytes(2000), "length"),
        (bytes(20), "not a STUN message"),
        (answer(ID, ("203.0.113.9", 1)) + b"\0\0\0\0", "not a STUN message"),
        (answer(bytes(12), ("203.0.113.9", 1)), "another request"),
        (stun.request(ID), "not an answer"),
        (error(ID, 420), "the error 420"),
        (error(ID, None), "an error"),
        (answer(ID, None), "no IPv4 address"),
        (answer(ID, ("0.0.0.0", 1)), "no peer could reach us"),
        (answer(ID, ("255.255.255.255", 1)), "no peer could reach us"),
        (answer(ID, ("239.0.0.1", 1)), "no peer could reach us"),
        (answer(ID, ("169.254.0.9", 1)), "no peer could reach us"),
        (answer(ID, ("127.0.0.1", 1)), "no peer could reach us"),
        (answer(ID, ("127.9.9.9", 1)), "no peer could reach us"),
        (answer(ID, ("203.0.113.9", 1), before=struct.pack("!HH", 0x0024, 0)), "0x0024"),
        (answer(ID, None, before=struct.pack("!HH", 0x0020, 8)), "longer than the message"),
        (answer(ID, None, before=struct.pack("!HHBBH16x", 0x0020, 20, 0, 2, 9)), "no IPv4"),
    ],
)
def test_what_is_no_answer(datagram: bytes, why: str) -> None:
    with pytest.raises(stun.StunError, match=why):
        stun.read(datagram, ID)


@given(st.binary(max_size=80))
def test_any_bytes_behind_a_good_header_are_an_address_or_an_error(rest: bytes) -> None:
    rest = rest[: len(rest) // 4 * 4]
    datagram = struct.pack("!HHI", 0x0101, len(rest), 0x2112A442) + ID + rest
    with contextlib.suppress(stun.StunError):
        assert stun.read(datagram, ID).address


def _mapped(host: str, port: int) -> bytes:
    packed = bytes(int(part) for part in host.split("."))
    return struct.pack("!HHBBH", 0x0001, 8, 0, 1, port) + packed
