"""Messages of STUN (RFC 5389), as far as a Binding needs them: the request asks a server where our
packet came from, the answer says it.

Nothing is authenticated: an answer is believed when it has the 96 random bits of the request. So a
host on the way to the server can lie, and one that is elsewhere cannot.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass

TRANSACTION_BYTES = 12
DEFAULT_PORT = 3478

_COOKIE = 0x2112A442
_REQUEST, _SUCCESS, _ERROR = 0x0001, 0x0101, 0x0111
_MAPPED, _ERROR_CODE, _XOR_MAPPED = 0x0001, 0x0009, 0x0020
# Servers of RFC 3489 add where they are, and where else: nothing that changes the answer.
_IGNORED = frozenset((0x0002, 0x0004, 0x0005, 0x0006, 0x0007, 0x0008))
_OPTIONAL = 0x8000
"""From here on an attribute that is not known may be passed over (RFC 5389 15)."""
_IPV4 = 1
_HEADER = struct.Struct("!HHI12s")
_LONGEST = 1500


class StunError(ValueError):
    """Not an answer to this request, or one that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """How the server sees us. IPv4 only: IPv6 has no NAT that would change an address."""

    address: str
    port: int


def request(transaction: bytes) -> bytes:
    return _HEADER.pack(_REQUEST, 0, _COOKIE, transaction)


def read(datagram: bytes, transaction: bytes) -> Mapped:
    """The answer to the request with this transaction. Raises StunError."""
    if not _HEADER.size <= len(datagram) <= _LONGEST:
        raise StunError("has not the length of a STUN message")
    kind, length, cookie, theirs = _HEADER.unpack_from(datagram)
    if cookie != _COOKIE or length % 4 or length != len(datagram) - _HEADER.size:
        raise StunError("is not a STUN message")
    if theirs != transaction:
        raise StunError("answers another request")
    if kind == _ERROR:
        raise StunError(_refusal(datagram))
    if kind != _SUCCESS:
        raise StunError("is not an answer")
    return _mapped(datagram)


def _mapped(datagram: bytes) -> Mapped:
    plain = xored = None
    for kind, value in _attributes(datagram):
        if kind == _XOR_MAPPED:
            xored = xored or _address(value, _COOKIE)
        elif kind == _MAPPED:
            plain = plain or _address(value, 0)
        elif kind < _OPTIONAL and kind not in _IGNORED:
            raise StunError(f"has the attribute {kind:#06x}, which must be understood")
    # Some NATs rewrite each copy of the inner address that they find: XOR-MAPPED is not one.
    found = xored or plain
    if found is None:
        raise StunError("names no IPv4 address")
    address = ipaddress.IPv4Address(found.address)
    wrong = address.is_unspecified or address.is_multicast or address.is_reserved
    if wrong or address.is_link_local or address.is_loopback:
        raise StunError(f"says {address}, where no peer could reach us")
    return found


def _attributes(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    at = _HEADER.size
    while at + 4 <= len(datagram):
        kind, length = struct.unpack_from("!HH", datagram, at)
        value = datagram[at + 4 : at + 4 + length]
        if len(value) != length:
            raise StunError("has an attribute that is longer than the message")
        yield kind, value
        at += 4 + length + -length % 4


def _address(value: bytes, mask: int) -> Mapped | None:
    if len(value) != 8 or value[1] != _IPV4:
        return None
    port, address = struct.unpack_from("!HI", value, 2)
    return Mapped(str(ipaddress.IPv4Address(address ^ mask)), port ^ (mask >> 16))


def _refusal(datagram: bytes) -> str:
    for kind, value in _attributes(datagram):
        if kind == _ERROR_CODE and len(value) >= 4:
            return f"is the error {(value[2] & 7) * 100 + value[3] % 100}"
    return "is an error"
